"""What every embedder must answer with: unit vectors, one a text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ragkit_ingest.embed.protocol import Embedder, Fingerprint, SentenceEmbedder, Vectors
from ragkit_ingest.errors import EmbedderError

_TOLERANCE = 0.01


def embedded(embedder: Embedder, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
    """Return the texts' vectors, shape (len(texts), dimension), and those of their sentences.

    The latter are empty if the embedder is no `SentenceEmbedder`.
    """
    if isinstance(embedder, SentenceEmbedder):
        return embedder.embed_with_sentences(texts)
    return embedder.embed_documents(texts), []


def check_vectors(
    vectors: Vectors,
    count: int,
    fingerprint: Fingerprint,
    sentences: Sequence[Vectors] = (),
) -> None:
    """Refuse what an embedder must not answer with, before any of it is stored.

    Args:
        vectors: Of the texts.
        count: How many texts there were.
        fingerprint: Of the embedder.
        sentences: Of the sentences of each text; empty if the embedder does not tell them.

    Raises:
        EmbedderError: If the vectors are not `count` unit vectors of the embedder's dimension, or
            the sentences not those of as many texts.
    """
    wanted = (count, fingerprint.dimension)
    if vectors.shape != wanted:
        raise EmbedderError(
            f"the embedder {fingerprint.name} gave an array of shape {vectors.shape} for {count} "
            f"texts, not {wanted}; nothing of it was stored"
        )
    # Written so that a vector that is not finite counts as wrong.
    if not (np.abs(np.linalg.norm(vectors, axis=1) - 1.0) < _TOLERANCE).all():
        raise EmbedderError(
            f"the embedder {fingerprint.name} gave vectors that are not of length 1; nothing of "
            "it was stored"
        )
    if sentences and len(sentences) != count:
        raise EmbedderError(
            f"the embedder {fingerprint.name} gave the sentences of {len(sentences)} texts for "
            f"{count}; nothing of it was stored"
        )
    if any(len(held) for held in sentences):
        together = np.concatenate([held for held in sentences if len(held)])
        check_vectors(together, len(together), fingerprint)


def unit_vectors(rows: Sequence[Vectors], who: str) -> Vectors:
    """Return rows of one length scaled to length 1, shape (len(rows), dimension).

    Args:
        rows: One vector a text, at least one.
        who: Names the embedder in error messages.

    Raises:
        EmbedderError: If a number is not finite, or a vector has no direction.
    """
    vectors = np.stack(rows).astype(np.float64)
    if not np.isfinite(vectors).all():
        raise EmbedderError(
            f"{who} gave a vector with numbers that are not finite; nothing of it was stored"
        )
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (lengths > 0).all():
        raise EmbedderError(
            f"{who} gave a vector of length 0, which points nowhere; nothing of it was stored"
        )
    scaled: Vectors = (vectors / lengths).astype(np.float32)
    return scaled
