"""Reciprocal rank: how soon does the first relevant document come?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def reciprocal_rank_at(k: int, ranked: Sequence[str], gains: Mapping[str, int]) -> float:
    """Return 1 over the rank of the first relevant id among the first k, 0 if there is none.

    Args:
        k: Cutoff, 1 or more.
        ranked: Ids, best first, without repeats.
        gains: Grade of each judged id; above 0 is relevant.

    Returns:
        A value in [0, 1]. Its mean over queries is the mean reciprocal rank (MRR).

    Source:
        Voorhees, TREC-8 Question Answering Track Report, 1999; `RR@k` of ir-measures.
    """
    for rank, id_ in enumerate(ranked[:k], start=1):
        if gains.get(id_, 0) > 0:
            return 1.0 / rank
    return 0.0
