"""Tunes an embedder on an index's own documents, without a language model."""
