"""What judges said of a run: written beside it, and summed up in its report."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragkit_eval.cases import write_whole
from ragkit_eval.judges.asking import Asking, Bill, JudgeStatus, Prices
from ragkit_eval.judges.calibration import (
    NOT_CALIBRATED,
    Agreement,
    Labels,
    measure_agreement,
    pair_agreement,
)
from ragkit_eval.judges.item import Item
from ragkit_eval.judges.pairwise import Pairwise, judge_pair
from ragkit_eval.judges.ragas import MEASURES, Cell, Ragas
from ragkit_eval.saved import SavedRun
from ragkit_eval.stats.paired import clustered_mean_ci95
from ragkit_eval.summary import Figure

SCHEMA = "ragkit-eval-judges/1"
FILE = "judges.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be judged.

    Attributes:
        measures: Of ragas, by name.
        pairs: Of arms.
        arms: Whose answers are measured.
    """

    measures: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    arms: tuple[str, ...]

    @property
    def asks(self) -> bool:
        """Whether a model must be asked."""
        return bool(self.pairs) or any(MEASURES[name].judge for name in self.measures)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredRow:
    """What ragas' measures say of an answer.

    Attributes:
        arm: Whose.
        id: Of the case.
        source: The document that the case is about.
        cells: By measure.
        reasons: By measure, more of why there is no value.
    """

    arm: str
    id: str
    source: str
    cells: Mapping[str, Cell]
    reasons: Mapping[str, str]

    @property
    def scores(self) -> dict[str, float]:
        """The values that are there."""
        return {
            name: cell for name, cell in self.cells.items() if not isinstance(cell, JudgeStatus)
        }

    def to_json(self) -> dict[str, Any]:
        """Return the row as it stands in judges.json."""
        return {
            "arm": self.arm,
            "id": self.id,
            "scores": {name: round(score, 6) for name, score in self.scores.items()},
            "statuses": {
                name: cell.value
                for name, cell in self.cells.items()
                if isinstance(cell, JudgeStatus)
            },
            "reasons": {name: why for name, why in self.reasons.items() if why},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What came of it.

    Attributes:
        judge: The model's name; empty if none was asked.
        rows: Of ragas' measures.
        pairs: Before the judge.
        bill: What was asked; None if no model was.
        prices: Of the judge.
        calibration: By measure, or by "A:B", how the judge agrees with people; what needs no
            judge is not in it.
        seed: Of the statistics.
    """

    judge: str
    rows: tuple[MeasuredRow, ...]
    pairs: tuple[Pairwise, ...]
    bill: Bill | None
    prices: Prices
    calibration: Mapping[str, Agreement] = field(default_factory=dict)
    seed: int = 0

    @property
    def calibrated(self) -> bool | None:
        """Whether all that a model judged was checked against people; None if nothing was."""
        if not self.judge:
            return None
        return bool(self.calibration) and all(one.calibrated for one in self.calibration.values())

    @property
    def banners(self) -> list[str]:
        """What must stand above the figures."""
        if not self.judge:
            return []
        if not self.calibration:
            return [NOT_CALIBRATED]
        said = [(name, one.reason) for name, one in self.calibration.items() if one.reason]
        return [f"{name}: {reason}" for name, reason in said]

    @property
    def failed(self) -> bool:
        """Whether the judge could not be asked at some point."""
        broken = JudgeStatus.FAILED
        return any(broken in row.cells.values() for row in self.rows) or any(
            one.status is broken for pair in self.pairs for one in pair.verdicts
        )

    def figures(self) -> dict[str, dict[str, Figure]]:
        """Return ragas' measures by arm and name."""
        arms: dict[str, list[MeasuredRow]] = {}
        for row in self.rows:
            arms.setdefault(row.arm, []).append(row)
        return {
            arm: {name: _figure(name, rows, self.seed) for name in rows[0].cells}
            for arm, rows in arms.items()
        }

    def section(self) -> dict[str, Any]:
        """Return what stands in report.json."""
        return {
            "judge": self.judge or None,
            "calibrated": self.calibrated,
            "banners": self.banners,
            "calibration": {name: one.to_json() for name, one in self.calibration.items()},
            "bill": None if self.bill is None else self.bill.to_json(self.prices),
            "ragas": {
                arm: {name: figure.to_json() for name, figure in figures.items()}
                for arm, figures in self.figures().items()
            },
            "pairs": [pair.to_json(self.seed) for pair in self.pairs],
        }

    def to_json(self, run: SavedRun) -> dict[str, Any]:
        """Return what stands in judges.json."""
        answers = run.file.with_name("answers.jsonl").read_bytes()
        return {
            "schema": SCHEMA,
            "cases": run.digest,
            "answers": hashlib.sha256(answers).hexdigest(),
            **self.section(),
            "measures": {
                name: MEASURES[name].says for name in (self.rows[0].cells if self.rows else ())
            },
            "rows": [row.to_json() for row in self.rows],
            "verdicts": {
                f"{pair.first}:{pair.second}": [one.to_json() for one in pair.verdicts]
                for pair in self.pairs
            },
        }

    def write(self, run: SavedRun) -> Path:
        """Write judges.json beside the run's report, and the figures into the report.

        Raises:
            UsageError: If a file cannot be written.
        """
        file = run.file.with_name(FILE)
        write_whole(file, _text(self.to_json(run)))
        write_whole(run.file, _text({**run.report, "judges": self.section()}))
        return file


def judge(
    found: Mapping[str, Mapping[str, Item]],
    wanted: Wanted,
    *,
    ragas: Ragas | None,
    asking: Asking | None,
    judge_name: str,
    prices: Prices,
    labels: Labels | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Judged:
    """Judge a run.

    Args:
        found: The answers by arm and case.
        wanted: What is to be judged.
        ragas: Measures; None if no measure is wanted.
        asking: Asks the judge; None if there is none.
        judge_name: The judge's name; empty if there is none.
        prices: Of the judge.
        labels: By people; None to go without.
        seed: Of the statistics.
        progress: Called with how many answers and pairs are done, and how many there are.
    """
    measured = [item for arm in wanted.arms for item in found[arm].values()]
    measured = measured if wanted.measures else []
    total = len(measured) + sum(len(found[first]) for first, _ in wanted.pairs)
    rows: list[MeasuredRow] = []
    for item in measured:
        if ragas is not None:
            rows.append(_row(item, wanted.measures, ragas))
        if progress is not None:
            progress(len(rows), total)
    pairs: list[Pairwise] = []
    for first, second in wanted.pairs:
        if asking is None:
            break
        before = len(rows) + sum(len(pair.verdicts) for pair in pairs)

        def counted(done: int, _: int, before: int = before) -> None:
            if progress is not None:
                progress(before + done, total)

        verdicts = judge_pair(dict(found[first]), dict(found[second]), asking, counted)
        pairs.append(Pairwise(first=first, second=second, verdicts=tuple(verdicts)))
    return Judged(
        judge=judge_name if wanted.asks else "",
        rows=tuple(rows),
        pairs=tuple(pairs),
        bill=asking.bill if asking is not None and wanted.asks else None,
        prices=prices,
        calibration={} if labels is None else _calibrated(rows, pairs, wanted, labels, seed),
        seed=seed,
    )


def _row(item: Item, names: Sequence[str], ragas: Ragas) -> MeasuredRow:
    found = {name: ragas.cell(name, item) for name in names}
    return MeasuredRow(
        arm=item.row.arm,
        id=item.case.id,
        source=item.case.source,
        cells={name: cell for name, (cell, _) in found.items()},
        reasons={name: reason for name, (_, reason) in found.items()},
    )


def _calibrated(
    rows: Sequence[MeasuredRow],
    pairs: Sequence[Pairwise],
    wanted: Wanted,
    labels: Labels,
    seed: int,
) -> dict[str, Agreement]:
    sources = {row.id: row.source for row in rows}
    found = {
        name: measure_agreement(
            {(row.arm, row.id): row.scores[name] for row in rows if name in row.scores},
            labels,
            sources,
            seed=seed,
        )
        for name in wanted.measures
        if MEASURES[name].judge
    }
    return found | {
        f"{pair.first}:{pair.second}": pair_agreement(
            pair.first, pair.second, pair.verdicts, labels, seed=seed
        )
        for pair in pairs
    }


def _figure(name: str, rows: Sequence[MeasuredRow], seed: int) -> Figure:
    valued = [(row.scores[name], row.source) for row in rows if name in row.scores]
    values = [value for value, _ in valued]
    statuses = Counter(
        cell.value for row in rows if isinstance(cell := row.cells[name], JudgeStatus)
    )
    return Figure(
        value=sum(values) / len(values) if values else None,
        ci95=clustered_mean_ci95(values, [source for _, source in valued], samples=2000, seed=seed),
        n=len(values),
        of=len(rows),
        statuses=statuses,
        status="" if values else statuses.most_common(1)[0][0],
    )


def _text(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, indent=1, allow_nan=False) + "\n"
