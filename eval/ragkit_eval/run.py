"""A run: cases, what the arms said to them, and what that is worth; written into a folder.

DIR/report.json     everything that is known, in the schema of docs/evaluation.md
DIR/rows.csv        a line for each arm and case
DIR/answers.jsonl   what was said, with its passages; can be scored again
DIR/cases.jsonl     the cases as they were asked
DIR/report.md       the same in Markdown, without text of the documents
DIR/timings.json    how long it took; it differs from run to run
DIR/report.html     all of these as a page; it differs by the times that it shows
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragkit_eval.arms import Arm
from ragkit_eval.cases import Case, digest, save_cases, write_whole
from ragkit_eval.metrics.tone import Tone
from ragkit_eval.metrics.usage import latency
from ragkit_eval.recorded import Recorded, by_arm, lines_of
from ragkit_eval.report.markdown import markdown
from ragkit_eval.report.page import page
from ragkit_eval.score import DEPTH, MEASURES, Row, Status
from ragkit_eval.summary import (
    Difference,
    Figure,
    declared,
    differences,
    figures,
    outcomes,
    risk_coverage,
)

SCHEMA = "ragkit-eval-report/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunArm:
    """An arm of a run.

    Attributes:
        name: Its name.
        settings: Everything that decides its answers, as described when it ran.
        missing: Why it did not run; empty if it did.
        own: Whether it is the user's and not built in.
        figures: Figures that are not made of the rows, by name.
        more: Whatever else the report says of it, by field.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    missing: str = ""
    own: bool = False
    figures: Mapping[str, Figure] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What came of the cases.

    Attributes:
        cases: As they were asked.
        arms: In order, with those that could not run.
        rows: In the order of the answers.
        differences: Between the arms.
        about: Of the index and the settings, as they stand in the report.
        tone: What the tone of answers was measured by.
        parts: What else was measured of each arm, by its name and the part's: "freshness",
            "robustness".
        measures: What the arms' further figures mean, by name.
    """

    cases: tuple[Case, ...]
    arms: tuple[RunArm, ...]
    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]
    about: Mapping[str, Any]
    unknown_ids: int = 0
    seed: int = 0
    tone: Tone = field(default_factory=Tone)
    parts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    measures: Mapping[str, str] = field(default_factory=dict)

    def by_arm(self) -> dict[str, list[Row]]:
        """Return the rows of each arm that ran, in the order of the arms."""
        found: dict[str, list[Row]] = {arm.name: [] for arm in self.arms if not arm.missing}
        for row in self.rows:
            found.setdefault(row.answer.arm, []).append(row)
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the report; the same run gives the same bytes."""
        rows = self.by_arm()
        return {
            "schema": SCHEMA,
            "cases": {
                "digest": digest(self.cases),
                "count": len(self.cases),
                "answerable": sum(case.answerable for case in self.cases),
                "reviewed": sum(case.reviewed for case in self.cases),
                "sources": len({case.source for case in self.cases}),
                "kinds": _counts(case.kind for case in self.cases),
            },
            **self.about,
            "seed": self.seed,
            "depth": DEPTH,
            "unknown_ids": self.unknown_ids,
            "measures": {**MEASURES, **self.measures},
            **({} if "tone" in self.about else {"tone": self.tone.to_json()}),
            "arms": [self._arm(arm, rows.get(arm.name, [])) for arm in self.arms],
            "differences": [difference.to_json() for difference in self.differences],
            "rows": [row_json(row) for row in self.rows],
        }

    def timings(self) -> dict[str, Any]:
        """Return how long the answers took, by arm and stage, in milliseconds."""
        found: dict[str, Any] = {}
        for name, rows in self.by_arm().items():
            stages: dict[str, list[float]] = {}
            for row in rows:
                for stage, ms in row.answer.latency_ms.items():
                    stages.setdefault(stage, []).append(ms)
            found[name] = {
                stage: {"n": len(times), "p50": round(held.p50, 2), "p95": round(held.p95, 2)}
                for stage, times in stages.items()
                if (held := latency(times)) is not None
            }
        return found

    def write(self, folder: Path, *, more_timings: Mapping[str, Any] | None = None) -> None:
        """Write the run's files into a folder, which is made if needed.

        Raises:
            UsageError: If a file cannot be written.
        """
        save_cases(self.cases, folder / "cases.jsonl")
        answers = [row.answer for row in self.rows]
        write_whole(folder / "answers.jsonl", lines_of(answers))
        write_whole(folder / "rows.csv", _csv(self.rows))
        timings = {"latency_ms": self.timings(), **(more_timings or {})}
        write_whole(folder / "timings.json", _json(timings))
        report = self.to_json()
        write_whole(folder / "report.json", _json(report))
        write_whole(folder / "report.md", markdown(report))
        write_whole(folder / "report.html", page(report, answers, self.cases, timings))

    def _arm(self, arm: RunArm, rows: Sequence[Row]) -> dict[str, Any]:
        if arm.missing:
            return {"name": arm.name, "status": "not_run", "reason": arm.missing}
        return {
            "name": arm.name,
            "status": "run",
            "own": arm.own,
            "settings": dict(arm.settings),
            "models": sorted({row.answer.model for row in rows if row.answer.model}),
            "answers": len(rows),
            "outcomes": outcomes(rows),
            "outcomes_answerable": outcomes([row for row in rows if row.case.answerable]),
            "kinds": {
                kind: outcomes([row for row in rows if row.case.kind == kind])
                for kind in sorted({row.case.kind for row in rows})
            },
            "figures": {
                name: figure.to_json()
                for name, figure in {**figures(rows, seed=self.seed), **arm.figures}.items()
            },
            "risk_coverage": risk_coverage(rows),
            **arm.more,
            "failures": [
                {"id": row.case.id, "reason": row.answer.failure}
                for row in rows
                if row.answer.failure
            ],
            **self.parts.get(arm.name, {}),
        }


def made(
    cases: Sequence[Case],
    arms: Sequence[RunArm],
    rows: Sequence[Row],
    *,
    about: Mapping[str, Any],
    unknown_ids: int = 0,
    seed: int = 0,
    tone: Tone | None = None,
    parts: Mapping[str, Mapping[str, Any]] | None = None,
) -> Run:
    """Return the run with the differences of its arms."""
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row.answer.arm, []).append(row)
    pairs = declared(list(grouped), [arm.name for arm in arms if arm.own and arm.name in grouped])
    return Run(
        cases=tuple(cases),
        arms=tuple(arms),
        rows=tuple(rows),
        differences=tuple(differences(grouped, pairs, seed=seed)),
        about=about,
        unknown_ids=unknown_ids,
        seed=seed,
        tone=tone or Tone(),
        parts=parts or {},
    )


def run_arms(arms: Sequence[Arm], own: Sequence[str], described: Mapping[str, Any]) -> list[RunArm]:
    """Return the arms of a run, with what was described of each."""
    return [
        RunArm(
            name=arm.name,
            settings=described.get(arm.name, {}),
            missing=arm.missing,
            own=arm.name in own,
        )
        for arm in arms
    ]


def recorded_arms(answers: Sequence[Recorded]) -> list[RunArm]:
    """Return the arms of recorded answers; nothing but their names is known."""
    return [RunArm(name=name, settings={"recorded": True}, own=True) for name in by_arm(answers)]


def row_json(row: Row) -> dict[str, Any]:
    """Return a row as it stands in the report; its passages stand in answers.jsonl."""
    return {
        "arm": row.answer.arm,
        "id": row.case.id,
        "kind": row.case.kind,
        "source": row.case.source,
        "outcome": "failed" if row.outcome is None else row.outcome.value,
        "abstained": row.abstained,
        "confidence": row.answer.confidence,
        "scores": {
            name: round(cell, 6) for name, cell in row.cells.items() if not isinstance(cell, Status)
        },
        "statuses": {
            name: cell.value for name, cell in row.cells.items() if isinstance(cell, Status)
        },
    }


def _csv(rows: Sequence[Row]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        [
            *("arm", "id", "kind", "source", "answerable", "question", "accepted", "answer"),
            *("outcome", "confidence", *MEASURES),
        ]
    )
    for row in rows:
        held = row_json(row)
        writer.writerow(
            [
                *(held["arm"], _inert(row.case.id), _inert(row.case.kind)),
                *(_inert(held["source"]), str(row.case.answerable).lower()),
                *(_inert(row.case.question), _inert(" | ".join(row.case.answers))),
                *(_inert(row.answer.text), held["outcome"]),
                "" if row.answer.confidence is None else row.answer.confidence,
                *(held["scores"].get(name, held["statuses"].get(name)) for name in MEASURES),
            ]
        )
    return out.getvalue()


def _inert(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _counts(names: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in sorted(names):
        found[name] = found.get(name, 0) + 1
    return found
