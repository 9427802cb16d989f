"""An interval where the same cases were answered by several models that differ by chance alone."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from ragkit_eval.stats.bootstrap import places
from ragkit_eval.stats.paired import LEAST_CLUSTERS


def crossed_mean_ci95(
    values: Sequence[float],
    clusters: Sequence[Hashable],
    repeats: Sequence[Hashable],
    *,
    samples: int = 5000,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Return the 95 % interval of the mean, drawing clusters of cases and repeats anew.

    Both are drawn, independently and with replacement, and a value counts as often as its cluster
    times as often as its repeat: cases could have been others, and so could the chances of
    training. With one repeat it is the interval over clusters. The interval is wider than one that
    takes the models as given, and with three repeats it still says little of models in general.

    Args:
        values: One a case and repeat.
        clusters: What each case belongs to, such as its document.
        repeats: Which model answered, such as the seed that it was trained with.
        samples: How often both are drawn, 100 or more.
        seed: The same seed gives the same interval.

    Returns:
        (low, high), within the range of the values; None with fewer than `LEAST_CLUSTERS`
        clusters.

    Raises:
        ValueError: If the lengths differ, or samples is too small.

    Source:
        Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1(2), 2007; percentiles.
    """
    if not len(values) == len(clusters) == len(repeats):
        raise ValueError(
            f"{len(values)} values, {len(clusters)} clusters and {len(repeats)} repeats differ"
        )
    if samples < 100:
        raise ValueError(f"samples must be 100 or more, not {samples}")
    if not len(values):
        return None
    columns, rows = places(clusters), places(repeats)
    shape = int(rows.max()) + 1, int(columns.max()) + 1
    if shape[1] < LEAST_CLUSTERS:
        return None
    sums, sizes = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, (rows, columns), np.asarray(values, np.float64))
    np.add.at(sizes, (rows, columns), 1.0)
    random = np.random.default_rng(seed)
    of_rows = random.multinomial(shape[0], np.full(shape[0], 1 / shape[0]), samples)
    of_columns = random.multinomial(shape[1], np.full(shape[1], 1 / shape[1]), samples)
    counts = ((of_rows @ sizes) * of_columns).sum(axis=1)
    totals = ((of_rows @ sums) * of_columns).sum(axis=1)
    means = totals[counts > 0] / counts[counts > 0]
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)
