"""Generators: one a module, all behind `protocol.Generator`."""
