"""How an answer looks: the words that answer stand out, if they are likely the right ones."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ragkit.answer import Answer, Citation, Sentence, ShortAnswer
from ragkit.cli.answer_view import print_answer
from ragkit.cli.terminal import Terminal

QUOTE = "Everybody gets 28 days  of leave."


def shown(short: ShortAnswer | None) -> str:
    """Return what a terminal with colours is sent, up to the sources."""
    citation = Citation(
        n=1, path="leave.md", page=None, start=0, end=len(QUOTE), quote=QUOTE, verified=True
    )
    terminal = Terminal()
    terminal.out = Console(file=io.StringIO(), force_terminal=True, color_system="standard")
    sentence = Sentence(text="Everybody gets 28 days of leave.", citations=(1,), supported=True)
    print_answer(
        terminal,
        Answer(
            question="How many days?", text=sentence.text, abstained=False, confidence=0.9,
            sentences=(sentence,), citations=(citation,), short_answer=short,
        ),
    )  # fmt: skip
    assert isinstance(terminal.out.file, io.StringIO)
    return terminal.out.file.getvalue().partition("Sources")[0]


def short(text: str, *, probability: float = 0.5, citation: int = 1) -> ShortAnswer:
    at = QUOTE.index(text)
    return ShortAnswer(
        text=text, citation=citation, start=at, end=at + len(text), probability=probability
    )


@pytest.mark.parametrize(("words", "bold"), [("28 days", "28 days"), ("days  of", "days of")])
def test_the_words_that_answer_are_bold(words: str, bold: str) -> None:
    assert f"\x1b[1m{bold}\x1b[0m" in shown(short(words))


@pytest.mark.parametrize(
    "none", [None, short("28 days", probability=0.1), short("28 days", citation=2)]
)
def test_nothing_is_bold_that_is_unlikely_or_stands_elsewhere(none: ShortAnswer | None) -> None:
    assert "\x1b[1m28" not in shown(none)
