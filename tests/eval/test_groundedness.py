"""What a report counts, on judgements made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ragkit.support import Judgement
from ragkit_eval.claims import Claim
from ragkit_eval.groundedness import GroundednessReport, JudgedClaim, evaluate, save
from ragkit_ingest.errors import UsageError


def judged(number: int, label: bool, score: float, *, name: str = "") -> JudgedClaim:
    claim = Claim(id=str(number), context=(f"c{number}",), claim="Said.", supported=label, set=name)
    return JudgedClaim(claim=claim, judgement=Judgement(score=score, supported=score >= 0.5))


ROWS = [
    judged(1, True, 0.9, name="a"),
    judged(2, True, 0.4, name="a"),
    judged(3, False, 0.6, name="a"),
    judged(4, False, 0.4, name="b"),
    judged(5, False, 0.1, name="b"),
]


def test_the_figures_are_those_computed_by_hand() -> None:
    found = GroundednessReport(rows=ROWS).to_json()
    assert (found["cases"], found["supported"]) == (5, 2)
    assert found["balanced_accuracy"] == round((1 / 2 + 2 / 3) / 2, 4)
    assert found["auroc"] == 0.75
    intervals = found["ci95"]
    assert isinstance(intervals, dict)
    for name, (low, high) in intervals.items():
        assert low <= float(str(found[name])) <= high


def test_there_is_a_row_for_each_set() -> None:
    found = GroundednessReport(rows=ROWS).to_json()["sets"]
    assert isinstance(found, list)
    assert [(row["set"], row["cases"]) for row in found] == [("a", 3), ("b", 2)]
    assert found[0]["balanced_accuracy"] == 0.25
    assert found[1]["balanced_accuracy"] is None  # all of one label


def test_without_sets_there_are_no_such_rows() -> None:
    assert "sets" not in GroundednessReport(rows=[judged(1, True, 0.9)]).to_json()


def test_claims_are_judged_and_saved(tmp_path: Path) -> None:
    context = ("Leave is 28 days a year.", "The office opens at nine.")
    claims = [
        Claim(id="a", context=context, claim="Leave is 28 days a year.", supported=True),
        Claim(id="b", context=context, claim="Leave is 29 days a year.", supported=False),
    ]
    calls: list[tuple[int, int]] = []
    report = evaluate(claims, None, lambda done, of: calls.append((done, of)))
    assert report.balanced_accuracy == 1.0
    assert calls == [(1, 2), (2, 2)]
    file = tmp_path / "scores.jsonl"
    save(report, file)
    first, second = map(json.loads, file.read_text().splitlines())
    assert (first["id"], first["supported"], first["conflicts"]) == ("a", True, [])
    assert second["conflicts"][0] == {"kind": "number", "said": "29", "stored": ""}
    with pytest.raises(UsageError, match="cannot be written"):
        save(report, tmp_path)
