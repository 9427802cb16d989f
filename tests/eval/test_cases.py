"""Questions are read from JSON Lines, and what is wrong with a line is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ragkit_eval.cases import Case, Evidence, digest, half, load_cases, save_cases
from ragkit_ingest.errors import UsageError

EXAMPLES = Path(__file__).parents[2] / "examples" / "questions.jsonl"
KNOWN: dict[str, Any] = {
    "id": "q1",
    "question": "How long is the notice period?",
    "answers": ["three months"],
    "answerable": True,
    "evidence": [{"path": "work.pdf", "quote": "It is three months."}],
    "kind": "number",
}
UNKNOWN: dict[str, Any] = {
    "id": "q2",
    "question": "Is there a gym?",
    "answers": [],
    "answerable": False,
}


def written(folder: Path, *lines: object) -> Path:
    file = folder / "questions.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    file.write_text("\n".join(texts), encoding="utf-8")
    return file


def test_cases_are_read_in_order(tmp_path: Path) -> None:
    assert load_cases(written(tmp_path, KNOWN, "", UNKNOWN)) == [
        Case(
            id="q1",
            question="How long is the notice period?",
            answers=("three months",),
            answerable=True,
            evidence=(Evidence(path="work.pdf", quote="It is three months."),),
            kind="number",
        ),
        Case(id="q2", question="Is there a gym?", answers=(), answerable=False),
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2 of .* is not a case"),
        ("[1, 2]", "line 2 of .* is not a case: .* is not an object with named fields"),
        (UNKNOWN | {"id": "q1"}, "line 2 of .* repeats the id 'q1'"),
        (UNKNOWN | {"questoin": "?"}, "unknown field 'questoin'; the fields are answerable, "),
        ({"id": "q2"}, "line 2 of .* lacks the field 'question'"),
        (UNKNOWN | {"question": 7}, "its question is 7, not of type str"),
        (UNKNOWN | {"question": " "}, "its question is empty"),
        (UNKNOWN | {"answers": "yes"}, 'its answers is "yes", not of type list'),
        (UNKNOWN | {"answerable": 1}, "its answerable is 1, not of type bool"),
        (UNKNOWN | {"answerable": True}, "answerable is true, yet it has 0 answers"),
        (UNKNOWN | {"answers": ["yes"]}, "answerable is false, yet it has 1 answers"),
        (UNKNOWN | {"reviewed": 1}, "its reviewed is 1, not of type bool"),
        (UNKNOWN | {"quality": 2}, "its quality is 2.0; it must be between 0 and 1"),
        (UNKNOWN | {"gold": "p1"}, 'its gold is "p1", not of type list'),
        (UNKNOWN | {"evidence": [{"path": "a", "quote": "b", "start": 3}]}, "both start and end"),
        (
            UNKNOWN | {"evidence": [{"path": "a", "quote": "b", "start": 3, "end": 3}]},
            "0 <= start < end, not 3, 3",
        ),
        (UNKNOWN | {"evidence": ["work.pdf"]}, '"work.pdf" is not an object'),
        (UNKNOWN | {"evidence": [{"path": "work.pdf"}]}, "lacks the field 'quote'"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: object, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_cases(written(tmp_path, KNOWN, line))


def test_a_missing_an_empty_and_a_binary_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_cases(tmp_path / "nothing.jsonl")
    with pytest.raises(UsageError, match="holds no questions"):
        load_cases(written(tmp_path, "", ""))
    (tmp_path / "questions.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="cannot be read"):
        load_cases(tmp_path / "questions.jsonl")


def test_where_no_file_can_be_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    with pytest.raises(UsageError, match=r"file/cases.jsonl cannot be written \(File exists\)$"):
        save_cases(load_cases(EXAMPLES), tmp_path / "file" / "cases.jsonl")


def test_the_halves_are_disjoint_and_together_all() -> None:
    cases = load_cases(EXAMPLES)
    even, odd = half(cases, "even"), half(cases, "odd")
    assert half(cases, "all") == cases
    assert (even[0], odd[0], even[1]) == (cases[0], cases[1], cases[2])
    assert {case.id for case in even} | {case.id for case in odd} == {case.id for case in cases}
    assert len(even) + len(odd) == len(cases)


FULL = Case(
    id="q9",
    question="How long is the notice period?",
    answers=("three months",),
    answerable=True,
    evidence=(Evidence(path="work.pdf", quote="It is three months.", start=10, end=29),),
    kind="number",
    gold=("work.pdf",),
    facts=("three months",),
    reviewed=True,
    quality=0.75,
)


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    cases = [*load_cases(EXAMPLES)[:20], FULL]
    file = tmp_path / "new" / "cases.jsonl"
    save_cases(cases, file)
    assert load_cases(file) == cases
    assert [path.name for path in file.parent.iterdir()] == ["cases.jsonl"]


def test_what_published_sets_hold_besides_is_not_read(tmp_path: Path) -> None:
    line = UNKNOWN | {"gold": ["p0"], "starts": [1], "plausible": [], "type": "x", "level": "hard"}
    (case,) = load_cases(written(tmp_path, line))
    assert case.gold == ("p0",)


def test_the_digest_freezes_what_is_asked() -> None:
    cases = load_cases(EXAMPLES)[:10]
    frozen = digest(cases)
    assert len(frozen) == 64
    assert digest(cases[::-1]) == frozen
    assert digest([replace(case, reviewed=True, quality=0.5) for case in cases]) == frozen
    assert digest(cases[:9]) != frozen
    assert digest([replace(cases[0], question="Another?"), *cases[1:]]) != frozen


def test_cases_are_grouped_by_their_source() -> None:
    assert FULL.source == "work.pdf"
    assert replace(FULL, evidence=()).source == "work.pdf"
    assert replace(FULL, evidence=(), gold=()).source == "case q9"


def test_what_is_saved_is_read_again_whatever_separates_its_lines(tmp_path: Path) -> None:
    cases = [Case(id="a", question="One\u2028two\x85three?", answers=("x",), answerable=True)]
    save_cases(cases, tmp_path / "cases.jsonl")
    assert load_cases(tmp_path / "cases.jsonl") == cases
