"""Measures of abstention, calibration, citations and cost, against values worked out by hand."""

from __future__ import annotations

import pytest

from ragkit_eval.metrics.abstention import Outcome, abstention_score, crag_score, outcome
from ragkit_eval.metrics.calibration import expected_calibration_error
from ragkit_eval.metrics.citation import Statement, citation_score, verbatim
from ragkit_eval.metrics.risk_coverage import aurc, coverage_at_precision, curve
from ragkit_eval.metrics.usage import determinism, latency, total_cost


def words(premise: str, statement: str) -> bool:
    return set(statement.split()) <= set(premise.split())


def scored(*statements: tuple[str, tuple[str, ...]]) -> tuple[float | None, float | None]:
    found = citation_score([Statement(text=t, citations=c) for t, c in statements], words)
    return found.recall, found.precision


def test_alce_recall_and_precision() -> None:
    assert scored(("a b", ("a b",))) == (1.0, 1.0)
    assert scored(("a b", ("a", "b"))) == (1.0, 1.0)  # neither alone, both together
    assert scored(("a b", ("a b", "x"))) == (1.0, 0.5)  # x alone fails, and is not needed
    assert scored(("a b", ("a b", "a b c"))) == (1.0, 1.0)  # each alone suffices
    assert scored(("a b", ("a",))) == (0.0, 0.0)  # not supported: nothing is relevant
    assert scored(("a b", ())) == (0.0, None)
    assert scored(("a", ("a",)), ("b", ("x", "y"))) == (0.5, 1 / 3)
    assert scored() == (None, None)


def test_citation_f1() -> None:
    found = citation_score([Statement(text="a b", citations=("a b", "x"))], words)
    assert found.f1 == pytest.approx(2 / 3)
    assert citation_score([Statement(text="a b")], words).f1 == 0.0
    assert citation_score([], words).f1 is None


def test_verbatim_minds_whole_words_only() -> None:
    assert verbatim("It  is\nthree months.", "is three months.")
    assert not verbatim("It is three months.", "is three month")
    assert not verbatim("It is three months.", "")


@pytest.mark.parametrize(
    ("answerable", "abstained", "right", "came"),
    [
        (True, False, True, Outcome.CORRECT),
        (True, False, False, Outcome.WRONG),
        (True, True, False, Outcome.ABSTAINED),
        (False, True, False, Outcome.CORRECT),
        (False, False, True, Outcome.WRONG),
    ],
)
def test_the_three_outcomes(answerable: bool, abstained: bool, right: bool, came: Outcome) -> None:
    assert outcome(answerable=answerable, abstained=abstained, right=right) is came


def test_crag() -> None:
    right, none, wrong = Outcome.CORRECT, Outcome.ABSTAINED, Outcome.WRONG
    assert crag_score([right, right, none, wrong]) == 0.25
    assert crag_score([]) is None


def test_abstention() -> None:
    found = abstention_score([True, True, False, False], [True, False, True, False])
    assert (found.precision, found.recall, found.f1) == (0.5, 0.5, 0.5)
    none = abstention_score([True, True], [False, False])
    assert (none.precision, none.recall, none.f1) == (None, None, None)
    missed = abstention_score([True, False], [True, False])
    assert (missed.precision, missed.recall, missed.f1) == (0.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="1 questions and 0 answers"):
        abstention_score([True], [])


def test_risk_and_coverage() -> None:
    # surest first: right, wrong, right; risks 0, 1/2, 1/3
    confidence, right = [0.9, 0.5, 0.7], [True, True, False]
    assert curve(confidence, right) == [
        (pytest.approx(1 / 3), 0.0),
        (pytest.approx(2 / 3), 0.5),
        (1.0, pytest.approx(1 / 3)),
    ]
    assert aurc(confidence, right) == pytest.approx((0 + 1 / 2 + 1 / 3) / 3)
    assert aurc([], []) is None


def test_tied_confidence_knows_nothing_whatever_the_order() -> None:
    assert aurc([0.5] * 4, [True, False, False, False]) == pytest.approx(0.75)
    assert aurc([0.5] * 4, [False, False, False, True]) == pytest.approx(0.75)


def test_coverage_at_a_precision() -> None:
    confidence = [0.9, 0.8, 0.7, 0.6]
    assert coverage_at_precision(confidence, [True, True, False, True], precision=0.75) == 1.0
    assert coverage_at_precision(confidence, [True, True, False, True]) == 0.5
    assert coverage_at_precision(confidence, [False, True, True, True]) == 0.0
    tied = [0.9, 0.9, 0.1]  # a threshold takes both of the first
    assert coverage_at_precision(tied, [True, False, False]) == 0.0
    assert coverage_at_precision([], []) is None
    with pytest.raises(ValueError, match="between 0 and 1"):
        coverage_at_precision(confidence, [True] * 4, precision=95)


def test_calibration_by_hand() -> None:
    # bin (.8, .9]: said .85 and .9, half right; bin (.1, .2]: said .2, wrong
    value = expected_calibration_error([0.85, 0.9, 0.2], [True, False, False])
    assert value == pytest.approx((abs(1.75 - 1) + 0.2) / 3)
    assert expected_calibration_error([1.0, 0.0], [True, False]) == 0.0
    assert expected_calibration_error([], []) is None
    weighted = expected_calibration_error([1.0, 0.0], [False, False], weights=[3, 1])
    assert weighted == pytest.approx(0.75)
    with pytest.raises(ValueError, match="between 0 and 1"):
        expected_calibration_error([1.2], [True])


def test_latency_cost_and_determinism() -> None:
    found = latency([float(ms) for ms in range(100, 0, -1)])
    assert found is not None
    assert (found.p50, found.p95) == (50.0, 95.0)
    assert latency([]) is None
    assert total_cost([0.1, 0.2]) == pytest.approx(0.3)
    assert total_cost([0.1, None]) is None
    assert total_cost([]) is None
    assert determinism([["a b", "a  b"], ["a", "b"], ["once"]]) == 0.5
    assert determinism([["once"]]) is None
