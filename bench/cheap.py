"""Embedders that cost little, where what is measured is everything else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from ragkit_ingest.embed.minilm import MiniLM
from ragkit_ingest.embed.protocol import Fingerprint, Vectors

_DIMENSION = 384
_CHARACTERS_A_TOKEN = 4


class CheapEmbedder:
    """Gives every text a unit vector drawn from its hash; it finds nothing but the same text."""

    def __init__(self) -> None:
        self.fingerprint = Fingerprint(
            name="cheap", weights_sha256="0" * 64, dimension=_DIMENSION, max_tokens=256
        )

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return a guess from the texts' lengths."""
        return [len(text) // _CHARACTERS_A_TOKEN + 1 for text in texts]

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Return one vector a text, shape (len(texts), 384)."""
        rows = np.zeros((len(texts), _DIMENSION), np.float32)
        for row, text in zip(rows, texts, strict=True):
            seed = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            row[:] = np.random.default_rng(int.from_bytes(seed)).standard_normal(_DIMENSION)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True).astype(np.float32)

    def embed_query(self, text: str) -> Vectors:
        """Return the vector of a question, shape (384,)."""
        vector: Vectors = self.embed_documents([text])[0]
        return vector


class SeldomEmbedder(CheapEmbedder):
    """Lets the real model read every twentieth batch: its memory for a fraction of its time."""

    _EVERY = 20

    def __init__(self) -> None:
        super().__init__()
        self._model = MiniLM()
        self._calls = 0

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the texts' lengths as the model counts them."""
        return self._model.count_tokens(texts)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Return one vector a text, shape (len(texts), 384)."""
        self._calls += 1
        if self._calls % self._EVERY == 1:
            return self._model.embed_documents(texts)
        return super().embed_documents(texts)

    def release(self) -> None:
        """Give the model's memory back."""
        self._model.release()
