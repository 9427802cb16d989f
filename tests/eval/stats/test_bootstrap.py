"""Bootstrap intervals: repeatable, within range, and right about as often as they say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from ragkit_eval.stats.bootstrap import clustered_ci95, mean_ci95


def test_there_is_no_interval_without_values() -> None:
    assert mean_ci95([]) is None


def test_equal_values_leave_no_doubt() -> None:
    assert mean_ci95([0.25] * 9) == (0.25, 0.25)


def test_the_same_seed_gives_the_same_interval() -> None:
    values = [0.0, 1.0, 0.5, 0.25] * 10
    assert mean_ci95(values, seed=3) == mean_ci95(values, seed=3)
    assert mean_ci95(values, seed=3) != mean_ci95(values, seed=4)


def test_the_interval_is_near_the_normal_one_for_many_values() -> None:
    values = np.random.default_rng(1).normal(0.5, 0.1, 2000)
    interval = mean_ci95(list(values))
    assert interval is not None
    reach = 1.96 * values.std() / np.sqrt(len(values))
    assert interval == pytest.approx((values.mean() - reach, values.mean() + reach), abs=4e-4)


def test_about_95_of_100_intervals_hold_the_truth() -> None:
    random = np.random.default_rng(7)
    held = 0
    for trial in range(1000):
        low, high = mean_ci95(list(random.beta(2, 1, 150)), samples=400, seed=trial) or (0.0, 0.0)
        held += low <= 2 / 3 <= high
    assert 0.93 <= held / 1000 <= 0.97


def test_too_few_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="100 or more, not 99"):
        mean_ci95([1.0], samples=99)


def share(weights: Sequence[float]) -> float | None:
    """The share of weight on the first half of the cases; None if those have no weight."""
    held = sum(weights[: len(weights) // 2])
    return held / sum(weights) if held else None


def test_there_is_no_clustered_interval_without_cases() -> None:
    assert clustered_ci95(share, []) is None


def test_one_cluster_is_drawn_as_a_whole() -> None:
    assert clustered_ci95(share, [0, 0, 0, 0], samples=100) == (0.5, 0.5)


def test_cases_that_go_together_leave_more_doubt_than_others() -> None:
    apart = clustered_ci95(share, list(range(40)))
    together = clustered_ci95(share, [case // 10 for case in range(40)])
    assert apart is not None
    assert together is not None
    assert together[1] - together[0] > 1.5 * (apart[1] - apart[0])


def test_draws_without_a_value_are_left_out() -> None:
    assert clustered_ci95(lambda _: None, [0, 1]) is None
    interval = clustered_ci95(share, [0, 1], samples=200)
    assert interval == (0.5, 1.0)


def test_too_few_draws_of_clusters_are_refused() -> None:
    with pytest.raises(ValueError, match="100 or more"):
        clustered_ci95(share, [0], samples=5)
