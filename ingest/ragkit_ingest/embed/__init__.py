"""Embedders: one implementation a module, all behind `protocol.Embedder`."""
