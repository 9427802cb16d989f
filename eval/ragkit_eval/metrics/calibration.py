"""Calibration: of the answers given with a confidence of .8, are four in five right?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

BINS = 10


def expected_calibration_error(
    confidence: Sequence[float],
    right: Sequence[bool],
    *,
    bins: int = BINS,
    weights: Sequence[float] | None = None,
) -> float | None:
    """Return the mean distance of confidence and accuracy over bins of equal width.

    Args:
        confidence: One an answer, in [0, 1].
        right: Whether it is right, in the same order.
        bins: How many, 1 or more; the bin of a confidence c holds (lower, upper], the first also 0.
        weights: How often each answer counts, 0 or more; by default once.

    Returns:
        A value in [0, 1], lower is better; None without answers. With few answers it is too high
        even for perfect confidence, so show it with its interval and its n.

    Raises:
        ValueError: If the lengths differ or a confidence is no probability.

    Source:
        Naeini, Cooper and Hauskrecht, AAAI 2015; Guo et al., ICML 2017, with 10 bins.
    """
    if len(confidence) != len(right):
        raise ValueError(f"there are {len(confidence)} confidences and {len(right)} answers")
    said = np.asarray(confidence, np.float64)
    if len(said) and not (said.min() >= 0.0 and said.max() <= 1.0):
        raise ValueError(
            f"a confidence is between 0 and 1; they reach {said.min()} to {said.max()}"
        )
    counts = np.ones(len(said)) if weights is None else np.asarray(weights, np.float64)
    total = counts.sum()
    if total == 0:
        return None
    places = np.clip(np.ceil(said * bins).astype(np.intp) - 1, 0, bins - 1)
    gap = np.bincount(places, counts * (said - np.asarray(right, np.float64)), bins)
    return float(np.abs(gap).sum() / total)
