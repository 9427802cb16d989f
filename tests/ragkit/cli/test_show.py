"""`ragkit show`: the stored text, to the character."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_span_is_exactly_the_stored_text(ragkit: Any) -> None:
    result = ragkit("show", "contracts/work.pdf", "--span", "7:41")
    assert (result.code, result.out, result.err) == (0, "The notice period is three months.", "")


def test_without_a_span_a_pipe_gets_the_whole_text(ragkit: Any, pipeline: Any, make: Any) -> None:
    pipeline.pages = ((1, "1", 0, 7), (2, "2", 7, len(make.text)))
    assert ragkit("show", "contracts/work.pdf").out == make.text


def test_a_pipe_gets_every_character_unchanged(ragkit: Any, pipeline: Any) -> None:
    pipeline.text = "tab\there \x1b[1m\u202e end \u20ac\n\n"
    assert ragkit("show", "a.txt").out == pipeline.text


def test_a_terminal_gets_page_marks_and_no_control_characters(
    ragkit: Any, pipeline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    pipeline.text = "One.\x1b[2J\nTwo."
    pipeline.pages = ((1, "i", 0, 8), (2, "2", 9, 13))
    out = ragkit("show", "a.pdf").out
    assert out == "-- page 1 (i) --\nOne.\\x1b[2J\n-- page 2 --\nTwo.\n"


@pytest.mark.parametrize("span", ["7", "a:b", "7:", ":9", "-1:4", "9:7", "1:2:3", "", "1.5:2"])
def test_a_malformed_span_is_usage(ragkit: Any, pipeline: Any, span: str) -> None:
    result = ragkit("show", "a.md", "--span", span)
    assert result.code == 2
    assert result.err.startswith("ragkit: --span")
    assert pipeline.opened == []


def test_json(ragkit: Any) -> None:
    result = ragkit("show", "contracts/work.pdf", "--span", "7:41", "--json")
    assert result.json["text"] == "The notice period is three months."
    assert (result.json["start"], result.json["end"], result.json["page"]) == (7, 41, 4)
