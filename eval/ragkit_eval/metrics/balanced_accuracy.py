"""Balanced accuracy: how often is each of two labels recognised, whatever their numbers?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def balanced_accuracy(
    said: Sequence[bool], labels: Sequence[bool], weights: Sequence[float] | None = None
) -> float | None:
    """Return the mean of the shares of true and of false cases that are recognised.

    Args:
        said: What each case was held to be.
        labels: What it is, in the same order.
        weights: How often each case counts, 0 or more; by default once.

    Returns:
        A value in [0, 1], .5 for an answer that ignores the case; None unless there are cases of
        both labels.

    Raises:
        ValueError: If the lengths differ.

    Source:
        Brodersen et al., ICPR 2010: the mean of sensitivity and specificity.
    """
    if len(said) != len(labels):
        raise ValueError(f"there are {len(said)} answers and {len(labels)} labels")
    true, held = np.asarray(labels, bool), np.asarray(said, bool)
    counts = np.ones(len(said)) if weights is None else np.asarray(weights, np.float64)
    positive, negative = counts[true].sum(), counts[~true].sum()
    if positive == 0 or negative == 0:
        return None
    return float(
        (counts[true & held].sum() / positive + counts[~true & ~held].sum() / negative) / 2
    )
