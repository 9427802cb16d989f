"""`ragkit ask`, as a person and as a program see it."""

from __future__ import annotations

from typing import Any

import pytest

from ragkit.answer import Sentence
from ragkit.cli.answer_view import shorten


def test_an_answer_has_marks_and_its_sources(ragkit: Any) -> None:
    result = ragkit("ask", "How long is the notice period?")
    assert result.code == 0
    assert result.out == (
        "The notice period is three months. [1]\n"
        "\n"
        "Sources\n"
        "  [1] contracts/work.pdf, page 4  7:41\n"
        '      "The notice period is three months."\n'
    )
    assert result.err == ""


def test_json_is_the_answer_and_nothing_else(ragkit: Any) -> None:
    result = ragkit("ask", "How long is the notice period?", "--json")
    assert result.code == 0
    assert result.json["abstained"] is False
    assert result.json["citations"][0]["quote"] == "The notice period is three months."
    assert result.err == ""


def test_an_abstention_says_what_was_looked_at(ragkit: Any, pipeline: Any, make: Any) -> None:
    pipeline.answers["Is there a gym?"] = make.abstention()
    result = ragkit("ask", "Is there a gym?")
    assert result.code == 0
    assert "The documents do not say." in result.out
    assert "Looked at" in result.out
    assert "contracts/work.pdf, page 4  Terms > Notice" in result.out
    assert "Sources" not in result.out


def test_what_is_not_verified_is_said(ragkit: Any, pipeline: Any, make: Any) -> None:
    pipeline.answers["q?"] = make.answer(
        "q?",
        sentences=(
            Sentence(text="Three months.", citations=(1,), supported=True),
            Sentence(text="Invented."),
            Sentence(text="Any more questions?", neutral=True),
        ),
        citations=(make.citation(verified=False),),
    )
    result = ragkit("ask", "q?")
    assert "Three months. [1] Invented. (no source) Any more questions?" in result.out
    assert result.out.count("(no source)") == 1
    assert "not verified" in result.out


def test_words_without_quotes_are_one_question(ragkit: Any, pipeline: Any) -> None:
    ragkit("ask", "how", "long", "is", "it")
    assert pipeline.last("ask")["question"] == "how long is it"


def test_a_question_comes_from_stdin(ragkit: Any, pipeline: Any) -> None:
    assert ragkit("ask", "-", stdin="How long?\n").code == 0
    assert pipeline.last("ask")["question"] == "How long?"


@pytest.mark.parametrize(("argument", "stdin"), [("", ""), ("  ", ""), ("-", ""), ("-", "\n \n")])
def test_an_empty_question_is_refused(
    ragkit: Any, pipeline: Any, argument: str, stdin: str
) -> None:
    result = ragkit("ask", argument, stdin=stdin)
    assert result.code == 2
    assert "the question is empty" in result.err
    assert pipeline.opened == []


def test_a_huge_question_is_refused_in_a_sentence(ragkit: Any) -> None:
    result = ragkit("ask", "-", stdin="why " * 25_000)
    assert result.code == 2
    assert result.err.startswith("ragkit: a question holds at most 4,000 characters")


def test_options_reach_the_pipeline(ragkit: Any, pipeline: Any) -> None:
    arguments = ("-k", "3", "--where", "department=legal", "--where", "path=a=b.md")
    ragkit("ask", "q?", *arguments, "--generator", "extractive")
    assert pipeline.last("ask")["k"] == 3
    assert pipeline.last("ask")["where"] == {"department": "legal", "path": "a=b.md"}
    assert pipeline.opened[-1] == (".ragkit", "extractive")


@pytest.mark.parametrize("pair", ["department", "=legal", "department=", " = ", ""])
def test_a_malformed_filter_is_usage(ragkit: Any, pair: str) -> None:
    result = ragkit("ask", "q?", "--where", pair)
    assert result.code == 2
    assert "is not KEY=VALUE" in result.err


def test_two_values_of_one_key_are_usage(ragkit: Any) -> None:
    result = ragkit("ask", "q?", "--where", "a=1", "--where", "a=2")
    assert result.code == 2
    assert "two values" in result.err


def test_documents_cannot_steer_the_terminal(ragkit: Any, pipeline: Any, make: Any) -> None:
    hostile = "Pay \x1b]0;owned\x07 [bold red]now[/] \u202etxt.exe \x9b2J :smile:"
    pipeline.answers["q?"] = make.answer(
        "q?",
        sentences=(Sentence(text=hostile, citations=(1,), supported=True),),
        citations=(make.citation(quote=hostile, path="a\x1b[2J[red].md"),),
    )
    out = ragkit("ask", "q?").out
    assert not {"\x1b", "\x07", "\u202e", "\x9b"} & set(out)
    assert "[bold red]now[/]" in out
    assert "\\x1b]0;owned\\x07" in out
    assert ":smile:" in out
    as_json = ragkit("ask", "q?", "--json")
    assert not {"\x1b", "\x07", "\u202e", "\x9b"} & set(as_json.out)
    assert as_json.json["citations"][0]["quote"] == hostile


def test_long_answers_wrap_between_words(ragkit: Any, pipeline: Any, make: Any) -> None:
    text = "The notice period of the company is long. " * 8
    pipeline.answers["q?"] = make.answer(
        "q?", sentences=(Sentence(text=text, citations=(1,), supported=True),)
    )
    lines = ragkit("ask", "q?").out.splitlines()
    assert max(map(len, lines)) <= 100
    assert " ".join(lines[: lines.index("")]) == text.strip() + " [1]"


def test_a_rewritten_question_is_shown(ragkit: Any, pipeline: Any, make: Any) -> None:
    pipeline.answers["q?"] = make.answer("q?", standalone_question="q in full?")
    assert ragkit("ask", "q?").out.startswith("Understood as: q in full?\n")


def test_shorten_cuts_between_words() -> None:
    assert shorten("one  two\nthree", 100) == "one two three"
    assert shorten("one two three", 10) == "one..."
    assert shorten("x" * 50, 10) == "xxxxxxx..."


def test_the_generator_and_its_address_reach_the_pipeline(ragkit: Any, pipeline: Any) -> None:
    url = "http://127.0.0.1:11434/v1"
    ragkit("ask", "tea", "--generator", "openai:m", "--generator-url", url)
    assert pipeline.opened[-1][1] == "openai:m"
    assert pipeline.urls == [url]


def test_warnings_are_said_beside_the_answer(ragkit: Any, pipeline: Any, make: Any) -> None:
    pipeline.answers["tea"] = make.answer("tea", warnings=("the answer was cut off",))
    result = ragkit("ask", "tea")
    assert "ragkit: the answer was cut off." in result.err
    assert "cut off" not in result.out
    assert ragkit("ask", "tea", "--json").json["warnings"] == ["the answer was cut off"]
