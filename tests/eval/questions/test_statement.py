"""Sentences become questions that a person would ask, or nothing."""

from __future__ import annotations

from typing import Any

import pytest

from ragkit_eval.questions.faq import headings
from ragkit_eval.questions.source import pieces
from ragkit_eval.questions.statement import statements
from ragkit_eval.questions.table import lines, tables
from ragkit_eval.questions.wording import common_words
from ragkit_ingest.catalog.reading import StoredDocument
from ragkit_ingest.records import Block, BlockKind


def document(*blocks: tuple[str, str], title: str = "Leave policy") -> StoredDocument:
    text, held = "", []
    for kind, content in blocks:
        level = 1 if kind == "heading" else 0
        held.append(
            Block(kind=BlockKind(kind), start=len(text), end=len(text) + len(content), level=level)
        )
        text += f"{content}\n\n"
    return StoredDocument(
        id=1, path="a.md", format="markdown", title=title, text=text, blocks=tuple(held), pages=(),
        metadata={},
    )  # fmt: skip


def asked(sentence: str) -> list[tuple[str, str]]:
    held = document(("paragraph", sentence))
    (piece,) = pieces(held, common_words("the passphrase laptops leave"))
    found = list(statements(piece))
    for one in found:
        (evidence,) = one.evidence
        assert held.text[evidence.start : evidence.end] == evidence.quote == sentence
        assert all(answer in sentence for answer in one.answers)
    return [(one.question, one.answers[0]) for one in found]


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        ("The notice period is three months.", "How long is the notice period?", "three months"),
        ("The annual rent of Lantern Wharf is €201,500 from May.",
         "How much is the annual rent of Lantern Wharf from May?", "€201,500"),
        ("Employees may carry over up to five days of annual leave into the next year.",
         "How many days of annual leave may Employees carry over into the next year?",
         "five days of annual leave"),
        ("An accident must be reported within 24 hours of its discovery by the victim, at work.",
         None, None),
        ("A loss must be reported within 24 hours to the insurer.",
         "Within how many hours must a loss be reported to the insurer?", "24 hours"),
        ("The deposit is returned within 60 days of the end of the lease.",
         "Within how many days of the end of the lease is the deposit returned?", "60 days"),
        ("Guest Care has six green vans, of which four stand at the wharf.",
         "How many green vans does Guest Care have?", "six green vans"),
        ("The training costs €40.", "How much does the training cost?", "€40"),
        ("The amendment was signed on 1 September 2025 in Upper Grindle.",
         "When was the amendment signed?", "1 September 2025"),
        ("Fire drills are held twice a year at each site.",
         "How often are fire drills held at each site?", "twice a year"),
        ("The rota is kept by Pip Sandlewhistle, the hotline team leader.",
         "Who is the rota kept by?", "Pip Sandlewhistle"),
        ("The minutes were approved by the board on Monday.",
         "Who approved the minutes?", "the board"),
        ("Zoe Crumblehart is responsible for the steam test bay.",
         "Who is responsible for the steam test bay?", "Zoe Crumblehart"),
        ("Staff get Paid Time Off (PTO) from the first day.", None, None),
        ("A boil-over is a test that ran longer than its limit.",
         "What is a boil-over?", "a test that ran longer than its limit"),
        ("Outside the warranty a repair costs €36.", None, None),
        ("The end of the term is moved from 1 May 2027 to 1 May 2029.", None, None),
        ("It is three months.", None, None),
        ("This period is three months.", None, None),
        ("If the kettle leaks, the period is three months.", None, None),
        ("Laptops that are broken are replaced.", None, None),
        ("The value of `x` is 3 days.", None, None),
        ("Employees may not carry over five days of leave.", None, None),
        ("How long is three months?", None, None),
    ],
)  # fmt: skip
def test_a_sentence(sentence: str, question: str | None, answer: str | None) -> None:
    wanted = [] if question is None else [(question.lower(), answer)]
    assert [(found.lower(), said) for found, said in asked(sentence)] == wanted


def test_a_clause_number_is_no_part_of_the_evidence() -> None:
    held = document(("paragraph", "4.2 The notice period is three months."))
    (piece,) = pieces(held)
    (found,) = statements(piece)
    assert found.evidence[0].quote == "The notice period is three months."


def test_table_rows() -> None:
    row = "Channel: E-mail; First answer: within one day; Notes: none; Yes/No: Yes; Rooms: 12"
    (piece,) = pieces(document(("table_row", row)))
    found = [(one.question, one.answers) for one in tables(piece)]
    assert found == [
        ("What is the first answer for E-mail?", ("within one day",)),
        ("How many rooms does E-mail have?", ("12",)),
    ]


def test_a_line_that_names_the_owner() -> None:
    (piece,) = pieces(document(("list_item", "Owner: Zoe Crumblehart, quality manager")))
    (found,) = lines(piece)
    assert (found.question, found.answers) == (
        "Who is the owner of the Leave policy?",
        ("Zoe Crumblehart",),
    )


def test_headings_that_ask() -> None:
    held: Any = document(
        ("heading", "Q: Can the tones be switched off?"),
        ("paragraph", "A: In Cosy, choose Rooms, then Sound."),
        ("heading", "How to descale a kettle"),
        ("paragraph", "Pour one sachet into a litre of water."),
        ("heading", "Does this work?"),
        ("paragraph", "See the page about kettles and urns."),
        ("heading", "Is there nothing beneath it?"),
    )
    found = [(one.question, one.answers[0]) for one in headings(list(pieces(held)))]
    assert found == [
        ("Can the tones be switched off?", "In Cosy, choose Rooms, then Sound."),
        ("How do I descale a kettle?", "Pour one sachet into a litre of water."),
    ]


def test_the_number_alone_answers_how_many() -> None:
    (piece,) = pieces(document(("paragraph", "Guest Care has six green vans.")))
    (found,) = statements(piece)
    assert found.answers == ("six green vans", "six")
