"""Rerankers: models that read a question and a passage together, and say how well they match."""
