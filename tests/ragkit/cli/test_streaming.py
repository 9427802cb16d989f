"""Drafts at a terminal: shown, erased, replaced by the verified answer; stopped by Ctrl-C."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ragkit.answer import Answer, Sentence
from ragkit.cli.streaming import Stopped, answer_of, can_stream
from ragkit.cli.talk import Talk
from ragkit.cli.terminal import Terminal
from ragkit.generate.extractive import ExtractiveGenerator
from ragkit.saved_chat import SavedChat

NOTICE = "How long is the notice period?"
ERASE = "\x1b[2K"
_STYLE = re.compile(r"\x1b\[[\d;]*m")


def screen(*, width: int = 60, height: int = 10, tty: bool = True) -> tuple[Terminal, io.StringIO]:
    shown = io.StringIO()
    terminal = Terminal()
    terminal.out = Console(
        file=shown, force_terminal=tty, width=width, height=height, highlight=False, markup=False
    )
    return terminal, shown


class Writer(ExtractiveGenerator):
    name = "openai:tiny"


def test_the_draft_is_shown_erased_and_the_answer_returned(make: Any) -> None:
    terminal, shown = screen()
    whole = make.answer()
    assert answer_of(terminal, iter(["The notice ", "is \x1b[31mshort", whole])) is whole
    assert ERASE in shown.getvalue()
    assert "\x1b[31mshort" not in shown.getvalue()


def test_a_long_draft_never_leaves_the_window(make: Any) -> None:
    terminal, shown = screen(height=8)
    pieces: list[str | Answer] = [f"line {n}\n" for n in range(200)]
    answer_of(terminal, iter([*pieces, make.answer()]))
    frames = shown.getvalue().split(ERASE)
    assert max(frame.count("\n") for frame in frames) <= 8


def test_ctrl_c_closes_what_writes_and_gives_the_draft_back() -> None:
    terminal, _ = screen()
    closed = []

    def events() -> Iterator[str | Answer]:
        try:
            yield "Three "
            raise KeyboardInterrupt
        finally:
            closed.append(True)

    with pytest.raises(Stopped) as stopped:
        answer_of(terminal, events())
    assert stopped.value.draft == "Three "
    assert closed == [True]


def test_an_error_while_writing_comes_through_and_the_screen_is_left_clean(make: Any) -> None:
    terminal, _ = screen()

    def events() -> Iterator[str | Answer]:
        yield "Three "
        raise ValueError("cut")

    with pytest.raises(ValueError, match="cut"):
        answer_of(terminal, events())
    answer_of(terminal, iter(["Another.", make.answer()]))  # a second draft can be shown


def test_only_a_chat_model_at_a_terminal_is_streamed(pipeline: Any) -> None:
    terminal, _ = screen()
    assert not can_stream(terminal, pipeline)  # the embedded generator writes at once
    pipeline.writer = Writer()
    assert can_stream(terminal, pipeline)
    assert not can_stream(screen(tty=False)[0], pipeline)
    terminal.json = True
    assert not can_stream(terminal, pipeline)


def test_a_dumb_terminal_gets_the_answer_alone(
    pipeline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    pipeline.writer = Writer()
    assert not can_stream(screen()[0], pipeline)


def test_a_chat_streams_then_shows_what_is_unsupported(pipeline: Any, make: Any) -> None:
    pipeline.writer = Writer()
    invented = Sentence(text="And a cake.", supported=False)
    whole = make.answer()
    pipeline.answers[NOTICE] = replace(whole, sentences=(*whole.sentences, invented))
    terminal, shown = screen(width=100)
    Talk(pipeline, terminal).run(iter([NOTICE]))
    after = _STYLE.sub("", shown.getvalue().rsplit(ERASE, 1)[-1])
    assert "three months. [1] And a cake. (no source)" in after
    assert "work.pdf, page 4" in after


def test_a_stopped_answer_is_not_kept_and_the_chat_goes_on(
    pipeline: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("RAGKIT_STATE", str(tmp_path))
    pipeline.writer = Writer()

    def stream(question: str, **_: Any) -> Iterator[str | Answer]:
        yield "Half an ans"
        if question == "slow?":
            raise KeyboardInterrupt
        yield pipeline.ask(question)

    monkeypatch.setattr(pipeline, "stream", stream)
    terminal, shown = screen()
    saved = SavedChat("work", "index")
    talk = Talk(pipeline, terminal, saved=saved)
    talk.run(iter(["slow?", NOTICE]))
    assert "Half an ans (stopped; not verified)" in shown.getvalue()
    assert "Stopped." in capsys.readouterr().err
    assert [a.question for a in saved.read().answers] == [NOTICE]
    assert talk.exit_code == 0


def test_ask_streams_at_a_terminal_and_not_as_json(
    ragkit: Any, pipeline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.writer = Writer()
    monkeypatch.setenv("FORCE_COLOR", "1")
    out = ragkit("ask", NOTICE).out
    assert ERASE in out
    assert _STYLE.sub("", out.rsplit(ERASE, 1)[-1]).count("three months") == 2
    assert ERASE not in ragkit("ask", NOTICE, "--json").out
    monkeypatch.delenv("FORCE_COLOR")
    assert ERASE not in ragkit("ask", NOTICE).out


def test_ctrl_c_ends_ask_with_one_line(
    ragkit: Any, pipeline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.writer = Writer()
    pipeline.answers[NOTICE] = KeyboardInterrupt()
    monkeypatch.setenv("FORCE_COLOR", "1")
    result = ragkit("ask", NOTICE)
    assert result.code == 130
    assert _STYLE.sub("", result.err) == "ragkit: Interrupted. Nothing that was stored is lost.\n"
