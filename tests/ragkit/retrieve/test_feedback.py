"""Feedback: the question moves towards what was found, and stays a unit vector."""

from __future__ import annotations

import numpy as np
import pytest

from ragkit.retrieve.feedback import moved

EAST, NORTH = np.asarray([1.0, 0.0], np.float32), np.asarray([0.0, 1.0], np.float32)


def test_the_question_moves_by_the_weight_and_keeps_its_length() -> None:
    target = moved(EAST, np.stack([NORTH, NORTH]), weight=0.5)
    assert target[1] / target[0] == pytest.approx(0.5)
    assert np.linalg.norm(target) == pytest.approx(1.0)


def test_only_the_mean_of_the_passages_counts() -> None:
    assert moved(EAST, np.stack([NORTH, -NORTH]), weight=3.0) == pytest.approx(EAST)


@pytest.mark.parametrize(
    ("passages", "weight"),
    [(np.empty((0, 2), np.float32), 1.0), (NORTH[None], 0.0), (-EAST[None], 1.0)],
)
def test_nothing_moves_without_passages_weight_or_direction(
    passages: np.ndarray, weight: float
) -> None:
    assert moved(EAST, passages, weight=weight) == pytest.approx(EAST)
