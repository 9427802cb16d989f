"""What documents disagree about is found, the newer one comes first, and nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.answer import Answer, Citation, Sentence
from ragkit.disagreement import Disagreement
from ragkit.evidence import Candidate
from ragkit.question import analyse
from ragkit.sentence import sentences
from ragkit.settle import settle
from ragkit_ingest.catalog.reading import StoredDocument
from ragkit_ingest.records import BlockKind
from tests.support.passage import passage

ROW = BlockKind.TABLE_ROW
TEXT = BlockKind.PARAGRAPH
DATES = {1: "2024-01-15", 2: "2026-02-01", 3: ""}


def candidate(
    text: str,
    *,
    document: int,
    score: float = 0.5,
    kind: BlockKind = TEXT,
    title: str = "",
    coverage: float = 0.5,
) -> Candidate:
    found = passage((kind, text), document=document, title=title)
    (sentence, *_) = sentences(found.text, found.start, found.blocks)
    features = {"coverage": coverage}
    return Candidate(passage=found, sentence=sentence, features=features, score=score)


def stored(document_id: int) -> StoredDocument | None:
    return StoredDocument(
        id=document_id,
        path=f"{document_id}.md",
        format="text",
        title="",
        text="",
        blocks=(),
        pages=(),
        metadata={"date": DATES[document_id]},
    )


def pair(
    older: str, newer: str, kind: BlockKind = TEXT, titles: Sequence[str] = ("", "")
) -> list[Candidate]:
    return [
        candidate(older, document=1, score=0.9, kind=kind, title=titles[0]),
        candidate(newer, document=2, score=0.6, kind=kind, title=titles[1]),
    ]


@pytest.mark.parametrize(
    ("older", "newer", "kind"),
    [
        ("First class from four hours.", "First class from three hours.", TEXT),
        (
            "Claims must be submitted within 30 days of the journey.",
            "Travel claims must be submitted within 45 days of the end of the journey.",
            TEXT,
        ),
        (
            "Core hours are 10:00 to 15:30, Monday to Friday.",
            "It was decided that core hours become 10:00 to 15:00 from 1 March 2026.",
            TEXT,
        ),
        (
            "Leave carried over must be taken by 31 March.",
            "It was decided that leave carried over must be taken by 30 June instead of 31 March.",
            TEXT,
        ),
        (
            "item: Kettle; price: 64.00; unit: piece",
            "item: Kettle; price: 67.50; unit: piece",
            ROW,
        ),
        ("Item: Meals; Limit in 2024: 38", "Item: Meals; Limit in 2026: 46", ROW),
    ],
)
def test_the_newer_one_comes_first_and_both_stay(older: str, newer: str, kind: BlockKind) -> None:
    settled = settle(analyse("What now?"), pair(older, newer, kind), stored)
    assert [c.sentence.text for c in settled.evidence] == [newer, older]
    assert {c.score for c in settled.evidence} == {0.9}
    (found,) = settled.disagreements
    assert (found.first.quote, found.other.quote, found.dated) == (newer, older, True)
    assert (found.first.date, found.other.date) == ("2026-02-01", "2024-01-15")


@pytest.mark.parametrize(
    ("first", "second", "kind", "titles"),
    [
        # the same said twice
        ("The notice period is 3 months.", "The notice period is three months.", TEXT, ("", "")),
        # two things
        ("Error E04 lasts 10 minutes.", "Error E05 lasts 20 minutes.", TEXT, ("", "")),
        ("The Urn 12 heats in 38 minutes.", "The Urn 24 heats in 61 minutes.", TEXT, ("", "")),
        ("item: Kettle; price: 64.00", "item: Urn; price: 155.00", ROW, ("", "")),
        # documents about two things
        (
            "hardness: 120 to 250; boils: 200",
            "hardness: 120 to 250; boils: 250",
            ROW,
            ("Descaling a QK-200", "QK-350 Manual"),
        ),
        # two groups of people, two years
        (
            "Full employees have 26 days of leave.",
            "Partial employees have 13 days of leave.",
            TEXT,
            ("", ""),
        ),
        (
            "There were 16 accidents in the factory in 2024.",
            "There were 11 accidents in the factory in 2025.",
            TEXT,
            ("", ""),
        ),
        # other matters
        ("The canteen opens at 11:45.", "The hotline opens at 06:30.", TEXT, ("", "")),
        (
            "Nobody may work alone in the Boiler Hall or the Spout Lab after 20:00.",
            "Of these, 81 work in the Boiler Hall and 22 in the Spout Lab.",
            TEXT,
            ("", ""),
        ),
    ],
)
def test_what_is_no_disagreement(
    first: str, second: str, kind: BlockKind, titles: tuple[str, str]
) -> None:
    ranked = pair(first, second, kind, titles)
    settled = settle(analyse("What now?"), ranked, stored)
    assert settled.disagreements == ()
    assert settled.evidence == ranked


def test_a_sentence_that_names_the_thing_is_about_it_whatever_its_title_names() -> None:
    older = "The keep-warm time is 30 minutes by default."
    newer = "The keep-warm time of the QK-350 is 20 minutes by default, no longer 30 minutes."
    titles = ("QK-350 Manual", "Firmware 4.2 goes out on 27 April")
    settled = settle(analyse("How long?"), pair(older, newer, titles=titles), stored)
    assert [d.first.quote for d in settled.disagreements] == [newer]
    other = ("QK-200 Manual", titles[1])
    assert (
        settle(analyse("How long?"), pair(older, newer, titles=other), stored).disagreements == ()
    )


def test_an_amendment_replaces_the_clause_that_it_names() -> None:
    titles = ("Agreement SA-2023-017", "Amendment No. 2 to Agreement SA-2023-017")
    old = "11.1 This agreement begins on 1 April 2023 and ends on 31 March 2027."
    new = "6.1 The end of the agreement in clause 11.1 is moved to 31 March 2029."
    settled = settle(analyse("When does it end?"), pair(old, new, titles=titles), stored)
    assert settled.disagreements[0].first.quote == new
    others = ("Agreement SA-2023-017", "Amendment to Agreement SA-2024-002")
    other = settle(analyse("When does it end?"), pair(old, new, titles=others), stored)
    assert other.disagreements == ()
    longer = new.replace("11.1", "11.12")
    assert not settle(analyse("?"), pair(old, longer, titles=titles), stored).disagreements


def test_one_document_does_not_disagree_with_itself() -> None:
    one, other = pair("First class from four hours.", "First class from three hours.")
    same = replace(other, passage=replace(other.passage, document_id=1))
    assert settle(analyse("?"), [one, same], stored).disagreements == ()


def test_without_dates_both_are_shown_and_none_is_newer() -> None:
    one = candidate("First class from four hours.", document=1)
    other = candidate("First class from three hours.", document=3)
    (found,) = settle(analyse("?"), [one, other], stored).disagreements
    assert not found.dated
    assert found.first.quote == one.sentence.text
    assert set(found.to_json()) == {"one", "other"}


def test_a_question_about_the_older_year_gets_the_older_one_first() -> None:
    older, newer = "First class from four hours.", "First class from three hours."
    asked = analyse("When was first class allowed in 2024?")
    settled = settle(asked, pair(older, newer), stored)
    assert [c.sentence.text for c in settled.evidence] == [older, newer]
    assert settled.disagreements[0].first.quote == newer


def test_what_hardly_matters_is_not_compared() -> None:
    best = candidate("The kettle is blue.", document=3, score=0.9)
    low = [replace(c, score=0.1) for c in pair("Rail from four hours.", "Rail from three hours.")]
    assert settle(analyse("What colour?"), [best, *low], stored).disagreements == ()


def test_the_row_of_the_thing_comes_before_rows_that_mention_it() -> None:
    lid = candidate("article: SP-1; text: Lid QK-200; price: 5", document=1, score=0.8, kind=ROW)
    own = candidate("article: QK-200; text: Kettle; price: 67", document=1, score=0.2, kind=ROW)
    prose = candidate("The lid costs more.", document=1, score=0.3)
    asked = analyse("What is the price of the QK-200?")
    evidence = settle(asked, [lid, prose, own], stored).evidence
    assert [c.sentence.text[:12] for c in evidence] == [
        "article: QK-",
        "The lid cost",
        "article: SP-",
    ]
    assert evidence[0].score == 0.8
    better = replace(lid, features={"coverage": 0.9})  # "the price of the lid of the QK-200"
    assert settle(asked, [better, own], stored).evidence == [better, own]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "First class from four hours.",
                    "First class from three hours.",
                    "First class from two hours.",
                    "Core hours are 10:00 to 15:30.",
                    "Core hours are 09:00 to 15:00.",
                ]
            ),
            st.integers(min_value=1, max_value=3),
            st.floats(min_value=0.01, max_value=1.0),
        ),
        max_size=8,
        unique_by=lambda drawn: drawn[:2],
    )
)
def test_no_sentence_is_lost_or_doubled(drawn: list[tuple[str, int, float]]) -> None:
    ranked = [
        replace(found, sentence=replace(found.sentence, start=i, end=i + 10))
        for i, found in enumerate(
            sorted((candidate(t, document=d, score=s) for t, d, s in drawn), key=lambda c: -c.score)
        )
    ]
    evidence = settle(analyse("What now?"), ranked, stored).evidence
    assert sorted(c.sentence.start for c in evidence) == list(range(len(ranked)))
    assert [c.score for c in evidence] == sorted((c.score for c in evidence), reverse=True)


def _answer(found: Disagreement) -> Answer:
    cited = [
        Citation(
            n=n,
            path=side.path,
            page=None,
            start=side.start,
            end=side.end,
            quote=side.quote,
            verified=True,
        )
        for n, side in enumerate((found.first, found.other), start=1)
    ]
    told = [Sentence(text=c.quote, citations=(c.n,), supported=True) for c in cited]
    return Answer(
        question="?",
        text="",
        abstained=False,
        confidence=0.9,
        sentences=tuple(told),
        citations=tuple(cited),
        disagreements=(found,),
    )


def test_an_answer_says_which_of_its_sentences_is_the_older_one() -> None:
    ranked = pair("First class from four hours.", "First class from three hours.")
    (found,) = settle(analyse("?"), ranked, stored).disagreements
    payload: Any = _answer(found).to_json()
    said = [sentence["disagreement"] for sentence in payload["sentences"]]
    assert said == ["newer: 2026-02-01", "older: 2024-01-15"]
    told = payload["disagreements"][0]
    assert told["older"]["date"] == "2024-01-15"
    assert told["newer"]["quote"] == "First class from three hours."
