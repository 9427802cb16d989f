"""Claims beside a short handbook: what it supports, what it does not, and why not."""

from __future__ import annotations

import pytest

from ragkit.alignment import ConflictKind, Ground, lines
from ragkit.logistic import packaged, packaged_threshold
from ragkit.support import FILE, Judge
from ragkit_ingest.embed.minilm import MiniLM

HANDBOOK = """Employees are entitled to 28 days of paid leave a year. The notice period is three
months for managers and one month for everyone else.

Refunds are not given after 30 days. Alice Meier manages payroll in Berlin, and Bob Stone manages
sales in Leeds. The contract starts on 1 March 2024. The device must be charged with 230 volts;
the battery lasts up to 12 hours. Contractors do not receive paid leave."""
GROUNDS = [
    Ground(lines=lines("The cafeteria opens at noon. It is closed on Fridays.")),
    Ground(lines=lines(HANDBOOK), about="Handbook of Nordlicht"),
]
SUPPORTED = [
    "Employees are entitled to 28 days of paid leave a year.",
    "Staff get 28 days of paid leave per year.",
    "Managers have a notice period of three months.",
    "Everyone else has a notice period of one month.",
    "Alice Meier manages payroll in Berlin.",
    "The contract starts on 2024-03-01.",
    "The battery lasts up to twelve hours.",
    "At Nordlicht, employees get 28 days of paid leave.",
]
CONTRADICTED = [
    ("Employees are entitled to 30 days of paid leave a year.", ConflictKind.NUMBER),
    ("Employees are entitled to 28 weeks of paid leave over 3 years.", ConflictKind.NUMBER),
    ("Managers have a notice period of one month.", ConflictKind.NUMBER),
    ("Refunds are given after 30 days.", ConflictKind.NEGATION),
    ("Contractors receive paid leave.", ConflictKind.NEGATION),
    ("Employees are not entitled to 28 days of paid leave a year.", ConflictKind.NEGATION),
    ("Bob Stone manages payroll in Berlin.", ConflictKind.NAME),
    ("Alice Meier manages payroll in Leeds.", ConflictKind.NAME),
    ("Charlie Meier manages payroll in Berlin.", ConflictKind.NAME),
    ("At Acme, employees get 28 days of paid leave.", ConflictKind.NAME),
    ("The contract starts on 1 April 2024.", ConflictKind.NAME),
    ("The contract ends on 1 March 2024.", ConflictKind.OPPOSITE),
    ("The battery lasts at least 12 hours.", ConflictKind.OPPOSITE),
]


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(MiniLM())


@pytest.mark.parametrize("claim", SUPPORTED)
def test_what_the_text_says_is_supported_where_it_says_so(judge: Judge, claim: str) -> None:
    (found,) = judge.judge([claim], GROUNDS)
    assert found.supported
    assert found.conflicts == ()
    assert [index for index, _ in found.grounds] == [1]


@pytest.mark.parametrize(("claim", "kind"), CONTRADICTED)
def test_what_was_changed_is_found(judge: Judge, claim: str, kind: ConflictKind) -> None:
    for each in (judge, Judge()):
        (found,) = each.judge([claim], GROUNDS)
        assert not found.supported
        assert kind in {conflict.kind for conflict in found.conflicts}


def test_what_the_text_is_silent_about_is_not_supported(judge: Judge) -> None:
    claims = ["Employees may bring dogs to the office.", "The warranty covers water damage."]
    for found in judge.judge(claims, GROUNDS):
        assert not found.supported
        assert found.score < 0.3


def test_a_claim_may_rest_on_two_places(judge: Judge) -> None:
    claim = "Employees get 28 days of paid leave, while the cafeteria opens at noon."
    (found,) = judge.judge([claim], GROUNDS)
    assert found.supported
    assert {index for index, _ in found.grounds} == {0, 1}


def test_of_several_sentences_the_least_supported_counts(judge: Judge) -> None:
    good, bad = SUPPORTED[0], "Dogs are welcome."
    assert judge.judge_text(f"Here is what I found: {good} Does that help?", GROUNDS).supported
    assert not judge.judge_text(f"{good} {bad}", GROUNDS).supported


def test_without_a_text_nothing_is_supported(judge: Judge) -> None:
    for grounds in ([], [Ground(lines=())]):
        (found,) = judge.judge(["Leave is 28 days."], grounds)
        assert (found.score, found.supported, found.grounds) == (0.0, False, ())


@pytest.mark.parametrize("claim", ["", "?", "the of", "\u4f60\u597d", "a" * 5000])
def test_odd_claims_are_judged(judge: Judge, claim: str) -> None:
    (found,) = judge.judge([claim], GROUNDS)
    assert 0.0 <= found.score <= 1.0
    assert not found.supported


def test_the_order_of_claims_does_not_matter(judge: Judge) -> None:
    together = judge.judge(SUPPORTED, GROUNDS)
    assert together == [Judge(MiniLM()).judge([claim], GROUNDS)[0] for claim in SUPPORTED]


@pytest.mark.parametrize("name", ["support", "support_by_words"])
def test_the_packaged_weights_have_the_signs_they_were_fitted_with(name: str) -> None:
    weights = packaged(name, FILE).weights
    assert all(weights[key] >= 0 for key in ("aligned", "run", "coverage_nearby"))
    assert all(weights[key] <= 0 for key in ("denies", "personal", "opposites", "few"))
    assert 0.3 <= packaged_threshold(name, FILE) <= 0.7
