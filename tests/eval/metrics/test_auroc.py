"""AUROC against values computed by hand, and against its definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit_eval.metrics.auroc import auroc


def test_by_hand() -> None:
    # True: .9, .4; false: .6, .4, .1. Of six pairs .9 wins 3, .4 wins 1 and ties 1: 4.5 / 6.
    found = auroc([0.9, 0.4, 0.6, 0.4, 0.1], [True, True, False, False, False])
    assert found == pytest.approx(4.5 / 6)


@pytest.mark.parametrize(
    ("scores", "value"), [([0.9, 0.1], 1.0), ([0.1, 0.9], 0.0), ([0.5, 0.5], 0.5)]
)
def test_the_ends_and_a_tie(scores: list[float], value: float) -> None:
    assert auroc(scores, [True, False]) == value


@pytest.mark.parametrize("labels", [[], [True], [False, False]])
def test_one_label_alone_has_none(labels: list[bool]) -> None:
    assert auroc([0.5] * len(labels), labels) is None


def test_a_weight_is_a_repetition() -> None:
    scores, labels = [0.2, 0.5, 0.4, 0.9], [True, False, True, False]
    repeated = auroc([0.2, 0.2, 0.5, 0.9, 0.9, 0.9], [True, True, False, False, False, False])
    assert auroc(scores, labels, [2, 1, 0, 3]) == repeated


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="1 scores and 2 labels"):
        auroc([0.5], [True, False])


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=30))
def test_it_is_the_share_of_pairs_in_order(cases: list[tuple[int, bool]]) -> None:
    true = [score for score, label in cases if label]
    false = [score for score, label in cases if not label]
    found = auroc([score for score, _ in cases], [label for _, label in cases])
    if not true or not false:
        assert found is None
        return
    wins = sum((a > b) + (a == b) / 2 for a in true for b in false)
    assert found == pytest.approx(wins / len(true) / len(false))
