"""`ragkit chat` with piped questions, and at a terminal."""

from __future__ import annotations

import builtins
import io
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from ragkit.cli.talk import Talk, questions
from ragkit.cli.terminal import Terminal
from ragkit_ingest.errors import NoIndexError, UsageError

NOTICE = "How long is the notice period?"


def test_piped_questions_are_answered_line_by_line(ragkit: Any, pipeline: Any) -> None:
    result = ragkit("chat", stdin=f"{NOTICE}\n\nWho signs the lease?\n")
    assert result.code == 0
    assert result.out.count("Sources") == 2
    asked = [arguments["question"] for call, arguments in pipeline.calls if call == "ask"]
    assert asked == [NOTICE, "Who signs the lease?"]


def test_a_follow_up_is_understood(ragkit: Any, pipeline: Any) -> None:
    result = ragkit("chat", stdin=f"{NOTICE}\nAnd for contractors?\n")
    assert pipeline.last("ask")["question"] == "How long is the notice period for contractors?"
    assert pipeline.last("ask")["history"][0].question == NOTICE
    assert "Understood as: How long is the notice period for contractors?" in result.out


def test_new_forgets_the_topic(ragkit: Any, pipeline: Any) -> None:
    ragkit("chat", stdin=f"{NOTICE}\n/new\nAnd for contractors?\n")
    assert pipeline.last("ask")["question"] == "And for contractors?"
    assert pipeline.last("ask")["history"] == ()


def test_json_is_one_line_an_answer(ragkit: Any, pipeline: Any, make: Any) -> None:
    pipeline.answers["Who paid the rent?"] = UsageError("this cannot be asked")
    stdin = f"{NOTICE}\n/help\nWho paid the rent?\nAnd for contractors?\n"
    result = ragkit("chat", "docs", "--json", stdin=stdin)
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert lines[0]["question"] == NOTICE
    assert lines[1] == {"error": {"type": "UsageError", "message": "this cannot be asked"}}
    assert lines[2]["question"] == "And for contractors?"
    assert lines[2]["standalone_question"] == "How long is the notice period for contractors?"
    assert len(lines) == 3
    assert "/sources" in result.err
    assert "Files: 2 indexed" in result.err
    assert result.code == 2


def test_an_error_ends_a_question_not_the_chat(ragkit: Any, pipeline: Any) -> None:
    pipeline.answers["bad?"] = UsageError("this cannot be asked")
    result = ragkit("chat", stdin=f"bad?\n{NOTICE}\n")
    assert "ragkit: this cannot be asked" in result.err
    assert "three months" in result.out
    assert result.code == 2


def test_paths_are_synced_first(ragkit: Any, pipeline: Any, make: Any) -> None:
    pipeline.ingested = make.failing_report()
    result = ragkit("chat", "docs", "more", stdin=f"{NOTICE}\n")
    assert pipeline.calls[0][0] == "ingest"
    assert pipeline.calls[0][1]["paths"] == ("docs", "more")
    assert "broken.pdf  it is not a PDF" in result.out
    assert "three months" in result.out
    assert result.code == 3


def test_without_an_index_the_chat_does_not_begin(ragkit: Any, pipeline: Any) -> None:
    pipeline.held = NoIndexError("there is no index here; run: ragkit ingest FOLDER")
    result = ragkit("chat", stdin=f"{NOTICE}\n")
    assert result.code == 1
    assert "there is no index here" in result.err
    assert result.out == ""


def test_sources_and_open_show_the_last_answer(ragkit: Any) -> None:
    result = ragkit("chat", stdin=f"{NOTICE}\n/sources\n/open 1\n/open [1]\n")
    assert result.out.count("[1] contracts/work.pdf, page 4") == 2
    context = "Leave.\n  The notice period is three months. It is two weeks during probation."
    assert result.out.count(context) == 2
    assert "ragkit show contracts/work.pdf --span 7:41\n" in result.out
    assert result.code == 0


def test_open_names_the_index_that_was_chosen(ragkit: Any) -> None:
    result = ragkit("chat", "--index", "my index", stdin=f"{NOTICE}\n/open 1\n")
    assert "ragkit show contracts/work.pdf --span 7:41 --index 'my index'" in result.out


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("/open 1", "no answer with sources yet"),
        ("/sources", "no answer with sources yet"),
        (f"{NOTICE}\n/open 7", "the number of a source of the last answer: 1"),
        (f"{NOTICE}\n/open", "the number of a source of the last answer: 1"),
        ("/nonsense", "/nonsense is not a command here"),
    ],
)
def test_a_wrong_command_is_a_sentence(ragkit: Any, lines: str, words: str) -> None:
    assert words in ragkit("chat", stdin=lines + "\n").err


def test_quit_leaves_the_rest_unasked(ragkit: Any, pipeline: Any) -> None:
    result = ragkit("chat", stdin=f"/help\n/quit\n{NOTICE}\n")
    assert result.code == 0
    assert "/open N" in result.out
    assert [call for call, _ in pipeline.calls if call == "ask"] == []


def test_empty_input_is_no_error(ragkit: Any) -> None:
    assert ragkit("chat", stdin="").code == 0


class _Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


def _typing(monkeypatch: pytest.MonkeyPatch, events: list[str | type[BaseException]]) -> None:
    waiting: Iterator[str | type[BaseException]] = iter(events)

    def read(_: str = "") -> str:
        event = next(waiting)
        if isinstance(event, str):
            return event
        raise event

    monkeypatch.setattr(sys, "stdin", _Keyboard())
    monkeypatch.setattr(builtins, "input", read)
    monkeypatch.setenv("FORCE_COLOR", "1")


def test_ctrl_c_at_the_prompt_warns_once_then_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    _typing(monkeypatch, ["one?", KeyboardInterrupt, "two?", KeyboardInterrupt, KeyboardInterrupt])
    assert list(questions(Terminal())) == ["one?", "two?"]


def test_ctrl_d_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    _typing(monkeypatch, ["one?", EOFError])
    assert list(questions(Terminal())) == ["one?"]


def test_with_json_the_prompt_stays_off_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", _Keyboard("one?\n"))
    assert list(questions(Terminal(json=True))) == ["one?\n"]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "you> " in captured.err


def test_ctrl_c_while_answering_ends_the_question_only(
    pipeline: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline.answers["slow?"] = KeyboardInterrupt()
    talk = Talk(pipeline, Terminal())
    talk.run(iter(["slow?", NOTICE]))
    captured = capsys.readouterr()
    assert "Stopped." in captured.err
    assert "three months" in captured.out
    assert talk.exit_code == 0
