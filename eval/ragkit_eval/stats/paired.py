"""The difference of two arms over the same cases, with cases of one document kept together."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from ragkit_eval.stats.bootstrap import places
from ragkit_eval.stats.mcnemar import mcnemar_p_value
from ragkit_eval.stats.quantile import normal, student
from ragkit_eval.stats.randomisation import paired_p_value

LEAST_CLUSTERS = 5
"""With fewer documents no interval is given."""
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """How two arms differ.

    Attributes:
        cases: How many have a value in both.
        clusters: Of how many documents.
        difference: Mean of the first minus mean of the second.
        ci95: Its interval; None with fewer than `LEAST_CLUSTERS` documents.
        p_value: Two-sided, in (0, 1].
        test: "mcnemar" or "permutation".
        detectable: The smallest true difference that as many cases find in 80 of 100 runs at the
            5 % level; None without an interval.
    """

    cases: int
    clusters: int
    difference: float
    ci95: tuple[float, float] | None
    p_value: float
    test: str
    detectable: float | None

    def to_json(self) -> dict[str, object]:
        """Return the contrast as it stands in a report."""
        return {
            "cases": self.cases,
            "clusters": self.clusters,
            "difference": round(self.difference, 6),
            "ci95": None if self.ci95 is None else [round(value, 6) for value in self.ci95],
            "p_value": round(self.p_value, 6),
            "test": self.test,
            "detectable": None if self.detectable is None else round(self.detectable, 6),
        }


def contrast(
    first: Sequence[float],
    second: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    samples: int = 5000,
    seed: int = 0,
) -> Contrast:
    """Return how two arms differ.

    Where all values are 0 or 1 and each document has one case, the test is McNemar's exact one;
    otherwise the signs of whole documents are swapped at random, because cases of one document
    are right or wrong together.

    Args:
        first: A value a case.
        second: The other arm's, of the same cases in the same order.
        clusters: What each case belongs to, its source document.
        samples: How often documents are drawn again, and swapped; 100 or more.
        seed: The same seed gives the same contrast.

    Raises:
        ValueError: If there are no cases, or the lengths differ.
    """
    if not len(first) == len(second) == len(clusters) or not len(first):
        raise ValueError(f"{len(first)}, {len(second)} and {len(clusters)} cases are no pairs")
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    own = places(clusters)
    count = int(own.max()) + 1
    binary = set(first) | set(second) <= {0.0, 1.0}
    if binary and count == len(first):
        test = "mcnemar"
        gained, lost = int((differences > 0).sum()), int((differences < 0).sum())
        p_value = mcnemar_p_value(gained, lost)
    else:
        test = "permutation"
        sums = np.bincount(own, differences, count)
        p_value = paired_p_value(sums.tolist(), [0.0] * count, samples=samples, seed=seed)
    return Contrast(
        cases=len(first),
        clusters=count,
        difference=float(differences.mean()),
        ci95=clustered_mean_ci95(differences.tolist(), clusters, samples=samples, seed=seed),
        p_value=p_value,
        test=test,
        detectable=smallest_detectable(differences.tolist(), clusters),
    )


def clustered_mean_ci95(
    values: Sequence[float],
    clusters: Sequence[Hashable],
    *,
    samples: int = 5000,
    seed: int = 0,
) -> tuple[float, float] | None:
    """Return the 95 % interval of the mean, drawing whole clusters.

    The percentiles are widened as Student's distribution is wider than the normal one, and by
    the small-sample factor of a variance: plain percentiles hold too seldom with few clusters.

    Args:
        values: One a case.
        clusters: What each case belongs to.
        samples: How often the clusters are drawn again, with replacement; 100 or more.
        seed: The same seed gives the same interval.

    Returns:
        (low, high), within the range of the values; None with fewer than `LEAST_CLUSTERS`.

    Source:
        Davison and Hinkley, 1997, section 3.8 (drawing clusters); Hesterberg, The American
        Statistician 69(4), 2015, section 5.3 (the expanded percentile interval).
    """
    if samples < 100:
        raise ValueError(f"samples must be 100 or more, not {samples}")
    if not len(values):
        return None
    own = places(clusters)
    count = int(own.max()) + 1
    if count < LEAST_CLUSTERS:
        return None
    sums = np.bincount(own, np.asarray(values, np.float64), count)
    sizes = np.bincount(own, minlength=count).astype(np.float64)
    random = np.random.default_rng(seed)
    means = []
    for start in range(0, samples, _AT_ONCE):
        drawn = random.integers(0, count, (min(_AT_ONCE, samples - start), count))
        means.append(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))
    wide = math.sqrt(count / (count - 1)) * student(0.975, count - 1)
    tail = 0.5 * math.erfc(wide / math.sqrt(2))
    low, high = np.quantile(np.concatenate(means), (tail, 1 - tail))
    return float(low), float(high)


def smallest_detectable(
    differences: Sequence[float], clusters: Sequence[Hashable], *, power: float = 0.8
) -> float | None:
    """Return the smallest true mean difference that as many cases would usually find.

    Args:
        differences: First minus second, one a case.
        clusters: What each case belongs to.
        power: How usually, in (0, 1), at the two-sided 5 % level.

    Returns:
        A positive number in the unit of the differences; None with fewer than `LEAST_CLUSTERS`,
        or if all differences are equal, which says nothing of how they vary.

    Source:
        Bloom, Evaluation Review 19(5), 1995: the sum of the two quantiles times the standard
        error, here the clustered one of a mean (Liang and Zeger, Biometrika 73(1), 1986).
    """
    values = np.asarray(differences, np.float64)
    if not len(values):
        return None
    own = places(clusters)
    count = int(own.max()) + 1
    if count < LEAST_CLUSTERS:
        return None
    residuals = np.bincount(own, values - values.mean(), count)
    error = math.sqrt(float((residuals**2).sum()) * count / (count - 1)) / len(values)
    if error < 1e-12:
        return None
    return (student(0.975, count - 1) + normal(power)) * error
