"""Measures of one answer, against values worked out by hand and the official SQuAD rules."""

from __future__ import annotations

import pytest

from ragkit_eval.metrics.content_f1 import content_f1, content_recall
from ragkit_eval.metrics.key_fact_recall import key_fact_recall, key_facts
from ragkit_eval.metrics.span_recall import span_recall
from ragkit_eval.metrics.token_f1 import exact_match, token_f1


@pytest.mark.parametrize(
    ("answer", "accepted", "exact", "f1"),
    [
        ("The Eiffel Tower!", ["eiffel tower"], 1.0, 1.0),
        ("a cat sat", ["the cat"], 0.0, 2 / 3),  # articles go: "cat sat" and "cat"
        ("10th and 11th centuries", ["in the 10th and 11th centuries"], 0.0, 8 / 9),
        ("", [], 1.0, 1.0),
        ("something", [], 0.0, 0.0),
        ("the", ["a"], 1.0, 1.0),  # both are empty once articles are gone
        ("the", ["a cat"], 0.0, 0.0),
        ("cat cat", ["cat"], 0.0, 2 / 3),
        ("no", ["yes", "no"], 1.0, 1.0),
        ("U.S.", ["US"], 1.0, 1.0),  # punctuation is taken out, not replaced by a space
        ("well-known", ["well known"], 0.0, 0.0),
    ],
)
def test_the_rules_of_squad(answer: str, accepted: list[str], exact: float, f1: float) -> None:
    assert exact_match(answer, accepted) == exact
    assert token_f1(answer, accepted) == pytest.approx(f1)


def test_content_f1_is_over_stems_without_stopwords() -> None:
    # "notice periods lasted months" and "notice period three months": 3 of 4 in common each way
    assert content_f1("The notice periods lasted months", ["notice period: three months"]) == (
        pytest.approx(3 / 4)
    )
    assert content_f1("three months", ["The period is three months"]) == pytest.approx(0.8)
    assert content_f1("", ["three months"]) == 0.0
    assert content_f1("three months", ["nothing alike", "months, three"]) == 1.0
    assert content_f1("anything", []) is None
    assert content_f1("anything", ["?!"]) is None


def test_words_of_the_question_count_for_nothing() -> None:
    asked = "How long is the notice period?"
    said = "The notice period is three months"
    assert content_f1(said, ["three months"]) == pytest.approx(2 / 3)
    assert content_f1(said, ["three months"], asked) == 1.0
    assert content_f1(said, ["The notice period is four months"], asked) == 0.5
    assert content_f1("It is a notice period.", ["three months"], asked) == 0.0
    assert content_recall("The notice period", ["notice of three months"], asked) == 0.0
    assert content_recall("three", ["notice of three months"], asked) == 0.5


def test_an_answer_that_stands_in_the_question_is_still_compared() -> None:
    asked = "Is tea or coffee free?"
    assert content_f1("tea", ["tea"], asked) == 1.0
    assert content_f1("coffee", ["tea"], asked) == 0.0
    assert content_f1("water", ["tea"], asked) == 0.0
    assert content_recall("Tea and coffee", ["tea"], asked) == 1.0
    assert content_f1("", ["tea"], asked) == 0.0
    assert content_f1("tea", ["?!"], asked) is None


def test_content_recall_does_not_punish_a_whole_sentence() -> None:
    said = "Employees must give notice of three months before they leave the company"
    assert content_recall(said, ["three months"]) == 1.0
    assert content_recall("three", ["three months"]) == 0.5
    assert content_recall("anything", [""]) is None


def test_facts_are_numbers_by_value_and_names() -> None:
    facts = key_facts("Dora Kettleby pays 1,500 euros.")
    assert "1500" in facts
    assert key_fact_recall("Kettleby paid 1500 euro", ["1,500", "Kettleby"]) == 1.0
    assert key_fact_recall("Kettleby paid 1600", ["1,500", "Kettleby"]) == 0.5
    assert key_fact_recall("Kettleby", ["Dora Kettleby"]) == 0.0
    assert key_fact_recall("anything", []) is None
    assert key_fact_recall("anything", ["?"]) is None


def test_span_recall_counts_characters_once() -> None:
    evidence = [("a.md", 10, 20), ("a.md", 15, 30)]  # 20 characters
    assert span_recall(evidence, [("a.md", 0, 15)]) == 0.25
    assert span_recall(evidence, [("a.md", 0, 15), ("a.md", 12, 20)]) == 0.5
    assert span_recall(evidence, [("b.md", 0, 100)]) == 0.0
    assert span_recall(evidence, [("a.md", 0, 100)]) == 1.0
    assert span_recall([*evidence, ("b.md", 0, 20)], [("a.md", 0, 100)]) == 0.5
    assert span_recall([], [("a.md", 0, 15)]) is None
