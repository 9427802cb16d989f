"""Review in the terminal and in a sheet: every decision is kept, and nothing else is touched."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ragkit_eval.cases import Case
from ragkit_eval.questions.review import review
from ragkit_eval.questions.sheet import decided, save_sheet
from ragkit_ingest.errors import UsageError

CASES = [
    Case(id="a", question="=One?", answers=("1", "one"), answerable=True),
    Case(id="b", question="Two?", answers=("2",), answerable=True),
    Case(id="c", question="Three?", answers=(), answerable=False),
]


def typing(*said: str) -> Callable[[str, str], str]:
    lines: Iterator[str] = iter(said)

    def ask(prompt: str, default: str) -> str:
        line = next(lines, None)
        if line is None:
            raise EOFError
        return line or default

    return ask


def reviewed(*said: str, cases: Sequence[Case] = CASES) -> tuple[list[Case], list[int], list[str]]:
    saved: list[int] = []
    shown: list[str] = []
    done = review(
        cases,
        lambda case, *_: shown.append(case.id),
        typing(*said),
        lambda kept: saved.append(len(kept)),
    )
    return list(done.cases), saved, shown


def test_accept_edit_and_reject() -> None:
    kept, saved, _ = reviewed("a", "e", "Two now?", "2 | two", "r")
    assert [(case.id, case.question, case.answers, case.reviewed) for case in kept] == [
        ("a", "=One?", ("1", "one"), True),
        ("b", "Two now?", ("2", "two"), True),
    ]
    assert saved == [3, 3, 2]


@pytest.mark.parametrize("end", [["q"], []])
def test_quit_and_go_on(end: list[str]) -> None:
    kept, _, _ = reviewed("x", "a", "s", *end)
    assert [case.reviewed for case in kept] == [True, False, False]
    _, _, shown = reviewed("q", cases=kept)
    assert shown == ["b"]


def test_an_edit_with_empty_lines_changes_nothing_but_the_review() -> None:
    kept, _, _ = reviewed("e", "", "", "q")
    assert (kept[0].question, kept[0].answers, kept[0].reviewed) == ("=One?", ("1", "one"), True)


def rewritten(file: Path, change: Callable[[dict[str, str]], None]) -> None:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    for row in rows:
        change(row)
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def test_a_sheet_out_and_in(tmp_path: Path) -> None:
    file = tmp_path / "sheet.csv"
    save_sheet(CASES, file)
    assert "\n,a,'=One?,1 | one," in file.read_text(encoding="utf-8")
    assert decided(CASES, file) == CASES

    def change(row: dict[str, str]) -> None:
        row["decision"] = {"a": "Accept", "b": "reject", "c": ""}[row["id"]]

    rewritten(file, change)
    kept = decided(CASES, file)
    assert [(case.id, case.question, case.answers, case.reviewed) for case in kept] == [
        ("a", "=One?", ("1", "one"), True),
        ("c", "Three?", (), False),
    ]


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("decision", "maybe", "row 2 of .* decides 'maybe'"),
        ("id", "zzz", "row 2 of .* is of the unknown case 'zzz'"),
        ("question", " ", "its question is empty"),
        ("answers", " | ", "yet it has 0 answers"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, column: str, value: str, said: str) -> None:
    file = tmp_path / "sheet.csv"
    save_sheet(CASES, file)

    def change(row: dict[str, str]) -> None:
        if row["id"] == "a":
            row["decision"] = "accept"
            row[column] = value

    rewritten(file, change)
    with pytest.raises(UsageError, match=said):
        decided(CASES, file)
