"""A follow-up is completed; a question that stands on its own is left exactly as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.followup import standalone, topic_of
from ragkit.generate.protocol import Turn

NOTICE = "How long is the notice period?"
QUESTIONS = Path(__file__).parents[2] / "examples" / "questions.jsonl"


def after(question: str, follow_up: str, answer: str = "") -> str:
    return standalone(follow_up, [Turn(question=question, answer=answer)])


@pytest.mark.parametrize(
    ("question", "follow_up", "expected"),
    [
        # an opening that continues
        (NOTICE, "And for contractors?", "How long is the notice period for contractors?"),
        (NOTICE, "and contractors?", "How long is the notice period for contractors?"),
        (NOTICE, "What about contractors?", "How long is the notice period for contractors?"),
        (NOTICE, "How about interns", "How long is the notice period for interns?"),
        (NOTICE, "So what about the interns?", "How long is the notice period for the interns?"),
        (NOTICE, "Contractors too?", "How long is the notice period for Contractors?"),
        (NOTICE, "During probation?", "How long is the notice period during probation?"),
        (NOTICE, "Only on weekdays?", "How long is the notice period, only on weekdays?"),
        # a counterpart is replaced, not added
        (
            "How is overtime paid on Sundays?",
            "and on Saturdays?",
            "How is overtime paid on Saturdays?",
        ),
        (
            "How many days are there for full-time employees?",
            "And for part-time employees?",
            "How many days are there for part-time employees?",
        ),
        (
            "What is the price of the QK-200?",
            "What about the QK-350?",
            "What is the price of the QK-350?",
        ),
        ("What was the rate in 2024?", "And in 2025?", "What was the rate in 2025?"),
        ("What was the rate in 2024?", "And 2025?", "What was the rate in 2025?"),
        # nothing but a question word
        (NOTICE, "Why?", "How long is the notice period, and why?"),
        (
            "How many days of leave may be carried over?",
            "And until when?",
            "How many days of leave may be carried over, and until when?",
        ),
        # nothing of its own
        (NOTICE, "Is there a limit?", "Is there a limit, about the notice period?"),
        (NOTICE, "Are there exceptions?", "Are there exceptions, about the notice period?"),
        (NOTICE, "Who approves?", "Who approves, about the notice period?"),
        (NOTICE, "Tell me more", "Tell me more, about the notice period?"),
        # pronouns
        (NOTICE, "Can it be extended?", "Can the notice period be extended?"),
        (NOTICE, "When does it end?", "When does the notice period end?"),
        (NOTICE, "And who approves it?", "And who approves the notice period?"),
        (NOTICE, "What are its exceptions?", "What are the notice period's exceptions?"),
        (NOTICE, "Does that apply to interns?", "Does the notice period apply to interns?"),
        (NOTICE, "Who decided that?", "Who decided the notice period?"),
        (
            NOTICE,
            "How long is that period during probation?",
            "How long is that period during probation, about the notice period?",
        ),
        ("Which kettles have a timer?", "How much do they cost?", "How much do kettles cost?"),
        (
            "Which kettles have a timer?",
            "How heavy are these?",
            "How heavy are kettles?",
        ),
        ("What is made in the Boiler Hall?", "Who works there?", "Who works in the Boiler Hall?"),
        ("What is made at The Wharf?", "Can I park there?", "Can I park at The Wharf?"),
    ],
)
def test_a_follow_up_is_completed(question: str, follow_up: str, expected: str) -> None:
    assert after(question, follow_up) == expected


@pytest.mark.parametrize(
    ("follow_up", "expected"),
    [
        ("When did she join?", "When did Tamsin Wickerby-Plum join?"),
        ("What is her extension?", "What is Tamsin Wickerby-Plum's extension?"),
        ("Who can reach her?", "Who can reach Tamsin Wickerby-Plum?"),
    ],
)
def test_a_person_comes_from_the_answer(follow_up: str, expected: str) -> None:
    answer = "The head of the People Room is Tamsin Wickerby-Plum."
    assert after("Who is the head of the People Room?", follow_up, answer) == expected


def test_a_person_comes_from_the_question_that_names_one() -> None:
    asked = after("What does Marguerite Oatshaw do?", "Where does she work?", "She answers.")
    assert asked == "Where does Marguerite Oatshaw work?"


@pytest.mark.parametrize(
    "question",
    [
        "How long is sick leave?",
        "sick pay",
        "travel expenses limit",
        "And who approves travel?",
        "Is it allowed to smoke in the Boiler Hall?",
        "Is it true that the break bell is rung by hand?",
        "How long does it take to descale the kettle?",
        "If an employee falls ill, when must they report it?",
        "How can employees appeal if they disagree?",
        "When a guest damages a kettle, who repairs it?",
        "Does the kettle switch itself off when it is lifted?",
        "What must visitors wear when they enter the Boiler Hall?",
        "Who supplies the heating element and what does it cost?",
        "Who is the person that rings the bell?",
        "Is there a limit for hotel costs?",
        "What is the deadline for expense claims?",
        "In which case is leave lost?",
        "For how long is sick pay paid?",
        "At what time does the early shift start?",
        "What was decided about the car park this year?",
        "Are dogs allowed there in the Boiler Hall?",
        "Tell me about the lease",
        "Is the lift inspected, and by whom?",
        "thanks",
        "Hello",
        "",
        "   ",
        "?",
        "/help",
    ],
)
def test_what_stands_on_its_own_is_left_alone(question: str) -> None:
    assert after(NOTICE, question) == question


def test_no_question_of_the_example_set_is_altered() -> None:
    cases = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    questions = [case["question"] for case in cases]
    assert len(questions) >= 80
    assert [q for q in questions if after(NOTICE, q) != q] == []


def test_without_history_nothing_is_altered() -> None:
    assert standalone("And for contractors?", []) == "And for contractors?"


def test_the_topic_is_looked_for_further_back() -> None:
    history = [Turn(question=NOTICE, answer="Three months."), Turn(question="why?", answer="")]
    assert standalone("Can it be extended?", history) == "Can the notice period be extended?"


@given(st.text(max_size=200))
def test_any_text_gives_a_text(text: str) -> None:
    assert isinstance(after(NOTICE, text, "Three months."), str)
    assert isinstance(after(text, "And for how long is it?", text), str)


@given(
    st.sampled_from(
        [
            "And for contractors?",
            "Why?",
            "Can it be extended?",
            "Is there a limit?",
            "Who decided that?",
        ]
    )
)
def test_a_completed_question_stands_on_its_own(follow_up: str) -> None:
    completed = after(NOTICE, follow_up)
    assert after("Which kettles have a timer?", completed) == completed


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        (NOTICE, "the notice period"),
        ("Who approves travel expenses over 500 pounds?", "travel expenses over 500 pounds"),
        ("What is the price of the QK-350?", "the price of the QK-350"),
        ("How is overtime paid on Sundays?", "overtime"),
        ("What does the Boiler Hall produce?", "the Boiler Hall"),
        ("How long does the kettle keep the water warm?", "the kettle"),
        ("Where is Stocktake Friday described?", "Stocktake Friday"),
        ("travel expenses limit", "travel expenses limit"),
        ("Why?", ""),
        ("", ""),
    ],
)
def test_the_topic_of_a_question(question: str, topic: str) -> None:
    assert topic_of(question) == topic
