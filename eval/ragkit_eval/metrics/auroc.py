"""AUROC: does what is true score higher than what is not?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def auroc(
    scores: Sequence[float], labels: Sequence[bool], weights: Sequence[float] | None = None
) -> float | None:
    """Return how often a true case scores higher than a false one; a tie counts one half.

    Args:
        scores: One a case, higher for what is held to be true.
        labels: What is true, in the same order.
        weights: How often each case counts, 0 or more; by default once.

    Returns:
        A value in [0, 1], .5 for a score that knows nothing; None unless there are cases of both
        labels.

    Raises:
        ValueError: If the lengths differ.

    Source:
        Hanley and McNeil, Radiology 143(1), 1982: the area under the ROC curve is the
        Mann-Whitney statistic.
    """
    if len(scores) != len(labels):
        raise ValueError(f"there are {len(scores)} scores and {len(labels)} labels")
    true = np.asarray(labels, bool)
    counts = np.ones(len(scores)) if weights is None else np.asarray(weights, np.float64)
    _, places = np.unique(np.asarray(scores, np.float64), return_inverse=True)
    size = int(places.max()) + 1 if len(scores) else 0
    positive = np.bincount(places[true], counts[true], size)
    negative = np.bincount(places[~true], counts[~true], size)
    pairs = positive.sum() * negative.sum()
    if pairs == 0:
        return None
    below = np.cumsum(negative) - negative
    return float((positive * (below + negative / 2)).sum() / pairs)
