"""The interval of an AUROC whose cases come in clusters."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from ragkit_eval.stats.bootstrap import places
from ragkit_eval.stats.paired import LEAST_CLUSTERS
from ragkit_eval.stats.quantile import normal, student

_AT_ONCE = 500


def area_ci95(
    true: Sequence[float],
    false: Sequence[float],
    true_clusters: Sequence[Hashable],
    false_clusters: Sequence[Hashable],
    *,
    samples: int = 2000,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Return the 95 % interval of how often a true case scores higher than a false one.

    Two intervals are made, and the wider end of each side is given: the bootstrap over clusters,
    which knows what cases of one cluster have in common but says "exactly 1" where no pair is the
    wrong way round; and a score interval with one case a cluster, which is never of no width.

    Args:
        true: Scores of the true cases.
        false: Scores of the others.
        true_clusters: What each true case belongs to.
        false_clusters: What each of the others belongs to.
        samples: How often the clusters of either label are drawn again, 100 or more.
        seed: The same seed gives the same interval.

    Returns:
        (low, high) in [0, 1]; None with fewer than `LEAST_CLUSTERS` of either label.

    Source:
        Davison and Hinkley, 1997, section 3.8 (drawing clusters), with the percentiles widened
        after Hesterberg, The American Statistician 69(4), 2015; Newcombe, Statistics in Medicine
        25(4), 2006, method 5 (the score interval).
    """
    if samples < 100:
        raise ValueError(f"samples must be 100 or more, not {samples}")
    if not len(true) or not len(false):
        return None
    own, other = places(true_clusters), places(false_clusters)
    rows, columns = int(own.max()) + 1, int(other.max()) + 1
    if min(rows, columns) < LEAST_CLUSTERS:
        return None
    wins = _wins(true, false)
    folded = np.zeros((rows, columns))
    np.add.at(folded, (own[:, None], other[None, :]), wins)
    low, high = _drawn(folded, np.bincount(own), np.bincount(other), samples, seed)
    area = float(wins.mean())
    lowest, highest = score_interval(area, rows, columns)
    return min(low, lowest), max(high, highest)


def score_interval(area: float, true: int, false: int) -> tuple[float, float]:
    """Return the 95 % score interval of an AUROC of independent cases.

    Args:
        area: As observed, in [0, 1].
        true: How many true cases, 1 or more.
        false: How many others.
    """
    z, half = normal(0.975), (true + false) / 2 - 1

    def outside(value: float) -> bool:
        spread = value * (1 - value) / (true * false)
        spread *= 1 + half * ((1 - value) / (2 - value) + value / (1 + value))
        return abs(value - area) > z * math.sqrt(spread)

    def bound(end: float) -> float:
        far, near = end, area
        for _ in range(60):
            middle = (far + near) / 2
            far, near = (middle, near) if outside(middle) else (far, middle)
        return near

    return bound(0.0), bound(1.0)


def _wins(true: Sequence[float], false: Sequence[float]) -> NDArray[np.float64]:
    above = np.asarray(true, np.float64)[:, None] - np.asarray(false, np.float64)[None, :]
    return 0.5 * (1 + np.sign(above))


def _drawn(
    folded: NDArray[np.float64],
    own: NDArray[np.intp],
    other: NDArray[np.intp],
    samples: int,
    seed: int,
) -> tuple[float, float]:
    rows, columns = folded.shape
    random = np.random.default_rng(seed)
    found = []
    for start in range(0, samples, _AT_ONCE):
        count = min(_AT_ONCE, samples - start)
        first = random.multinomial(rows, np.full(rows, 1 / rows), count).astype(np.float64)
        second = random.multinomial(columns, np.full(columns, 1 / columns), count)
        pairs = (first @ own) * (second @ other)
        found.append(((first @ folded) * second).sum(axis=1) / pairs)
    few = min(rows, columns)
    wide = math.sqrt(few / (few - 1)) * student(0.975, few - 1)
    tail = 0.5 * math.erfc(wide / math.sqrt(2))
    low, high = np.quantile(np.concatenate(found), (tail, 1 - tail))
    return float(low), float(high)
