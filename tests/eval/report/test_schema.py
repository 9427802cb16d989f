"""What a run writes is of the schema, and what is not is refused with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ragkit_eval.report.schema import check, schema
from ragkit_eval.run import SCHEMA
from ragkit_ingest.errors import UsageError
from tests.support.report import everything, run


def test_the_schema_is_one_and_of_this_version() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    assert schema()["properties"]["schema"]["const"] == SCHEMA


def test_what_a_run_writes_is_of_the_schema(tmp_path: Path) -> None:
    run().write(tmp_path)
    check(json.loads((tmp_path / "report.json").read_text()), "it")
    check(everything().report, "it")


def test_an_experiment_may_say_more() -> None:
    report = everything().report | {
        "title": "Retrieve or tune?",
        "about": "One.",
        "roles": {"retrieve": "rag"},
        "seeds": [0, {"seed": 1, "parameters": 5}],
        "claims": [{"says": "x", "verdict": "holds", "margin_ci95": None}],
        "recipe": {"anything": 1},
    }
    report["tone"]["markers"] = ["opens with Right,"]
    check(report, "it")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r.pop("arms"), "the whole: 'arms' is a required property"),
        (lambda r: r["cases"].update(count="many"), "cases/count: 'many' is not of type 'integer'"),
        (lambda r: r["rows"][3].update(outcome="fine"), "rows/3/outcome: 'fine' is not one of"),
        (
            lambda r: r["arms"][1]["outcomes"].pop("failed"),
            "arms/1/outcomes: 'failed' is a required property",
        ),
        (lambda r: r["arms"][0].update(risk_coverage=[[0.5, 2]]), "arms/0/risk_coverage/0/1: 2 is"),
        (lambda r: r["differences"][0].update(ci95=[1]), "differences/0/ci95"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(
    change: Callable[[dict[str, Any]], object], said: str
) -> None:
    report = everything().report
    change(report)
    with pytest.raises(UsageError, match="run the evaluation again") as caught:
        check(report, "out/report.json")
    assert str(caught.value).startswith("out/report.json cannot be shown: ")
    assert said in str(caught.value)
