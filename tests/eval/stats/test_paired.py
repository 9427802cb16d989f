"""The paired statistics, by hand and by simulation: do they hold what they promise?"""

from __future__ import annotations

import numpy as np
import pytest

from ragkit_eval.stats.holm import holm
from ragkit_eval.stats.mcnemar import mcnemar_p_value
from ragkit_eval.stats.paired import (
    clustered_mean_ci95,
    contrast,
    smallest_detectable,
)
from ragkit_eval.stats.quantile import normal, student


@pytest.mark.parametrize(
    ("degrees", "quantile"),
    [(1, 12.7062), (4, 2.77645), (9, 2.26216), (29, 2.04523), (99, 1.98422), (1000, 1.96234)],
)
def test_quantiles_as_in_the_tables(degrees: int, quantile: float) -> None:
    assert student(0.975, degrees) == pytest.approx(quantile, abs=1e-4)
    assert normal(0.975) == pytest.approx(1.959964, abs=1e-6)


def test_mcnemar_is_the_exact_binomial_test() -> None:
    assert mcnemar_p_value(0, 0) == 1.0
    assert mcnemar_p_value(6, 0) == pytest.approx(2 / 64)
    assert mcnemar_p_value(1, 7) == pytest.approx(2 * (1 + 8) / 256)
    assert mcnemar_p_value(5, 5) == 1.0
    assert mcnemar_p_value(7, 1) == mcnemar_p_value(1, 7)
    assert 0 < mcnemar_p_value(3000, 1000) < 1e-100
    with pytest.raises(ValueError, match="0 or more"):
        mcnemar_p_value(-1, 2)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([1.5])


def test_a_contrast_says_which_test_it_is() -> None:
    first, second = [1.0] * 6 + [0.0] * 4, [0.0] * 6 + [0.0] * 4
    alone = contrast(first, second, range(10))
    assert alone.test == "mcnemar"
    assert alone.p_value == pytest.approx(2 / 64)
    assert alone.difference == pytest.approx(0.6)
    together = contrast(first, second, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    assert (together.test, together.clusters) == ("permutation", 5)
    assert together.p_value == pytest.approx(2 / 8)  # three documents differ, all one way
    with pytest.raises(ValueError, match="no pairs"):
        contrast([1.0], [], [0])


def test_few_documents_have_no_interval() -> None:
    assert clustered_mean_ci95([0.0, 1.0] * 10, [0, 1] * 10) is None
    assert smallest_detectable([0.0, 1.0] * 10, [0, 1] * 10) is None
    assert clustered_mean_ci95([], []) is None


def test_a_cluster_counts_once_however_often_it_is_repeated() -> None:
    values = np.random.default_rng(0).normal(size=20).tolist()
    alone = clustered_mean_ci95(values, range(20))
    repeated = clustered_mean_ci95(values * 10, list(range(20)) * 10)
    assert alone is not None
    assert repeated == pytest.approx(alone)
    assert smallest_detectable(values * 10, list(range(20)) * 10) == (
        pytest.approx(smallest_detectable(values, range(20)))
    )


def clustered(
    random: np.random.Generator, count: int, mean: float = 0.0
) -> tuple[list[float], list[int]]:
    """Return differences of -1, 0 and 1 with this mean, alike within clusters of unequal size."""
    values: list[float] = []
    clusters: list[int] = []
    for cluster in range(count):
        own = random.normal(0, 0.3)
        for _ in range(int(random.integers(1, 9))):
            share = np.clip(0.3 + own, 0.02, 0.98)
            value = float(random.random() < share) * (1 if random.random() < 0.5 + mean else -1)
            values.append(value)
            clusters.append(cluster)
    return values, clusters


@pytest.mark.parametrize("count", [12, 40])
def test_the_interval_holds_the_true_mean_in_95_of_100(count: int) -> None:
    random = np.random.default_rng(count)
    held, runs = 0, 1500
    for run in range(runs):
        values, clusters = clustered(random, count)
        interval = clustered_mean_ci95(values, clusters, samples=400, seed=run)
        assert interval is not None
        held += interval[0] <= 0.0 <= interval[1]
    assert 0.93 <= held / runs <= 0.97


def test_the_permutation_test_is_false_at_most_in_6_of_100() -> None:
    random = np.random.default_rng(1)
    runs = 1500
    false = 0
    for run in range(runs):
        values, clusters = clustered(random, 20)
        found = contrast(values, [0.0] * len(values), clusters, samples=300, seed=run)
        false += found.p_value <= 0.05
    assert 0.03 <= false / runs <= 0.06


def test_mcnemar_is_false_at_most_in_6_of_100() -> None:
    random = np.random.default_rng(2)
    splits = random.binomial(random.poisson(30, 4000), 0.5)
    totals = np.random.default_rng(2).poisson(30, 4000)
    false = np.mean(
        [mcnemar_p_value(int(g), int(t - g)) <= 0.05 for g, t in zip(splits, totals, strict=True)]
    )
    assert false <= 0.06


def test_the_detectable_difference_is_found_in_80_of_100() -> None:
    random = np.random.default_rng(3)
    sizes = [smallest_detectable(random.normal(0, 1, 60).tolist(), range(60)) for _ in range(200)]
    effect = float(np.mean([size for size in sizes if size is not None]))
    found = 0
    for run in range(600):
        values = random.normal(effect, 1, 60)
        tested = contrast(values.tolist(), [0.0] * 60, range(60), samples=400, seed=run)
        found += tested.p_value <= 0.05
    assert 0.75 <= found / 600 <= 0.85
