"""The paired randomisation test: exact by hand, honest under no difference, sure of a real one."""

from __future__ import annotations

import numpy as np
import pytest

from ragkit_eval.stats.randomisation import paired_p_value


def test_few_pairs_are_counted_exactly() -> None:
    # Of the 2^5 ways to swap, only all-plus and all-minus are as extreme.
    assert paired_p_value([1.0] * 5, [0.0] * 5) == pytest.approx(2 / 32)
    # Differences 3, 1, -1: sums as far from 0 as 3 are 5, 3, 3, -3, -3, -5 and no others.
    assert paired_p_value([3, 1, 0], [0, 0, 1]) == pytest.approx(6 / 8)


def test_without_a_difference_it_is_1() -> None:
    assert paired_p_value([0.1, 0.9], [0.1, 0.9]) == 1.0
    assert paired_p_value([], []) == 1.0


def test_either_order_gives_the_same() -> None:
    random = np.random.default_rng(0)
    first, second = list(random.random(60)), list(random.random(60))
    assert paired_p_value(first, second) == paired_p_value(second, first)


def test_a_real_difference_is_found_and_never_called_impossible() -> None:
    random = np.random.default_rng(0)
    first = random.random(200)
    p_value = paired_p_value(list(first + 0.2), list(first + random.normal(0, 0.1, 200)))
    assert 0 < p_value < 0.001


def test_false_alarms_are_as_rare_as_they_say() -> None:
    random = np.random.default_rng(5)
    alarms = sum(
        paired_p_value(list(random.random(30)), list(random.random(30)), samples=300, seed=trial)
        <= 0.05
        for trial in range(1000)
    )
    assert 0.03 <= alarms / 1000 <= 0.06


def test_runs_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="1 and 2 cases"):
        paired_p_value([1.0], [1.0, 2.0])
