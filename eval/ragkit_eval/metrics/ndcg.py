"""nDCG: are the relevant documents near the top, the most relevant first?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def ndcg_at(k: int, ranked: Sequence[str], gains: Mapping[str, int]) -> float:
    """Return the discounted gain of the first k ids over that of the ideal order.

    Args:
        k: Cutoff, 1 or more.
        ranked: Ids, best first, without repeats.
        gains: Grade of each judged id; 0 or less is not relevant, as is an id without one.

    Returns:
        A value in [0, 1]; 0 if nothing is relevant.

    Source:
        Jarvelin and Kekalainen, ACM TOIS 20(4), 2002, with gains as they are (not 2^gain - 1)
        and a discount of log2(rank + 1): `ndcg_cut` of trec_eval, `nDCG@k` of ir-measures.
    """
    ideal = _discounted(sorted((max(g, 0) for g in gains.values()), reverse=True)[:k])
    if ideal == 0.0:
        return 0.0
    return _discounted([max(gains.get(id_, 0), 0) for id_ in ranked[:k]]) / ideal


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in enumerate(gains, start=1))
