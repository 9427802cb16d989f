"""Logistic regression with a ridge: where it stops, the slope is zero."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit_eval.stats.logistic import fit_logistic


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 50))
def test_at_the_solution_the_slope_is_zero(seed: int, ridge: float) -> None:
    random = np.random.default_rng(seed)
    features = random.normal(size=(40, 6))
    targets = (features[:, 0] + random.normal(size=40) > 0).astype(float)
    weights = random.uniform(0.2, 3, 40)
    bias, found = fit_logistic(features, targets.tolist(), weights=weights.tolist(), ridge=ridge)
    chance = 1 / (1 + np.exp(-(bias + features @ found)))
    wrong = weights * (chance - targets)
    assert abs(wrong.sum()) < 1e-4
    assert np.abs(features.T @ wrong + ridge * found).max() < 1e-4


def test_separated_and_single_labels_have_a_solution() -> None:
    features = [[-2.0], [-1.0], [1.0], [2.0]]
    bias, found = fit_logistic(features, [0, 0, 1, 1], ridge=1e-3)
    assert abs(bias) < 1e-6
    assert 2 < found[0] < 50
    _, found = fit_logistic(features, [1, 1, 1, 1], ridge=1.0)
    assert abs(found[0]) < 1e-3


def test_a_strong_ridge_leaves_the_intercept_alone() -> None:
    bias, found = fit_logistic([[1.0], [-1.0], [1.0], [-1.0]], [1, 1, 1, 0], ridge=1e9)
    assert bias == pytest.approx(np.log(3), abs=1e-4)
    assert abs(found[0]) < 1e-6


def test_what_does_not_go_together() -> None:
    with pytest.raises(ValueError, match="do not go together"):
        fit_logistic([[1.0]], [1, 0], ridge=1.0)
    with pytest.raises(ValueError, match="ridge must be above 0"):
        fit_logistic([[1.0]], [1], ridge=0.0)
