"""What is counted of the answers, on cases that can be counted by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ragkit.answer import Answer, Citation, Passage, SearchResult, ShortAnswer
from ragkit_eval.answers import AnswerReport, evaluate
from ragkit_eval.cases import Case, Evidence
from ragkit_eval.share import Share
from ragkit_ingest.errors import ConfigError, GeneratorError, NoIndexError, UsageError
from ragkit_ingest.status import StoredText
from tests.support.passage import passage

TEXT = "The notice period is three months. The lid is blue."
HELD = passage(TEXT, path="work.md")
OTHER = passage("The gate is green.", path="gate.md", document=2)


def known(id: str, question: str, answer: str, kind: str = "fact") -> Case:
    evidence = (Evidence(path="work.md", quote=TEXT),)
    return Case(
        id=id, question=question, answers=(answer,), answerable=True, evidence=evidence, kind=kind
    )


def unknown(id: str, question: str) -> Case:
    return Case(id=id, question=question, answers=(), answerable=False, kind="missing")


def citation(start: int, end: int, quote: str) -> Citation:
    return Citation(
        n=1, path="work.md", page=None, start=start, end=end, quote=quote, verified=True
    )


def answer(question: str, text: str = "", **changes: Any) -> Answer:
    values: dict[str, Any] = {"abstained": not text, "confidence": 0.75 if text else 0.1}
    return Answer(question=question, text=text or "Three months is not said.", **values | changes)


class FakeRag:
    """Answers and finds what it was told to."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Exception] = {}
        self.found: dict[str, tuple[Passage, ...]] = {}

    def ask(self, question: str) -> Answer:
        known = self.answers[question]
        if isinstance(known, Exception):
            raise known
        return known

    def search(self, query: str, *, k: int) -> SearchResult:
        return SearchResult(query=query, mode="hybrid", hits=self.found.get(query, ())[:k])

    def show(self, path: str, *, span: tuple[int, int]) -> StoredText:
        start, end = span
        if end > len(TEXT):
            raise UsageError(f"{path} has {len(TEXT)} characters")
        return StoredText(
            path=path, text=TEXT[start:end], start=start, end=end, page=None, length=len(TEXT)
        )


@pytest.fixture
def report() -> AnswerReport:
    """Four answerable cases and two others.

    a: right, evidence first, one citation; the search finds it too
    b: wrong, evidence only in sixth place, two citations of which one quotes wrongly
    c: refused, although what is said holds the accepted answer; evidence in second place
    d: right, one citation that lies beyond the document
    e: abstained, as it should be
    f: answered, though it should not be
    """
    rag = FakeRag()
    rag.found = {"a?": (HELD,), "b?": (*(OTHER,) * 5, HELD), "c?": (OTHER, HELD), "d?": ()}
    rag.answers = {
        "a?": answer("a?", "It is three months.", passages=(HELD,),
                     citations=(citation(0, 34, TEXT[:34]),)),
        "b?": answer("b?", "It is green.", passages=(*(OTHER,) * 5, HELD),
                     citations=(citation(0, 34, TEXT[:34]), citation(0, 3, "Thy"))),
        "c?": answer("c?", passages=(OTHER, HELD)),
        "d?": answer("d?", "It is blue.", passages=(HELD,), citations=(citation(0, 99, TEXT),)),
        "e?": answer("e?"),
        "f?": answer("f?", "Yes."),
    }  # fmt: skip
    cases = [
        known("a", "a?", "three months"),
        known("b", "b?", "blue"),
        known("c", "c?", "three months", "number"),
        known("d", "d?", "blue", "number"),
        unknown("e", "e?"),
        unknown("f", "f?"),
    ]
    return evaluate(rag, cases)


def test_the_counts(report: AnswerReport) -> None:
    assert {name: (share.hits, share.of) for name, share in report.shares.items()} == {
        "hit_rate@5": (3, 4),
        "search_hit_rate@5": (2, 4),
        "contains_answer": (2, 4),
        "abstained": (1, 2),
        "refused": (1, 4),
        "citations_verified": (2, 4),
        "citation_precision": (4, 4),
    }


def test_the_document(report: AnswerReport) -> None:
    document: Any = report.to_json()
    assert document["cases"] == 6
    assert (document["answerable"], document["unanswerable"], document["failed"]) == (4, 2, 0)
    assert document["citations"] == 4
    assert document["hit_rate@5"] == 0.75
    assert document["ci95"]["hit_rate@5"] == [0.3006, 0.9544]
    assert document["ci95"].keys() == {*report.shares, *report.means, "abstention"}
    assert document["kinds"] == [
        {"kind": "fact", "cases": 2, "hit_rate@5": 0.5, "contains_answer": 0.5, "abstained": None},
        {"kind": "number", "cases": 2, "hit_rate@5": 1, "contains_answer": 0.5, "abstained": None},
        {"kind": "missing", "cases": 2, "hit_rate@5": None, "contains_answer": None,
         "abstained": 0.5},
    ]  # fmt: skip
    assert [(o["id"], o["rank"], o["search_rank"]) for o in document["outcomes"]] == [
        ("a", 1, 1),
        ("b", None, None),
        ("c", 2, 2),
        ("d", 1, None),
        ("e", None, None),
        ("f", None, None),
    ]


def test_the_words_and_the_risk(report: AnswerReport) -> None:
    # a: "it is three months" against "three months": P 2/4, R 1; d: "it is blue": P 1/3, R 1
    first, last = 2 * 0.5 / 1.5, 2 * (1 / 3) / (4 / 3)
    f1, overall = report.means["f1"], report.means["overall_f1"]
    assert f1.value == pytest.approx((first + last) / 4)
    assert f1.ci95 is not None
    assert f1.value is not None
    assert 0.0 <= f1.ci95[0] <= f1.value <= f1.ci95[1] <= 1.0
    assert overall.value == pytest.approx((first + last + 1) / 6)  # e is rightly withheld
    assert report.means["exact_match"].value == 0.0
    assert {name: scored.value for name, scored in report.abstention.items()} == {
        "precision": 0.5,  # c and e are withheld, and only e should be
        "recall": 0.5,  # of e and f only e is
        "f1": 0.5,
        "aurc": pytest.approx((0.5 * 4 + (2 + 1) / 5 + 4 / 6) / 6),
    }


def test_the_short_answer_is_what_is_compared() -> None:
    rag = FakeRag()
    short = ShortAnswer(text="Three months.", citation=1, start=21, end=33, probability=0.6)
    rag.answers = {"a?": answer("a?", TEXT, short_answer=short)}
    report = evaluate(rag, [known("a", "a?", "three months")])
    assert report.means["exact_match"].value == report.means["f1"].value == 1.0
    assert report.shares["contains_answer"].value == 1.0


def test_an_unsure_answer_counts_as_withheld_and_keeps_its_place_in_the_risk() -> None:
    rag = FakeRag()
    rag.answers = {
        "a?": answer("a?", TEXT, confidence=0.4, citations=(citation(0, 34, TEXT[:34]),)),
        "b?": answer("b?", TEXT, confidence=0.5),
    }
    cases = [known("a", "a?", "three months"), known("b", "b?", "green")]
    report = evaluate(rag, cases, threshold=0.5)
    assert [o.abstained for o in report.outcomes] == [True, False]
    assert [(o.right, o.contains) for o in report.outcomes] == [(True, False), (False, False)]
    assert report.outcomes[0].f1 == 0.0
    assert report.shares["citations_verified"].of == 0
    assert report.abstention["aurc"].value == pytest.approx((1 + 1 / 2) / 2)


def test_a_gold_document_is_known_by_its_id_in_the_corpus() -> None:
    gold = Case(id="g", question="g?", answers=("months",), answerable=True, gold=("p7",))
    rag = FakeRag()
    held = replace(passage(TEXT, path="set/p7"), metadata={"beir_id": "p7"})
    other = replace(passage(TEXT, path="set/p8"), metadata={"beir_id": "p8"})
    cited = replace(citation(0, 34, TEXT[:34]), path="set/p7")
    strange = replace(cited, path="set/p8", n=2)
    rag.answers = {"g?": answer("g?", TEXT, passages=(other, held), citations=(cited, strange))}
    report = evaluate(rag, [gold])
    assert report.outcomes[0].rank == 2
    assert report.shares["citation_precision"] == Share(hits=1, of=2)


@pytest.mark.parametrize("error", [UsageError("it is too long"), GeneratorError("it is down")])
def test_a_case_that_fails_is_kept_and_counts_as_nothing(error: Exception) -> None:
    rag = FakeRag()
    rag.answers = {"a?": error, "e?": answer("e?")}
    report = evaluate(rag, [known("a", "a?", "blue"), unknown("e", "e?")])
    assert [(outcome.case.id, outcome.failure) for outcome in report.failed] == [("a", str(error))]
    assert report.shares["contains_answer"].value == 0.0
    assert report.shares["refused"].value == 0.0
    assert report.shares["abstained"].value == 1.0


@pytest.mark.parametrize("error", [NoIndexError("there is none"), ConfigError("k is odd")])
def test_what_would_fail_every_case_ends_it(error: Exception) -> None:
    rag = FakeRag()
    rag.answers = {"a?": error}
    with pytest.raises(type(error)):
        evaluate(rag, [known("a", "a?", "blue")])


def test_progress_is_told_after_each_case() -> None:
    rag = FakeRag()
    rag.answers = {"e?": answer("e?"), "f?": answer("f?")}
    told: list[tuple[int, int]] = []
    evaluate(rag, [unknown("e", "e?"), unknown("f", "f?")], lambda *step: told.append(step))
    assert told == [(1, 2), (2, 2)]


def test_nothing_measured_is_null_not_zero() -> None:
    document: Any = evaluate(FakeRag(), []).to_json()
    assert document["hit_rate@5"] is None
    assert document["ci95"]["abstained"] is None
