"""An embedder without a model: fast, deterministic, and it remembers what it read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from ragkit_ingest.embed.protocol import Fingerprint, Vectors

_TOKEN = re.compile(r"\w+|[^\w\s]")


class HashingEmbedder:
    """Adds a pseudo-random vector for every word: texts that share words lie close together.

    Args:
        dimension: Length of a vector.
        name: Part of the fingerprint.
        max_tokens: Longest text read.
    """

    def __init__(
        self, *, dimension: int = 48, name: str = "hashing", max_tokens: int = 256
    ) -> None:
        self.fingerprint = Fingerprint(
            name=name, weights_sha256="0" * 64, dimension=dimension, max_tokens=max_tokens
        )
        self.embedded: list[str] = []
        self.calls = 0

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(_TOKEN.findall(text)) for text in texts]

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.calls += 1
        self.embedded += texts
        rows = [self._vector(text) for text in texts]
        return np.stack(rows) if rows else np.zeros((0, self.fingerprint.dimension), np.float32)

    def embed_query(self, text: str) -> Vectors:
        return self._vector(text)

    def _vector(self, text: str) -> Vectors:
        words = _TOKEN.findall(text.lower())[: self.fingerprint.max_tokens - 2]
        total = np.sum([self._word(word) for word in ["", *words]], axis=0)
        vector: Vectors = (total / np.linalg.norm(total)).astype(np.float32)
        return vector

    def _word(self, word: str) -> Vectors:
        return _hashed(word, self.fingerprint.dimension)


@lru_cache(maxsize=100_000)
def _hashed(word: str, dimension: int) -> Vectors:
    digest = hashlib.sha256(word.encode("utf-8", "surrogatepass")).digest()
    seed = np.random.default_rng(int.from_bytes(digest[:8], "little"))
    vector: Vectors = seed.standard_normal(dimension).astype(np.float32)
    return vector


class HashingSentences(HashingEmbedder):
    """Tells the sentences of a text as well, those of four words and more."""

    def embed_with_sentences(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        empty = np.zeros((0, self.fingerprint.dimension), np.float32)
        return self.embed_documents(texts), [
            np.stack(rows) if (rows := [self._vector(said) for said in _said(text)]) else empty
            for text in texts
        ]


def _said(text: str) -> list[str]:
    return [part for part in re.split(r"[.;\n]", text) if len(_TOKEN.findall(part)) >= 4]
