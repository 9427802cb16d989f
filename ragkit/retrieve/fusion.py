"""Fuses the dense and the lexical ranking into one, by score or by rank.

Source: Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", ACM TOIS
42(1), 2023: a convex combination of scaled scores beats rank fusion, and needs one weight.
Cormack, Clarke and Buettcher, SIGIR 2009: reciprocal rank fusion, which needs no scores.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T", bound=Hashable)
_RANK_OFFSET = 60  # as in the paper: the first ranks differ by little


def scaled(scores: Mapping[int, float]) -> dict[int, float]:
    """Return the scores moved linearly onto [0, 1]; if all are equal, each becomes 1."""
    if not scores:
        return {}
    low, high = min(scores.values()), max(scores.values())
    if high == low:
        return dict.fromkeys(scores, 1.0)
    return {key: (score - low) / (high - low) for key, score in scores.items()}


def fused(
    dense: Mapping[int, float], lexical: Mapping[int, float], *, dense_weight: float
) -> list[tuple[int, float]]:
    """Return (id, score) of every id in either ranking, best first; equal scores by id.

    Args:
        dense: Cosine similarity by id.
        lexical: BM25 by id.
        dense_weight: Weight of the dense score in [0, 1]; the lexical one has the rest.

    Returns:
        Scores in [0, 1]. An id that one ranking lacks gets 0 from it, its lowest score.
    """
    by_dense, by_lexical = scaled(dense), scaled(lexical)
    scores = {
        id_: dense_weight * by_dense.get(id_, 0.0) + (1.0 - dense_weight) * by_lexical.get(id_, 0.0)
        for id_ in by_dense.keys() | by_lexical.keys()
    }
    return sorted(scores.items(), key=lambda entry: (-entry[1], entry[0]))


def fused_by_rank(
    dense: Mapping[int, float], lexical: Mapping[int, float], *, dense_weight: float
) -> list[tuple[int, float]]:
    """Return (id, score) of every id in either ranking by reciprocal ranks, best first.

    Args:
        dense: Cosine similarity by id.
        lexical: BM25 by id.
        dense_weight: Weight of the dense rank in [0, 1]; the lexical one has the rest.

    Returns:
        Scores in [0, 1], but for rounding; 1 for the first of both rankings. An id that one
        ranking lacks gets 0 from it. Equal scores share no rank: the smaller id comes first.
    """
    scores: dict[int, float] = dict.fromkeys(dense.keys() | lexical.keys(), 0.0)
    for ranking, weight in ((dense, dense_weight), (lexical, 1.0 - dense_weight)):
        ordered = sorted(ranking, key=lambda id_: (-ranking[id_], id_))
        for rank, id_ in enumerate(ordered, start=1):
            scores[id_] += weight * (_RANK_OFFSET + 1) / (_RANK_OFFSET + rank)
    return sorted(scores.items(), key=lambda entry: (-entry[1], entry[0]))


def reciprocal_ranks(rankings: Sequence[Sequence[T]]) -> list[T]:
    """Return everything in any of the rankings by the sum of its reciprocal ranks, best first.

    Equal sums are in the order of the first ranking that holds them.
    """
    sums: dict[T, float] = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            sums[item] = sums.get(item, 0.0) + 1.0 / (_RANK_OFFSET + rank)
    return sorted(sums, key=lambda item: -sums[item])
