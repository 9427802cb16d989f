"""Balanced accuracy against values computed by hand."""

from __future__ import annotations

import pytest

from ragkit_eval.metrics.balanced_accuracy import balanced_accuracy


def test_by_hand() -> None:
    # Two of three true cases and one of two false ones are recognised: (2/3 + 1/2) / 2.
    said = [True, True, False, False, True]
    labels = [True, True, True, False, False]
    assert balanced_accuracy(said, labels) == pytest.approx(7 / 12)


@pytest.mark.parametrize("answer", [True, False])
def test_an_answer_that_ignores_the_case_has_one_half(answer: bool) -> None:
    assert balanced_accuracy([answer] * 10, [True] + [False] * 9) == 0.5


@pytest.mark.parametrize("labels", [[], [True], [False, False]])
def test_one_label_alone_has_none(labels: list[bool]) -> None:
    assert balanced_accuracy(labels, labels) is None


def test_a_weight_is_a_repetition() -> None:
    said, labels = [True, False, True], [True, True, False]
    assert balanced_accuracy(said, labels, [3, 1, 2]) == pytest.approx((3 / 4 + 0) / 2)


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="1 answers and 2 labels"):
        balanced_accuracy([True], [True, False])
