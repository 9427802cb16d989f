"""What needs no source, and what cannot hide among it."""

from __future__ import annotations

import pytest

from ragkit.talk import says_something


@pytest.mark.parametrize(
    "sentence",
    [
        "Hello!",
        "Sure, I can help you with that.",
        "Here is what I found:",
        "Based on the documents provided:",
        "I hope this helps!",
        "Let me know if you have further questions.",
        "Would you like to know more about parental leave?",
        "## Notice period",
        "**Notice period**",
        "The documents do not say who pays the travel costs.",
        "Unfortunately, the provided context does not mention refunds.",
        "",
        "...",
    ],
)
def test_talk(sentence: str) -> None:
    assert not says_something(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Leave is 28 days.",
        "28",
        "Sure, the penalty is high.",
        "Here is what I found: employees may leave early:",
        "Hello Alice!",
        "Based on the documents, refunds are excluded.",
        "The documents do not say it; the fee is due at once.",
        "The documents do not mention the 500 euros.",
        "The documents say that leave is paid.",
        "Yes, smoking is allowed.",
    ],
)
def test_claims(sentence: str) -> None:
    assert says_something(sentence)
