"""`ragkit eval answers`: what is printed, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ragkit_ingest.errors import UsageError


@pytest.fixture
def file(tmp_path: Path, make: Any) -> str:
    """Two answerable questions and one that is not, for the fake that says `make.quote`."""
    evidence = [{"path": "contracts/work.pdf", "quote": make.quote}]
    lines: list[dict[str, object]] = [
        {"id": "q1", "question": "a?", "answers": ["three months"], "answerable": True,
         "evidence": evidence, "kind": "number"},
        {"id": "q2", "question": "b?", "answers": ["a year"], "answerable": True,
         "evidence": [{"path": "other.pdf", "quote": "a year"}], "kind": "number"},
        {"id": "q3", "question": "c?", "answers": [], "answerable": False, "kind": "missing"},
    ]  # fmt: skip
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    return str(path)


def test_text_is_a_table_for_people(ragkit: Any, pipeline: Any, make: Any, file: str) -> None:
    pipeline.answers["c?"] = make.abstention("c?")
    result = ragkit("eval", "answers", file)
    assert (result.code, result.err) == (0, "")
    lines = [" ".join(line.split()) for line in result.out.splitlines()]
    assert lines[0] == "3 questions: 2 answerable, 1 unanswerable"
    for row in (
        "answerable: evidence among the first 5 passages 0.500 0.095 to 0.905 2",
        "answerable: an accepted answer is shown 0.500 0.095 to 0.905 2",
        "unanswerable: no answer is given 1.000 0.207 to 1.000 1",
        "citations that quote the stored text exactly 1.000 0.342 to 1.000 2",
        "number 2 0.500 0.500",
        "missing 1 1.000",
    ):
        assert row in lines


def test_json_is_one_document(ragkit: Any, file: str) -> None:
    result = ragkit("eval", "answers", file, "--json")
    assert result.code == 0
    assert result.json["file"] == file
    assert (result.json["cases"], result.json["half"]) == (3, "all")
    assert result.json["abstained"] == 0.0
    assert result.json["citations_verified"] == 1.0


@pytest.mark.parametrize(("half", "asked"), [("even", ["a?", "c?"]), ("odd", ["b?"])])
def test_every_second_case(
    ragkit: Any, pipeline: Any, file: str, half: str, asked: list[str]
) -> None:
    assert ragkit("eval", "answers", file, "--half", half).code == 0
    assert [given["question"] for call, given in pipeline.calls if call == "ask"] == asked


def test_the_index_is_the_one_that_was_named(ragkit: Any, pipeline: Any, file: str) -> None:
    ragkit("eval", "answers", file, "--index", "there")
    assert pipeline.opened == [("there", None)]


def test_a_question_that_fails_is_named(ragkit: Any, pipeline: Any, file: str) -> None:
    pipeline.answers["b?"] = UsageError("the question is odd")
    result = ragkit("eval", "answers", file)
    assert result.code == 1
    assert "1 failed" in result.out
    assert result.err == "The question q2 failed: the question is odd\n"


def test_a_file_that_is_not_there_is_usage(ragkit: Any) -> None:
    result = ragkit("eval", "answers", "nothing.jsonl")
    assert result.code == 2
    assert "nothing.jsonl cannot be read" in result.err


def test_without_a_command_it_explains_itself(ragkit: Any) -> None:
    result = ragkit("eval")
    assert result.code == 2
    assert "answers" in result.out + result.err
