"""Bootstrap intervals: of a mean over cases, and of any statistic over clusters of cases."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence

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


def clustered_ci95(
    statistic: Callable[[Sequence[float]], float | None],
    clusters: Sequence[Hashable],
    *,
    samples: int = 2000,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Return the 95 % interval of a statistic by the percentile bootstrap over clusters.

    Args:
        statistic: Of a weight a case (how often its cluster was drawn); None where it has no
            value, and such draws are left out.
        clusters: What each case belongs to, such as its document; cases of one are not independent.
        samples: How often the clusters are drawn again, with replacement; 100 or more.
        seed: The same seed gives the same interval.

    Returns:
        (low, high); None without cases, or if no draw has a value.

    Source:
        Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8: whole
        clusters are drawn, what they hold stays together.
    """
    if samples < 100:
        raise ValueError(f"samples must be 100 or more, not {samples}")
    if not len(clusters):
        return None
    own = places(clusters)
    count = int(own.max()) + 1
    random = np.random.default_rng(seed)
    found = []
    for _ in range(samples):
        drawn = np.bincount(random.integers(0, count, count), minlength=count)
        value = statistic(drawn[own].astype(np.float64).tolist())
        if value is not None:
            found.append(value)
    if not found:
        return None
    low, high = np.quantile(found, (0.025, 0.975))
    return float(low), float(high)


def places(clusters: Sequence[Hashable]) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return the cluster of each case as a number from 0, in order of first appearance."""
    numbers: dict[Hashable, int] = {}
    return np.asarray([numbers.setdefault(name, len(numbers)) for name in clusters], np.intp)
