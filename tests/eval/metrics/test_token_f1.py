"""Exact match and token F1, against values by hand and the rules of SQuAD's official script."""

from __future__ import annotations

import pytest

from ragkit_eval.metrics.token_f1 import exact_match, normalised, token_f1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The  Eiffel Tower!", "eiffel tower"),
        ("a cat, an ox and the hen", "cat ox and hen"),
        ("U.S.", "us"),
        ("theatre", "theatre"),
        ("rock-and-roll", "rockandroll"),
        ("\u20ac45", "\u20ac45"),
        ("", ""),
    ],
)
def test_normalised(text: str, expected: str) -> None:
    assert normalised(text) == expected


@pytest.mark.parametrize(
    ("answer", "accepted", "exact", "f1"),
    [
        ("The France", ["france"], 1, 1),
        ("in France", ["France"], 0, 2 / 3),
        ("10th and 11th", ["10th and 11th centuries", "11th"], 0, 6 / 7),
        ("to be or not to be", ["to be"], 0, 0.5),  # each word counts as often as in both
        ("Denmark", ["Norway"], 0, 0),
        ("", ["Norway"], 0, 0),
        ("", [], 1, 1),
        ("Norway", [], 0, 0),
        ("the", ["a"], 1, 1),  # nothing is left of either
        ("the", ["cat"], 0, 0),
    ],
)
def test_the_best_over_the_accepted(
    answer: str, accepted: list[str], exact: float, f1: float
) -> None:
    assert exact_match(answer, accepted) == exact
    assert token_f1(answer, accepted) == pytest.approx(f1)
