"""Pseudo-relevance feedback: the first passages found say what else to look for.

Source: Rocchio, "Relevance Feedback in Information Retrieval", 1971; for dense vectors, Li et
al., "Pseudo Relevance Feedback with Deep Language Models and Dense Retrievers", ACM TOIS 41(3),
2023 (ANCE-PRF's baseline, vector PRF by Rocchio).
"""

from __future__ import annotations

import numpy as np

from ragkit_ingest.embed.protocol import Vectors


def moved(question: Vectors, passages: Vectors, *, weight: float) -> Vectors:
    """Return the question's vector moved towards the passages, of length 1 again.

    Args:
        question: A unit vector, shape (dimension,).
        passages: Unit vectors, shape (passages, dimension); without any, nothing moves.
        weight: How far: the question counts 1, the mean of the passages this much; 0 or more.
    """
    if not len(passages):
        return question
    target = question + weight * passages.mean(axis=0)
    length = float(np.linalg.norm(target))
    # Opposite vectors can cancel each other out: then there is no direction to move in.
    return question if length < 1e-6 else np.asarray(target / length, np.float32)
