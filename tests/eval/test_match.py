"""Whether a text holds an answer is decided by whole words."""

from __future__ import annotations

import pytest

from ragkit_eval.cases import Case, Evidence
from ragkit_eval.match import contains_answer, evidence_rank, holds_quote
from tests.support.passage import passage


@pytest.mark.parametrize(
    ("text", "answer", "held"),
    [
        ("It is Three Months, at least.", "three months", True),
        ("It is three  \n months.", "three months", True),
        ("It is three short months.", "three months", False),
        ("It takes 25 metres.", "5 metres", False),
        ("It costs €85.", "€85", True),
        ("It costs $85.", "€85", False),
        ("It costs 85.", "€85", False),
        ("It costs €4.50.", "€4.50", True),
        ("It costs €85.00.", "€85", True),
        ("It costs €1,500.", "€1500", True),
        ("It costs €1,500.", "€500", False),
        ("It rose by 5%.", "5 %", True),
        ("It rose by 2.5%.", "5 %", False),
        ("It opens at 11:30.", "30", False),
        ("It opens at 11:30.", "11:30", True),
        ("From 9\u201317 daily.", "9-17", True),
        ("", "yes", False),
    ],
)
def test_an_answer_stands_in_a_text_as_whole_words(text: str, answer: str, held: bool) -> None:
    assert contains_answer(text, [answer]) is held


def test_any_answer_suffices_and_none_is_never_held() -> None:
    assert contains_answer("It is blue.", ["red", "blue"])
    assert not contains_answer("It is blue.", [])


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("a b c d e f g h i j", True),
        ("j i h g f e d c b a and more", True),  # the order of a table's cells
        ("a b c d e f g h i", True),  # nine of ten
        ("a b c d e f g h", False),
    ],
)
def test_a_quote_is_held_by_nine_tenths_of_its_words(text: str, held: bool) -> None:
    assert holds_quote(text, "A b c d e, f g h i j!") is held


def case(*evidence: tuple[str, str]) -> Case:
    return Case(
        id="q",
        question="?",
        answers=("two",),
        answerable=True,
        evidence=tuple(Evidence(path=path, quote=quote) for path, quote in evidence),
    )


def test_the_rank_of_the_evidence() -> None:
    passages = [
        passage("The lid is blue.", path="a.md"),
        passage("It lasts two months.", path="a.md", rank=2, headings=("Notice",)),
        passage("It lasts two months.", path="b.md", rank=3, title="Notice"),
    ]
    assert evidence_rank(case(("a.md", "The lid is blue")), passages) == 1
    assert evidence_rank(case(("b.md", "Notice: it lasts two months")), passages) == 3
    assert evidence_rank(case(("b.md", "it lasts"), ("a.md", "it lasts")), passages) == 2
    assert evidence_rank(case(("c.md", "it lasts two months")), passages) is None
    assert evidence_rank(case(("a.md", "it lasts two months")), []) is None
