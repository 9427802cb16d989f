"""A run is read back as it was written, and anything else is refused in one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ragkit_eval.cases import Evidence, save_cases
from ragkit_eval.saved import load_run, paired, shared
from ragkit_ingest.errors import UsageError
from tests.support.saved_run import answers, case, write_run

CASES = [case(n) for n in range(1, 7)]


def test_a_run_is_read_back(tmp_path: Path) -> None:
    run = write_run(tmp_path, CASES, answers("a", CASES, [True] * 5 + [False]), seed=7)
    assert (list(run.arms), run.ran, run.seed, len(run.rows)) == (["a"], ["a"], 7, 6)
    assert [row.right for row in run.of_arm("a").values()] == [True] * 5 + [False]
    assert run.question("q1") == "How heavy is thing 1?"
    assert run.answers()["a", "q6"].text == "It is a mystery."
    assert load_run(tmp_path / "report.json").digest == run.digest


def test_values_are_paired_by_case(tmp_path: Path) -> None:
    held = answers("a", CASES, [True] * 6) + answers("b", CASES[:4][::-1], [False] * 4)
    run = write_run(tmp_path, CASES, held)
    found = paired(run.of_arm("a"), run.of_arm("b"), ("correct", "correct"))
    assert (found.first, found.second) == ((1.0,) * 4, (0.0,) * 4)
    assert found.sources == ("doc1.md", "doc2.md", "doc3.md", "doc4.md")
    assert paired(run.of_arm("a"), run.of_arm("b"), ("correct", "nothing")).sources == ()
    few = paired(run.of_arm("a"), run.of_arm("b"), ("correct", "correct"), {"q2", "q6"})
    assert few.sources == ("doc2.md",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r.clear(), "its schema is null"),
        (lambda r: r.update(schema="other/1"), 'its schema is "other/1"'),
        (lambda r: r.pop("rows"), "lacks 'rows'"),
        (lambda r: r["rows"][0].pop("scores"), "lacks 'scores'"),
        (lambda r: r["rows"][0]["scores"].update(correct=float("nan")), "is no number"),
        (lambda r: r["rows"][0]["scores"].update(correct="x"), "is damaged"),
        (lambda r: r["arms"][0].pop("figures"), "lacks 'figures'"),
        (lambda r: r.update(rows=3), "is damaged"),
        (lambda r: r["cases"].update(digest="0"), "does not hold the cases"),
    ],
)
def test_a_damaged_report_is_refused(tmp_path: Path, change: Any, said: str) -> None:
    write_run(tmp_path, CASES, answers("a", CASES, [True] * 6))
    file = tmp_path / "report.json"
    report = json.loads(file.read_text())
    change(report)
    file.write_text(json.dumps(report))
    with pytest.raises(UsageError, match=said):
        load_run(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", "{", "[" * 100_000, "\udcff"])
def test_what_is_no_report_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "report.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError, match="is no report"):
        load_run(tmp_path)


def test_a_folder_without_a_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no report at"):
        load_run(tmp_path)


def test_the_same_cases_are_shared_whole(tmp_path: Path) -> None:
    one = write_run(tmp_path / "1", CASES, answers("a", CASES, [True] * 6))
    two = write_run(tmp_path / "2", CASES[::-1], answers("a", CASES, [False] * 6))
    found = shared(one, two)
    assert found.same
    assert sorted(found.ids) == [f"q{n}" for n in range(1, 7)]


def test_of_other_cases_only_the_unchanged_are_shared(tmp_path: Path) -> None:
    moved = case(2, evidence=(Evidence(path="new.md", quote="Thing 2 weighs 2 kg."),))
    asked = case(3, question="What does thing 3 weigh?")
    other = [case(1, reviewed=True), moved, asked, case(4, answers=("4 kilos",)), case(9)]
    one = write_run(tmp_path / "1", CASES, answers("a", CASES, [True] * 6))
    two = write_run(tmp_path / "2", other, answers("a", other, [True] * 5))
    found = shared(one, two)
    assert not found.same
    assert (found.ids, found.moved, found.changed) == (("q1", "q2"), ("q2",), ("q3", "q4"))
    assert (found.only_first, found.only_second) == (("q5", "q6"), ("q9",))


def test_runs_without_a_common_case_are_refused(tmp_path: Path) -> None:
    other = [case(1, question="Another?")]
    one = write_run(tmp_path / "1", CASES, answers("a", CASES, [True] * 6))
    two = write_run(tmp_path / "2", other, answers("a", other, [True]))
    with pytest.raises(UsageError, match="have no case in common"):
        shared(one, two)
    (tmp_path / "2" / "cases.jsonl").unlink()
    with pytest.raises(UsageError, match=r"cases\.jsonl is not there"):
        shared(one, load_run(tmp_path / "2"))


def test_cases_that_were_changed_beside_the_report_are_refused(tmp_path: Path) -> None:
    write_run(tmp_path, CASES, answers("a", CASES, [True] * 6))
    save_cases([case(1, answers=("2 kg",)), *CASES[1:]], tmp_path / "cases.jsonl")
    with pytest.raises(UsageError, match="one of the two was changed"):
        load_run(tmp_path)
