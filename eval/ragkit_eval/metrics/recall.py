"""Recall: how many of the relevant documents are found?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def recall_at(k: int, ranked: Sequence[str], gains: Mapping[str, int]) -> float:
    """Return the share of the relevant ids among the first k.

    Args:
        k: Cutoff, 1 or more.
        ranked: Ids, best first, without repeats.
        gains: Grade of each judged id; above 0 is relevant.

    Returns:
        A value in [0, 1]; 0 if nothing is relevant.

    Source:
        `recall` of trec_eval, `R@k` of ir-measures.
    """
    relevant = {id_ for id_, gain in gains.items() if gain > 0}
    return len(relevant.intersection(ranked[:k])) / len(relevant) if relevant else 0.0
