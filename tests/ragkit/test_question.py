"""What a question asks for: what it names, and what its answer must contain."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.question import Wanted, analyse, holds_identifier, satisfies
from ragkit_ingest.lexical import words


def names_the_same(question: str, text: str) -> bool:
    """Whether the text names every identifier of the question."""
    held = words(text)
    found = analyse(question).identifiers
    assert found
    return all(holds_identifier(i, set(held), set(pairwise(held))) for i in found)


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("How many days may be carried over?", Wanted.NUMBER),
        ("What temperature does the water reach?", Wanted.NUMBER),
        ("How much does a lid cost?", Wanted.MONEY),
        ("What is the monthly rent?", Wanted.MONEY),
        ("When was the lease signed?", Wanted.TIME),
        ("How long is the notice period?", Wanted.TIME),
        ("And when does it end?", Wanted.TIME),
        ("When does the discount run out?", Wanted.TIME),
        ("In how much time is an e-mail answered?", Wanted.TIME),
        ("Who signs the lease?", Wanted.NAME),
        ("Which supplier makes the elements?", Wanted.NAME),
        ("Where is the urn kept?", Wanted.PLACE),
        ("Why did the kettle fail?", Wanted.REASON),
        ("May I bring a dog?", Wanted.ANY),
    ],
)
def test_what_is_wanted(question: str, wanted: Wanted) -> None:
    assert analyse(question).wanted is wanted


@pytest.mark.parametrize(
    ("question", "text", "same"),
    [
        ("How wide is the QK-350?", "The QK-350 is wide.", True),
        ("How wide is the QK-350?", "The QK 350 is wide.", True),
        ("How wide is the qk350?", "The QK-350 is wide.", True),
        ("How wide is the QK-350?", "The QK-200 is wide.", False),
        ("How wide is the QK-350?", "The URN-12 has 350 parts.", False),
        ("What does clause 14 say?", "Under clause 14 it ends.", True),
        ("What does clause 14 say?", "Clause 4 lasts 14 days.", False),
        ("What does clause 14 say?", "14 clauses follow.", False),
        ("What does clause 2.2 say?", "Under clause 2.2 it ends.", True),
        ("What does clause 2.2 say?", "Under clause 2.3 it ends.", False),
        ("Is firmware 4.2 out?", "Firmware 4.2 is out.", True),
        ("Is firmware 4.2 out?", "Firmware 4.1 is out.", False),
        ("What does error E05 mean?", "E05: the lid is open.", True),
        ("What does error E05 mean?", "E06: the lid is open.", False),
    ],
)
def test_identifiers_are_told_apart(question: str, text: str, same: bool) -> None:
    assert names_the_same(question, text) is same


def test_a_question_without_digits_names_no_identifier() -> None:
    assert analyse("How long is the notice period?").identifiers == ()


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("What did Barnaby Thrupplewick say?", ("barnabi", "thrupplewick")),
        ("Does Marlinspike's contract end in March?", ("marlinspik",)),
        ("What is it? The Boiler Hall has one.", ("boiler", "hall")),
        ("Hello, what is the notice period?", ()),
        ("Is the QK-350 sold?", ()),
        ("Barnaby", ()),
    ],
)
def test_names_are_capitalised_words_that_do_not_open_a_sentence(
    question: str, names: tuple[str, ...]
) -> None:
    assert analyse(question).names == names


@pytest.mark.parametrize(
    ("question", "focus"),
    [
        ("What is the width of the QK-350?", ("width",)),
        ("Which warranty period is in force?", ("warranti", "period")),
        ("How long is the notice period?", ("long",)),
        ("How many days may be carried over?", ("day",)),
        ("May I bring a dog?", ()),
    ],
)
def test_the_focus_is_what_is_asked_for(question: str, focus: tuple[str, ...]) -> None:
    assert analyse(question).focus == focus


@pytest.mark.parametrize(
    ("question", "text", "answers"),
    [
        ("How many kettles fit 12 rooms?", "The 12 rooms take 30 kettles.", True),
        ("How many kettles fit 12 rooms?", "There are 12 rooms.", False),
        ("How many kettles fit?", "There are kettles.", False),
        ("How many kettles fit?", "There are twenty kettles.", True),
        ("How much does the lid cost?", "The lid costs €4.50.", True),
        ("How much does the lid cost?", "The lid is dear.", False),
        ("When was the lease of 2019 signed?", "The lease of 2019 was signed.", False),
        ("When was the lease of 2019 signed?", "It was signed on 3 May 2019.", True),
        ("How long is the notice period?", "It is three months.", True),
        ("How long is the notice period?", "It is long.", False),
        ("Who leads the Boiler Hall?", "The Boiler Hall is large.", False),
        ("Who leads the Boiler Hall?", "Ottilie Fennimore leads it.", True),
        ("Where is the urn?", "It stands in the canteen.", True),
        ("Where is the urn?", "Yes.", False),
        ("Why did it fail?", "It failed because of scale.", True),
        ("Why did it fail?", "It failed.", False),
        ("May I bring a dog?", "", True),
    ],
)
def test_what_an_answer_must_contain(question: str, text: str, answers: bool) -> None:
    assert satisfies(analyse(question), text) is answers


@given(st.sampled_from(["How many", "When is", "Who is", "How much is"]), st.text())
def test_no_question_satisfies_itself(opening: str, rest: str) -> None:
    question = analyse(f"{opening} {rest}")
    if question.wanted in {Wanted.NUMBER, Wanted.MONEY, Wanted.TIME, Wanted.NAME}:
        assert not satisfies(question, question.text)


@pytest.mark.parametrize(
    ("question", "years"),
    [
        ("Who won the raft race in 2025?", ("2025",)),
        ("Was it cheaper in 1999 than in 2026, or in 2026 at last?", ("1999", "2026")),
        ("What does contract SC-2025-031 say of 2,026 hubs?", ()),
        ("Who won?", ()),
    ],
)
def test_years_are_those_that_stand_alone(question: str, years: tuple[str, ...]) -> None:
    assert analyse(question).years == years


@given(st.text())
def test_any_text_can_be_analysed(text: str) -> None:
    question = analyse(text)
    assert question.text == text
    assert len(set(question.words)) == len(question.words)
