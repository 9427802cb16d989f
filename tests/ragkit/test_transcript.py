"""The conversation in the documentation can be recorded again, and shows what it should."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.transcript import BEGIN, END, QUESTIONS, read_questions, replaced, transcript
from tests.support.company import Company

PAGE = Path(__file__).parents[2] / "docs" / "conversation.md"


def _turns(text: str) -> list[str]:
    return [turn.strip() for turn in f"\n{text}".split("\nyou> ")[1:]]


def test_the_page_shows_the_questions_of_the_file() -> None:
    recorded = PAGE.read_text("utf-8").split(BEGIN)[1].split(END)[0]
    recorded = recorded.removeprefix("\n```text").removesuffix("```\n")
    assert [turn.splitlines()[0] for turn in _turns(recorded)] == read_questions(QUESTIONS)


def test_ten_turns_of_every_sort() -> None:
    lines = read_questions(QUESTIONS)
    assert sum(not line.startswith("/") for line in lines) >= 10
    assert {"/why", "/open 2"} <= set(lines)


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    page = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert replaced(page, "new\n") == f"before\n{BEGIN}\n```text\nnew\n```\n{END}\nafter\n"
    with pytest.raises(ValueError, match="the page needs the lines"):
        replaced("no marks", "new")


@pytest.mark.slow
def test_the_conversation_goes_as_recorded(company: Company) -> None:
    text = transcript(company.rag.folder, read_questions(QUESTIONS))
    said = {turn.splitlines()[0]: " ".join(turn.split()) for turn in _turns(text)}
    assert len(said) >= 12
    leave = said["How many days of annual leave may be carried over into the next year?"]
    assert leave.index("eight days") < leave.index("five days")
    assert "(older: 2025-01-06)" in leave
    assert "Understood as:" in said["And by when must they be taken?"]
    assert "30 June" in said["And by when must they be taken?"]
    assert "Ignatius Dapplefrost" in said["Who is the head of the Spout Lab?"]
    assert "The documents do not say." in said["What was his salary last year?"]
    assert "price_eur: 67.50" in said["What about the QK-200?"]
    assert "€165" in said["No, I meant the one for the trade fair."]
    assert "22 in the Spout Lab" in said["Which has more people, the Spout Lab or Guest Care?"]
    assert "31 March 2029" in said["When does the Grindlebrook agreement end?"]
    assert "140 rooms" in said["Which of them has the most rooms?"]
    assert "ragkit: " not in text
