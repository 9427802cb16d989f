"""The parts of a question, and whether it asks for a list."""

from __future__ import annotations

import pytest

from ragkit.part import asks_for_a_list, parts


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How hard is the water and what does it cost?", [{"hard", "water"}, {"cost"}]),
        ("Which is heavier, the kettle or the urn?", [{"kettl"}, {"urn"}]),
        ("What is the difference between the navy and the white edition?", [{"navi"}, {"white"}]),
        ("How long is the notice period?", []),
        ("Who signs for salt and pepper?", []),
        ("", []),
    ],
)
def test_the_parts_of_a_question(question: str, expected: list[set[str]]) -> None:
    found = parts(question)
    assert len(found) == len(expected)
    assert all(want <= words for want, words in zip(expected, found, strict=True))


@pytest.mark.parametrize(
    "question",
    [
        "Which conditions are there?",
        "What are the severities?",
        "List the sites.",
        "And which hotels join?",
        "What must I bring?",
    ],
)
def test_a_list_is_asked_for(question: str) -> None:
    assert asks_for_a_list(question)


@pytest.mark.parametrize(
    "question", ["What is the price?", "What does it cost?", "How long?", "What was decided?", ""]
)
def test_no_list_is_asked_for(question: str) -> None:
    assert not asks_for_a_list(question)
