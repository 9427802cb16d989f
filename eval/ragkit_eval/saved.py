"""A run that was written into a folder, read back: what `compare`, `gate` and `judge` work on."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ragkit_eval.cases import Case, digest, load_cases
from ragkit_eval.recorded import Recorded, load_recorded
from ragkit_eval.run import SCHEMA
from ragkit_ingest.errors import UsageError

REPORT = "report.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedRow:
    """What an arm's answer to a case was worth.

    Attributes:
        arm: Which arm.
        id: Which case.
        kind: Of the case.
        source: The document that the case is about.
        outcome: "correct", "abstained", "wrong" or "failed".
        abstained: Whether the answer was withheld.
        scores: By measure, where there is a value; finite.
        statuses: By measure, why there is none.
    """

    arm: str
    id: str
    kind: str
    source: str
    outcome: str
    abstained: bool
    scores: Mapping[str, float]
    statuses: Mapping[str, str]

    @property
    def right(self) -> bool:
        """Whether the case was answered rightly, or rightly left unanswered."""
        return self.scores.get("correct") == 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedRun:
    """A run as it was written.

    Attributes:
        file: Its report.json.
        report: All that stands there.
        rows: In its order.
        cases: By id, from cases.jsonl beside it; None if that is not there.
    """

    file: Path
    report: Mapping[str, Any]
    rows: tuple[SavedRow, ...]
    cases: Mapping[str, Case] | None

    @property
    def digest(self) -> str:
        """What freezes its cases."""
        return str(self.report["cases"]["digest"])

    @property
    def seed(self) -> int:
        """The seed of its statistics."""
        seed = self.report.get("seed", 0)
        return seed if isinstance(seed, int) and seed >= 0 else 0

    @property
    def arms(self) -> dict[str, Mapping[str, Any]]:
        """All its arms by name, in order, with those that did not run."""
        return {str(arm["name"]): arm for arm in self.report["arms"]}

    @property
    def ran(self) -> list[str]:
        """The names of the arms that ran, in order."""
        return [name for name, arm in self.arms.items() if arm.get("status") == "run"]

    def of_arm(self, name: str) -> dict[str, SavedRow]:
        """Return the rows of an arm by the id of their case."""
        return {row.id: row for row in self.rows if row.arm == name}

    def question(self, id_: str) -> str:
        """Return what was asked; empty if cases.jsonl is not there."""
        return self.cases[id_].question if self.cases and id_ in self.cases else ""

    def answers(self) -> dict[tuple[str, str], Recorded]:
        """Return what was said, by arm and case; nothing if answers.jsonl is not there.

        Raises:
            UsageError: If the file holds something else.
        """
        file = self.file.with_name("answers.jsonl")
        if not file.is_file():
            return {}
        return {(answer.arm, answer.id): answer for answer in load_recorded(file)}


def load_run(place: Path) -> SavedRun:
    """Return the run of a folder, or of a report.json.

    Raises:
        UsageError: If there is none, it is of another schema, it is damaged, or the cases beside
            it are not its own.
    """
    file = place / REPORT if place.is_dir() else place
    try:
        report = json.loads(file.read_text(encoding="utf-8"))
    except OSError as exc:
        raise UsageError(
            f"there is no report at {file} ({exc.strerror}); `ragkit eval run` writes one"
        ) from exc
    except (ValueError, RecursionError) as exc:
        raise UsageError(f"{file} is no report of ragkit: it is not JSON ({exc})") from exc
    if not isinstance(report, dict) or report.get("schema") != SCHEMA:
        found = report.get("schema") if isinstance(report, dict) else None
        raise UsageError(
            f"{file} is no report that this version reads: its schema is {json.dumps(found)}, not "
            f"{SCHEMA}; run the evaluation again"
        )
    try:
        rows = tuple(map(_row, report["rows"]))
        run = SavedRun(file=file, report=report, rows=rows, cases=_cases(file, report))
        for name in run.ran:
            _ = run.arms[name]["figures"].items()
    except KeyError as exc:
        raise UsageError(f"{file} is damaged: it lacks {exc}; run the evaluation again") from exc
    except (TypeError, ValueError, AttributeError) as exc:
        raise UsageError(f"{file} is damaged: {exc}; run the evaluation again") from exc
    return run


def unknown_arm(name: str, run: SavedRun) -> NoReturn:
    """Say that a run has no such arm, and which it has."""
    raise UsageError(f"{run.file} has no arm {name!r}; its arms are {', '.join(run.arms)}")


def _cases(file: Path, report: Mapping[str, Any]) -> dict[str, Case] | None:
    beside = file.with_name("cases.jsonl")
    if not beside.is_file():
        return None
    cases = load_cases(beside)
    if digest(cases) != report["cases"]["digest"]:
        raise UsageError(
            f"{beside} does not hold the cases of {file.name}: one of the two was changed; run the "
            "evaluation again"
        )
    return {case.id: case for case in cases}


def _row(values: Mapping[str, Any]) -> SavedRow:
    scores = {str(name): float(score) for name, score in values["scores"].items()}
    odd = [name for name, score in scores.items() if not math.isfinite(score)]
    if odd:
        raise ValueError(f"the score {odd[0]} of the case {values['id']} is no number")
    return SavedRow(
        arm=str(values["arm"]),
        id=str(values["id"]),
        kind=str(values["kind"]),
        source=str(values["source"]),
        outcome=str(values["outcome"]),
        abstained=bool(values["abstained"]),
        scores=scores,
        statuses={str(name): str(why) for name, why in values["statuses"].items()},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Two measures over the same cases; the three are equally long.

    Attributes:
        first: A value a case.
        second: The other's, of the same case.
        sources: The document that each case is about.
    """

    first: tuple[float, ...]
    second: tuple[float, ...]
    sources: tuple[str, ...]


def paired(
    first: Mapping[str, SavedRow],
    second: Mapping[str, SavedRow],
    measures: tuple[str, str],
    among: Collection[str] | None = None,
) -> Pairs:
    """Return the values of the cases for which both arms have one.

    Args:
        first: An arm's rows by case.
        second: The other arm's.
        measures: What is looked at in each.
        among: Only these cases; None for all.
    """
    mine, theirs = measures
    both = [
        (row.scores[mine], other.scores[theirs], row.source)
        for id_, row in first.items()
        if (among is None or id_ in among)
        and mine in row.scores
        and (other := second.get(id_)) is not None
        and theirs in other.scores
    ]
    values = zip(*both, strict=True) if both else ((), (), ())
    one, two, sources = values
    return Pairs(first=one, second=two, sources=sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Which cases two runs have in common.

    Attributes:
        ids: Those in both whose question and accepted answers are the same.
        same: Whether both runs are of exactly the same cases.
        changed: In both, with another question or other answers.
        moved: Among `ids`, those whose evidence is another: measures of retrieval may differ by
            that alone.
        only_first: Not in the second run.
        only_second: Not in the first.
    """

    ids: tuple[str, ...]
    same: bool
    changed: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    only_first: tuple[str, ...] = ()
    only_second: tuple[str, ...] = ()


def shared(first: SavedRun, second: SavedRun) -> Shared:
    """Return which cases two runs have in common, in the order of the second.

    Raises:
        UsageError: If they have none, or if their cases differ and nobody can tell how, because
            cases.jsonl is not there.
    """
    if first.digest == second.digest:
        held = second.cases or first.cases
        return Shared(ids=tuple(held or dict.fromkeys(row.id for row in second.rows)), same=True)
    for run in (first, second):
        if run.cases is None:
            raise UsageError(
                f"{first.file} and {second.file} are of different cases, and "
                f"{run.file.with_name('cases.jsonl')} is not there to see which are the same"
            )
    before, after = first.cases or {}, second.cases or {}
    common = [id_ for id_ in after if id_ in before]
    same = tuple(id_ for id_ in common if _asked(before[id_]) == _asked(after[id_]))
    if not same:
        raise UsageError(
            f"{first.file} and {second.file} have no case in common: no id stands in both with the "
            "same question and answers"
        )
    return Shared(
        ids=same,
        same=False,
        changed=tuple(id_ for id_ in common if id_ not in set(same)),
        moved=tuple(id_ for id_ in same if _stands(before[id_]) != _stands(after[id_])),
        only_first=tuple(id_ for id_ in before if id_ not in after),
        only_second=tuple(id_ for id_ in after if id_ not in before),
    )


def _asked(case: Case) -> tuple[object, ...]:
    return case.question, case.answers, case.answerable, case.facts


def _stands(case: Case) -> tuple[object, ...]:
    return tuple((one.path, one.quote) for one in case.evidence), case.gold
