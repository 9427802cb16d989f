"""The leakage guard: the same, a run of words in common, nearly the same, the same meaning."""

from __future__ import annotations

import pytest

from ragkit.tune.leakage import Guarded, GuardSettings, leaks
from ragkit_ingest.errors import UsageError

CASES = [
    Guarded(
        id="q1",
        question="How long is the notice period during probation?",
        answers=("two weeks",),
        quotes=("During probation the notice period is two weeks on either side of the contract.",),
    ),
    Guarded(id="q2", question="Is there a gym?"),
]


def rules(question: str, answer: str = "Mind the steam.") -> list[tuple[str, str]]:
    return [(leak.case, leak.rule) for leak in leaks([(question, answer)], CASES)]


def test_the_same_question_is_a_leak_whatever_its_signs() -> None:
    assert rules("how long is the NOTICE period, during probation") == [("q1", "exact")]
    assert rules("Is there a gym?") == [("q2", "exact")]


def test_a_run_of_eight_words_of_a_question_or_a_quote_is_a_leak() -> None:
    said = "Well: the notice period is two weeks on either side, dear."
    assert rules("Explain.", said) == [("q1", "ngram")]
    assert rules("Explain.", "The notice period is two weeks, dear.") == []


def test_nearly_the_same_question_is_a_leak() -> None:
    (leak,) = leaks([("How long is the notice period in probation?", "")], CASES)
    assert (leak.case, leak.rule) == ("q1", "near")
    assert 0.6 <= leak.value < 1
    assert rules("How long is the lunch break on Fridays?") == []
    assert rules("") == []


def test_the_same_meaning_is_a_leak_where_texts_can_be_compared() -> None:
    def similar(texts: object, others: object) -> list[list[float]]:
        assert list(texts) == ["When may I leave?", "Thank a guest."]  # type: ignore[call-overload]
        return [[0.95, 0.1], [0.2, 0.3]]

    samples = [
        ("Is there a gym?", "No."),
        ("When may I leave?", "Soon."),
        ("Thank a guest.", "Thanks."),
    ]
    found = [(one.place, one.case, one.rule) for one in leaks(samples, CASES, None, similar)]
    assert found == [(0, "q2", "exact"), (1, "q1", "meaning")]


def test_without_cases_nothing_leaks() -> None:
    assert leaks([("Is there a gym?", "No.")], []) == []


@pytest.mark.parametrize("changes", [{"ngram": 2}, {"jaccard": 0.0}, {"similarity": 1.1}])
def test_settings_out_of_range(changes: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        GuardSettings(**changes)  # type: ignore[arg-type]
