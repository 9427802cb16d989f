"""What every command has in common: options, errors, exit codes, JSON."""

from __future__ import annotations

from typing import Any

import pytest

from ragkit_ingest.errors import (
    ConfigError,
    DamagedIndexError,
    GeneratorError,
    IndexLockedError,
    NoIndexError,
    RagkitError,
    UsageError,
)


@pytest.mark.parametrize(
    "command", ["ingest", "ask", "chat", "search", "show", "status", "eval answers"]
)
def test_every_command_explains_itself(ragkit: Any, command: str) -> None:
    result = ragkit(*command.split(), "--help")
    assert result.code == 0
    assert f"Usage: ragkit {command}" in result.out
    assert "--index DIR" in result.out
    assert "--json" in result.out
    assert result.err == ""


def test_help_lists_the_commands(ragkit: Any) -> None:
    result = ragkit("--help")
    assert result.code == 0
    for command in ("ingest", "ask", "chat", "search", "show", "status", "doctor", "demo", "eval"):
        assert f"  {command} " in result.out


def test_no_command_is_usage_and_shows_the_help(ragkit: Any) -> None:
    result = ragkit()
    assert result.code == 2
    assert "Commands:" in result.out + result.err


def test_version(ragkit: Any) -> None:
    result = ragkit("--version")
    assert result.code == 0
    assert result.out.startswith("ragkit ")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("the question is odd"), 2),
        (ConfigError("ragkit.toml is odd"), 2),
        (NoIndexError("there is no index at /x; run: ragkit ingest FOLDER"), 1),
        (DamagedIndexError("the catalog is damaged"), 1),
        (IndexLockedError("process 7 is writing"), 1),
        (GeneratorError("the endpoint is down"), 1),
        (RagkitError("something"), 1),
    ],
)
def test_an_error_is_one_sentence_and_an_exit_code(
    ragkit: Any, pipeline: Any, error: RagkitError, code: int
) -> None:
    pipeline.fails = error
    result = ragkit("status")
    assert (result.code, result.out, result.err) == (code, "", f"ragkit: {error}\n")


def test_with_json_an_error_is_a_document_too(ragkit: Any, pipeline: Any) -> None:
    pipeline.fails = NoIndexError("there is no index here")
    result = ragkit("status", "--json")
    assert result.code == 1
    assert result.json == {"error": {"type": "NoIndexError", "message": "there is no index here"}}
    assert result.err == "ragkit: there is no index here\n"


@pytest.mark.parametrize("arguments", [("nosuch",), ("ask",), ("ask", "q", "-k", "0"), ("show",)])
def test_wrong_usage_is_2_and_names_the_help(ragkit: Any, arguments: tuple[str, ...]) -> None:
    result = ragkit(*arguments)
    assert result.code == 2
    assert result.err.startswith("ragkit: ")
    assert "--help" in result.err
    assert result.err.count("\n") == 1
    as_json = ragkit(*arguments, "--json")
    assert as_json.code == 2
    assert as_json.json["error"]["type"] == "UsageError"


def test_an_unexpected_error_says_what_to_report(ragkit: Any, pipeline: Any) -> None:
    pipeline.fails = ZeroDivisionError("by zero")
    result = ragkit("status")
    assert result.code == 1
    assert "ZeroDivisionError: by zero" in result.err
    assert "ragkit doctor" in result.err
    assert "Traceback" not in result.err


def test_debug_shows_the_traceback(
    ragkit: Any, pipeline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGKIT_DEBUG", "1")
    pipeline.fails = ZeroDivisionError("by zero")
    assert "Traceback" in ragkit("status").err


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (PermissionError(13, "Permission denied", "/data/x"), "Permission denied (/data/x)"),
        (MemoryError(), "not enough memory"),
    ],
)
def test_the_system_s_errors_are_sentences(
    ragkit: Any, pipeline: Any, error: Exception, words: str
) -> None:
    pipeline.fails = error
    result = ragkit("status")
    assert result.code == 1
    assert words in result.err
    assert "did not expect" not in result.err


def test_interrupting_is_130_and_quiet(ragkit: Any, pipeline: Any) -> None:
    pipeline.fails = KeyboardInterrupt()
    result = ragkit("status")
    assert result.code == 130
    assert "Traceback" not in result.err


def test_options_count_before_and_after_the_command(ragkit: Any, pipeline: Any) -> None:
    assert ragkit("--json", "--index", "one", "status").json["generation"] == 2
    assert ragkit("status", "--index", "two", "--json").json["generation"] == 2
    assert ragkit("--index", "one", "status", "--index", "three").code == 0
    assert [index for index, _ in pipeline.opened] == ["one", "two", "three"]


def test_the_index_is_the_option_else_the_variable_else_the_folder(
    ragkit: Any, pipeline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ragkit("status")
    monkeypatch.setenv("RAGKIT_INDEX", "from-variable")
    ragkit("status")
    ragkit("status", "--index", "from-option")
    assert [index for index, _ in pipeline.opened] == [".ragkit", "from-variable", "from-option"]


def test_an_empty_index_option_is_refused(ragkit: Any, pipeline: Any) -> None:
    result = ragkit("status", "--index", "")
    assert result.code == 2
    assert "--index is empty" in result.err
    assert pipeline.opened == []


def test_the_pipeline_is_closed_after_an_error_too(ragkit: Any, pipeline: Any) -> None:
    pipeline.fails = GeneratorError("down")
    ragkit("ask", "why?")
    assert pipeline.calls[-1][0] == "close"


def test_control_characters_of_a_message_are_spelt_out(ragkit: Any, pipeline: Any) -> None:
    pipeline.fails = RagkitError("cannot read \x1b[31mred\x1b[0m.pdf")
    result = ragkit("status")
    assert "\x1b" not in result.err
    assert "\\x1b[31mred" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--embedder", "endpoint:m", "status"),
        ("status", "--embedder", "endpoint:m"),
        ("--embedder", "st:x", "search", "tea", "--embedder", "endpoint:m"),
        ("ingest", "--embedder", "endpoint:m"),
        ("doctor", "--embedder", "endpoint:m"),
    ],
)
def test_the_embedder_is_chosen_before_or_after_the_command(
    ragkit: Any, pipeline: Any, arguments: tuple[str, ...]
) -> None:
    ragkit(*arguments)
    assert set(pipeline.embedders) == {"endpoint:m"}


def test_without_a_choice_the_settings_decide(ragkit: Any, pipeline: Any) -> None:
    ragkit("status")
    assert pipeline.embedders == [None]
