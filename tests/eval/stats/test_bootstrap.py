"""Bootstrap intervals: repeatable, within range, and right about as often as they say."""

from __future__ import annotations

import numpy as np
import pytest

from ragkit_eval.stats.bootstrap import mean_ci95


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
