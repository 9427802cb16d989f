"""Rows: every cell is a value or says why not, and summaries never hold what no case holds."""

from __future__ import annotations

import math
from typing import Any

import pytest

from ragkit_eval.cases import Case, Evidence
from ragkit_eval.metrics.abstention import Outcome
from ragkit_eval.metrics.citation import verbatim
from ragkit_eval.recorded import Recorded, SaidSentence, Shown
from ragkit_eval.score import MEASURES, Row, Status, entailment, score
from ragkit_eval.summary import declared, differences, figures, outcomes

TEXT = "The notice period is three months."
CASE = Case(
    id="q1",
    question="How long is the notice period?",
    answers=("three months",),
    answerable=True,
    evidence=(Evidence(path="docs/work.md", quote=TEXT, start=10, end=10 + len(TEXT)),),
)
NONE = Case(id="q2", question="Is there a gym?", answers=(), answerable=False)


def said(text: str, **changes: Any) -> Recorded:
    values: dict[str, Any] = {"arm": "a", "id": "q1", "text": text}
    return Recorded(**values | changes)


def row(answer: Recorded) -> Row:
    (found,) = score([CASE, NONE], [answer], entails=verbatim)
    assert list(found.cells) == list(MEASURES)
    return found


def test_a_right_answer_with_its_passage_and_citation() -> None:
    found = row(
        said(
            TEXT,
            passages=(Shown(path="docs/work.md", text=TEXT, start=10, end=10 + len(TEXT)),),
            sentences=(SaidSentence(text=TEXT, citations=(0,)),),
            citations=(Shown(path="docs/work.md", text=TEXT),),
        )
    )
    assert found.outcome is Outcome.CORRECT
    ones = {"correct", "crag", "contains_answer", "content_recall", "key_fact_recall", "hit@5"}
    ones |= {"span_recall@5", "doc_recall@5", "doc_mrr@5", "doc_ndcg@5", "groundedness"}
    ones |= {"citation_recall", "citation_precision", "content_f1"}  # all else is in the question
    assert {name for name, cell in found.cells.items() if cell == 1.0} == ones
    assert found.cells["exact_match"] == 0.0


def test_half_of_the_evidence() -> None:
    half = len(TEXT) // 2
    passage = Shown(path="docs/work.md", text=TEXT[:half], start=10, end=10 + half)
    found = row(said("Three months", passages=(Shown(path="x.md", text="no"), passage)))
    assert found.cells["span_recall@5"] == pytest.approx(half / len(TEXT))
    assert (found.cells["doc_mrr@5"], found.cells["hit@5"]) == (0.5, 0.0)


def test_withheld_failed_and_unanswerable() -> None:
    withheld = row(said("The documents do not say."))
    assert withheld.outcome is Outcome.ABSTAINED
    assert (withheld.cells["correct"], withheld.cells["crag"]) == (0.0, 0.0)
    assert withheld.cells["content_f1"] == 0.0
    assert withheld.cells["groundedness"] is Status.ABSTAINED
    assert withheld.cells["hit@5"] is Status.NO_PASSAGES
    failed = row(said("", failure="the server was gone"))
    assert (failed.outcome, failed.cells["content_f1"]) == (None, Status.FAILED)
    assert failed.cells["correct"] == 0.0
    gym = row(said("Yes, in the cellar.", id="q2"))
    assert (gym.outcome, gym.cells["crag"]) == (Outcome.WRONG, -1.0)
    assert gym.cells["content_f1"] is Status.UNANSWERABLE


def test_what_an_arm_says_of_itself_wins_over_its_words() -> None:
    assert row(said("I do not know, but three months.", abstained=False)).outcome is Outcome.CORRECT
    assert row(said("three months", abstained=True)).outcome is Outcome.ABSTAINED


def test_answers_to_unknown_cases_have_no_row() -> None:
    assert score([CASE], [said("x", id="other")], entails=verbatim) == []


def test_entailment_by_words_takes_a_paraphrase_and_no_changed_number() -> None:
    entails = entailment("words")
    assert entails(TEXT, "The period of notice is three months.")
    assert not entails(TEXT, "The notice period is four months.")
    with pytest.raises(ValueError, match="one of words, verbatim"):
        entailment("guessing")


def test_figures_are_numbers_or_say_why_not() -> None:
    rows = score(
        [CASE, NONE],
        [said("three months", confidence=0.9), said("Yes.", id="q2", confidence=0.2)],
        entails=verbatim,
    )
    found = figures(rows)
    assert found["correct"].value == 0.5
    assert (found["content_f1"].value, found["content_f1"].n, found["content_f1"].of) == (1.0, 1, 2)
    assert found["content_f1"].statuses == {"unanswerable": 1}
    assert (found["hit@5"].value, found["hit@5"].status) == (None, "no_passages")
    assert found["abstention_recall"].value == 0.0
    assert (found["abstention_f1"].value, found["abstention_f1"].status) == (
        None,
        "nothing_withheld",
    )
    assert found["ece"].value == pytest.approx(0.15)
    assert found["aurc"].value == pytest.approx(0.25)
    for figure in found.values():
        assert (figure.value is None) == bool(figure.status)
        assert figure.value is None or math.isfinite(figure.value)
    assert outcomes(rows) == {"correct": 1, "abstained": 0, "wrong": 1, "failed": 0}


def test_no_rows_have_figures_too() -> None:
    assert all(figure.value is None and figure.status for figure in figures([]).values())


def test_arms_are_compared_over_the_cases_of_both() -> None:
    rows = {
        "rag": score([CASE, NONE], [said("three months"), said("", id="q2")], entails=verbatim),
        "extractive": score([CASE], [said("a year")], entails=verbatim),
    }
    correct, content = differences(rows, [("rag", "extractive"), ("oracle", "rag")])
    assert (correct.measure, correct.contrast.cases, correct.contrast.difference) == (
        "correct",
        1,
        1,
    )
    assert content.measure == "content_f1"
    assert correct.p_holm == 1.0


def test_the_declared_pairs() -> None:
    assert declared(["extractive", "oracle"], []) == [("oracle", "extractive")]
    assert declared(["rag", "mine"], ["mine"]) == [("mine", "rag")]
    assert declared(["mine", "other"], ["mine", "other"]) == []
