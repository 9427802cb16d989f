"""Bootstrap intervals of a mean over cases."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_AT_ONCE = 1000


def mean_ci95(
    values: Sequence[float], *, samples: int = 10_000, seed: int = 0
) -> tuple[float, float] | None:
    """Return the 95 % interval of the mean by the percentile bootstrap.

    Args:
        values: One a case, independent of each other.
        samples: How often the cases are drawn again, with replacement; 100 or more.
        seed: The same seed gives the same interval.

    Returns:
        (low, high), within the range of the values; None without values.

    Source:
        Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3.
    """
    if not len(values):
        return None
    if samples < 100:
        raise ValueError(f"samples must be 100 or more, not {samples}")
    observed = np.asarray(values, np.float64)
    random = np.random.default_rng(seed)
    means = []
    for start in range(0, samples, _AT_ONCE):
        shape = (min(_AT_ONCE, samples - start), len(observed))
        means.append(observed[random.integers(0, len(observed), shape)].mean(axis=1))
    low, high = np.quantile(np.concatenate(means), (0.025, 0.975))
    return float(low), float(high)
