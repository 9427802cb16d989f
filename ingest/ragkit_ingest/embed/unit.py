"""What every embedder must answer with: unit vectors, one a text."""

from __future__ import annotations

import numpy as np

from ragkit_ingest.embed.protocol import Fingerprint, Vectors
from ragkit_ingest.errors import EmbedderError

_TOLERANCE = 0.01


def check_vectors(vectors: Vectors, count: int, fingerprint: Fingerprint) -> None:
    """Refuse what an embedder must not answer with, before any of it is stored.

    Raises:
        EmbedderError: If the vectors are not `count` unit vectors of the embedder's dimension.
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
