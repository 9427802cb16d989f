"""Recorded answers are read strictly, and come back as they were written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ragkit_eval.recorded import Recorded, SaidSentence, Shown, lines_of, load_recorded
from ragkit_eval.refusal import refuses
from ragkit_ingest.errors import UsageError

FULL = Recorded(
    arm="rag",
    id="q1",
    text="Three months.",
    abstained=False,
    confidence=0.75,
    passages=(Shown(path="a.md", text="It is three months.", start=3, end=22),),
    sentences=(SaidSentence(text="Three months.", citations=(0,), supported=True),),
    citations=(Shown(path="a.md", text="three months", start=9, end=21),),
    prompt_tokens=10,
    completion_tokens=2,
    cost=0.5,
    model="m",
    repeats=("Three months.",),
)


def written(folder: Path, *lines: object) -> Path:
    file = folder / "answers.jsonl"
    file.write_text(
        "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    )
    return file


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text(lines_of([FULL]), encoding="utf-8")
    assert load_recorded(file) == [FULL]


def test_little_is_enough(tmp_path: Path) -> None:
    line = {"arm": "mine", "id": 7, "text": "Yes.", "passages": ["a text"], "latency_ms": 12}
    (found,) = load_recorded(written(tmp_path, line))
    assert (found.id, found.abstained, found.passages) == (
        "7",
        None,
        (Shown(path="", text="a text"),),
    )
    assert found.latency_ms == {"total": 12.0}
    assert "latency_ms" not in found.to_json()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2 of .* is no recorded answer"),
        ([1], "is not an object"),
        ({"arm": "a", "id": "1"}, "line 2 of .* lacks the field 'text'"),
        ({"arm": "a", "id": "1", "text": 3}, "its text is 3, not a text"),
        ({"arm": "a", "id": "1", "text": "", "conf": 1}, "unknown field 'conf'"),
        ({"arm": "a", "id": "1", "text": "", "confidence": 2}, "between 0 and 1"),
        ({"arm": "a", "id": "1", "text": "", "confidence": True}, "not a number"),
        ({"arm": "a", "id": "1", "text": "", "prompt_tokens": 1.5}, "not of type int"),
        ({"arm": "a", "id": "1", "text": "", "latency_ms": [3]}, "latency_ms is .3., not a number"),
        ({"arm": "a", "id": "1", "text": "", "sentences": [{"text": "x", "citations": [0]}]},
         "cites 0, but it has 0 citations"),
        ({"arm": "rag", "id": "q1", "text": ""}, "second answer of the arm 'rag' to the case 'q1'"),
    ],
)  # fmt: skip
def test_a_wrong_line_is_named(tmp_path: Path, line: object, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_recorded(written(tmp_path, FULL.to_json(), line))


def test_no_file_and_no_answers(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_recorded(tmp_path / "nothing")
    with pytest.raises(UsageError, match="holds no answers"):
        load_recorded(written(tmp_path, ""))


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("", True),
        ("The documents do not say.", True),
        ("I don\u2019t know.", True),
        ("There is no information about a gym.", True),
        ("The context does not mention it.", True),
        ("It is three months.", False),
        ("Guests do not know the code.", False),
    ],
)
def test_refusals(text: str, refused: bool) -> None:
    assert refuses(text) is refused
