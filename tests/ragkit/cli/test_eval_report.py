"""`ragkit eval report`, from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ragkit.cli.main import run
from tests.support import report as made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made.run().write(tmp_path / "out", more_timings={"seconds": 3.5})
    return tmp_path / "out"


def report(*arguments: object) -> int:
    return run(["eval", "report", *map(str, arguments)])


def test_the_files_of_a_run_are_made_again_alike(folder: Path, capsys: Any) -> None:
    before = {name: (folder / name).read_text() for name in ("report.html", "report.md")}
    assert "The whole run took 3.5 s." in before["report.html"]
    for name in before:
        (folder / name).unlink()
    assert report(folder) == 0
    assert "report.html" in capsys.readouterr().out
    assert {name: (folder / name).read_text() for name in before} == before
    assert report(folder / "report.json") == 0


def test_one_file_alone(folder: Path, capsys: Any) -> None:
    (folder / "report.html").unlink()
    place = folder.parent / "new" / "page.html"
    assert report(folder, "--out", place, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"written": [str(place)]}
    assert place.read_text().startswith("<!doctype html>")
    assert not (folder / "report.html").exists()
    assert report(folder, "--out", folder / "page.md") == 0
    assert (folder / "page.md").read_text().startswith("# Evaluation report\n")


def test_without_answers_cases_and_times_the_figures_are_shown(folder: Path) -> None:
    for name in ("answers.jsonl", "cases.jsonl", "timings.json"):
        (folder / name).unlink()
    assert report(folder) == 0
    text = (folder / "report.html").read_text()
    assert "answers.jsonl and cases.jsonl are not with the report." in text
    assert "not timed" in text
    assert "The whole run took" not in text


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("report.json", '{"schema": "ragkit-eval-report/7"}', "its schema is"),
        ("report.json", "{", "it is not JSON"),
        ("cases.jsonl", '{"id": "q", "question": "Q?", "answers": ["a"], "answerable": true}',
         "does not hold the cases of report.json"),
        ("answers.jsonl", '{"arm": "rag"}', "lacks the field 'text'"),
        ("timings.json", "[1]", "is no object with named fields"),
        ("timings.json", "{", "cannot be read"),
    ],
)  # fmt: skip
def test_what_is_damaged_is_named(
    folder: Path, capsys: Any, name: str, text: str, said: str
) -> None:
    (folder / name).write_text(text)
    assert report(folder) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_a_report_of_another_shape_is_refused_with_the_place(folder: Path, capsys: Any) -> None:
    held = json.loads((folder / "report.json").read_text())
    held["arms"][0]["figures"]["correct"]["n"] = -1
    (folder / "report.json").write_text(json.dumps(held))
    assert report(folder) == 2
    assert "arms/0/figures/correct/n" in capsys.readouterr().err


def test_what_cannot_be_written_or_read(folder: Path, tmp_path: Path, capsys: Any) -> None:
    assert report(folder, "--out", "page.pdf") == 2
    assert "must end in .html or .md" in capsys.readouterr().err
    assert report(tmp_path / "nowhere") == 2
    assert "there is no report at" in capsys.readouterr().err
