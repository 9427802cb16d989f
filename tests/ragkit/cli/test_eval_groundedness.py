"""`ragkit eval groundedness`: what is printed, and how it ends; words alone judge."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragkit.cli.main import run
from ragkit.cli.session import Rag
from ragkit.pipeline import Pipeline
from tests.support.hashing import HashingEmbedder

ROWS = [
    {"context": "Leave is 28 days.", "claim": "Leave is 28 days.", "label": 1, "set": "hr"},
    {"context": ["Tea is hot."], "claim": "Cars are red.", "label": "unsupported", "set": "tea"},
    {"context": "Leave is 28 days.", "claim": "Leave is 20 days.", "label": False, "set": "hr"},
    {"context": "Tea is green.", "claim": "Tea is green.", "label": "supported", "set": "tea"},
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "claims.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.fixture
def evaluate(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Run the command on the file; returns the exit code, stdout and stderr."""
    monkeypatch.setenv("COLUMNS", "120")

    def opener(index: str, **_: object) -> Rag:
        return Pipeline(index, embedder=HashingEmbedder())

    def invoke(*arguments: str) -> tuple[int, str, str]:
        code = run(["eval", "groundedness", str(file), *arguments], opener=opener)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return invoke


def test_json_is_one_document(evaluate: Any, file: Path) -> None:
    code, out, err = evaluate("--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["file"], found["half"], found["cases"]) == (str(file), "all", 4)
    assert (found["balanced_accuracy"], found["auroc"]) == (1.0, 1.0)
    assert found["ci95"] == {"balanced_accuracy": [1.0, 1.0], "auroc": [1.0, 1.0]}
    assert [row["set"] for row in found["sets"]] == ["hr", "tea"]


def test_people_get_a_table(evaluate: Any) -> None:
    code, out, _ = evaluate()
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "all: 4 2 1.000 1.000" in lines
    assert "hr: 2 1 1.000 1.000" in lines


def test_halves_are_of_contexts(evaluate: Any) -> None:
    even = json.loads(evaluate("--json", "--half", "even")[1])
    odd = json.loads(evaluate("--json", "--half", "odd")[1])
    assert (even["cases"], odd["cases"]) == (3, 1)
    assert odd["balanced_accuracy"] is None


def test_scores_are_saved(evaluate: Any, tmp_path: Path) -> None:
    saved = tmp_path / "scores.jsonl"
    assert evaluate("--save", str(saved))[0] == 0
    rows = [json.loads(line) for line in saved.read_text().splitlines()]
    assert [row["supported"] for row in rows] == [True, False, False, True]


def test_a_bad_line_is_one_sentence(evaluate: Any, file: Path) -> None:
    with file.open("a") as stream:
        stream.write('{"context": "a", "claim": "b", "label": "perhaps"}\n')
    code, out, err = evaluate()
    assert (code, out) == (2, "")
    assert "line 5 of" in err
    assert "Traceback" not in err


def test_an_empty_half_is_said(evaluate: Any, file: Path) -> None:
    file.write_text(json.dumps(ROWS[0]) + "\n")
    code, _, err = evaluate("--half", "odd")
    assert code == 2
    assert "share a context" in " ".join(err.split())
