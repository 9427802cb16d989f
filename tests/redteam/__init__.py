"""Attacks from within documents, against a model that obeys whatever it reads."""
