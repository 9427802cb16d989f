"""The quality of a drafted question falls with everything that makes it a bad one."""

from __future__ import annotations

from typing import Any

import pytest

from ragkit.answer import Passage
from ragkit_eval.cases import Evidence
from ragkit_eval.questions.quality import form, quality, specific
from ragkit_eval.questions.source import Drafted

TEXT = "The notice period of fitters is three months."
QUESTION = "How long is the notice period of fitters?"


def drafted(**changes: Any) -> Drafted:
    values: dict[str, Any] = {
        "question": QUESTION,
        "answers": ("three months",),
        "evidence": (Evidence(path="a.md", quote=TEXT, start=10, end=10 + len(TEXT)),),
        "kind": "number",
    }
    return Drafted(**values | changes)


def hit(path: str = "a.md", text: str = TEXT, start: int = 10) -> Passage:
    return Passage(
        rank=1, chunk_id=1, document_id=1, path=path, title="", headings=(), page=None,
        start=start, end=start + len(text), text=text, score=1.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("question", "good"),
    [
        (QUESTION, 1.0),
        ("How long is the notice period of fitters", 0.0),
        ("How long?", 0.0),
        ("How long is this notice period?", 0.0),
        ("How long is the the notice period?", 0.0),
        ("How long is the notice (period?", 0.0),
        ("How long is the `notice` period?", 0.0),
        ("The notice period is how long?", 0.0),
        ("How long is " + "very " * 30 + "long?", 0.0),
    ],
)
def test_the_form(question: str, good: float) -> None:
    assert form(question) == good


def test_a_good_question_and_what_makes_it_worse() -> None:
    assert quality(drafted(), QUESTION, [hit()]) == 1.0
    assert quality(drafted(trust=0.8), QUESTION, [hit()]) == 0.8
    assert quality(drafted(), QUESTION, [hit("b.md", "Other."), hit()]) == 0.9
    assert quality(drafted(), QUESTION, []) == pytest.approx(0.3)
    assert quality(drafted(), QUESTION, [hit(start=900)]) == pytest.approx(0.3)
    rival = hit("b.md", "The notice period of all fitters is four weeks.")
    assert quality(drafted(), QUESTION, [hit(), rival]) == pytest.approx(0.7)
    same = hit("b.md", TEXT)
    assert quality(drafted(), QUESTION, [hit(), same]) == 1.0
    assert quality(drafted(), "How long are three months of notice?", [hit()]) == 0.0


def test_a_vague_question() -> None:
    assert not specific("How long is it?")
    assert not specific("When was the order placed?")
    assert specific("What is the QK-200?")
    assert specific(QUESTION)


def test_unanswerable_ones_are_not_searched() -> None:
    assert quality(drafted(answers=(), trust=0.8), QUESTION, []) == 0.8
