"""How well is it recognised whether a context supports a claim? Judges claims whose label is known.

The judge is the one that verifies the sentences of answers (`ragkit.support`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ragkit.alignment import Ground, lines
from ragkit.support import Judge, Judgement
from ragkit_eval.cases import write_whole
from ragkit_eval.claims import Claim
from ragkit_eval.metrics.auroc import auroc
from ragkit_eval.metrics.balanced_accuracy import balanced_accuracy
from ragkit_eval.rounding import rounded, rounded_pair
from ragkit_eval.stats.bootstrap import clustered_ci95

Interval = tuple[float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedClaim:
    """A claim with what was made of it."""

    claim: Claim
    judgement: Judgement

    def to_json(self) -> dict[str, object]:
        """Return the row as `--save` writes it."""
        return {
            "id": self.claim.id,
            "set": self.claim.set,
            "label": self.claim.supported,
            "score": round(self.judgement.score, 4),
            "supported": self.judgement.supported,
            "conflicts": [
                {"kind": str(conflict.kind), "said": conflict.said, "stored": conflict.stored}
                for conflict in self.judgement.conflicts
            ],
        }


@dataclass(frozen=True, kw_only=True)
class GroundednessReport:
    """How often the judge was right.

    Attributes:
        rows: The claims, in order.
        set: The set's name; empty for a report over all.
    """

    rows: Sequence[JudgedClaim]
    set: str = ""

    @cached_property
    def balanced_accuracy(self) -> float | None:
        """The mean of the shares of supported and of other claims that were recognised."""
        return balanced_accuracy(self._said, self._labels)

    @cached_property
    def auroc(self) -> float | None:
        """How often a supported claim scores higher than another."""
        return auroc(self._scores, self._labels)

    @cached_property
    def ci95(self) -> dict[str, Interval]:
        """The 95 % intervals of both, by the bootstrap over contexts."""
        clusters = [row.claim.context for row in self.rows]
        return {
            "balanced_accuracy": clustered_ci95(
                lambda weights: balanced_accuracy(self._said, self._labels, weights), clusters
            ),
            "auroc": clustered_ci95(
                lambda weights: auroc(self._scores, self._labels, weights), clusters
            ),
        }

    @cached_property
    def sets(self) -> list[GroundednessReport]:
        """A report for each set, in the order of their first claims; none if no claim has one."""
        names = dict.fromkeys(row.claim.set for row in self.rows)
        if not any(names):
            return []
        return [
            GroundednessReport(rows=[row for row in self.rows if row.claim.set == name], set=name)
            for name in names
        ]

    def to_json(self) -> dict[str, object]:
        """Return the report in the shape of `ragkit eval groundedness --json`."""
        found: dict[str, object] = {
            "cases": len(self.rows),
            "supported": sum(self._labels),
            "balanced_accuracy": rounded(self.balanced_accuracy),
            "auroc": rounded(self.auroc),
            "ci95": {name: rounded_pair(interval) for name, interval in self.ci95.items()},
        }
        if self.set:
            return {"set": self.set, **found}
        return found | ({"sets": [report.to_json() for report in self.sets]} if self.sets else {})

    @property
    def _said(self) -> list[bool]:
        return [row.judgement.supported for row in self.rows]

    @property
    def _labels(self) -> list[bool]:
        return [row.claim.supported for row in self.rows]

    @property
    def _scores(self) -> list[float]:
        return [row.judgement.score for row in self.rows]


def evaluate(
    claims: Sequence[Claim],
    embedder: object,
    progress: Callable[[int, int], None] | None = None,
) -> GroundednessReport:
    """Judge every claim beside its context.

    Args:
        claims: At least one.
        embedder: Of the index, as `ragkit.support.Judge` takes it.
        progress: Called after each claim with how many are done, and how many there are.
    """
    judge = Judge(embedder)
    rows = []
    for done, claim in enumerate(claims, start=1):
        grounds = [Ground(lines=lines(text)) for text in claim.context]
        rows.append(JudgedClaim(claim=claim, judgement=judge.judge_text(claim.claim, grounds)))
        if progress is not None:
            progress(done, len(claims))
    return GroundednessReport(rows=rows)


def save(report: GroundednessReport, file: Path) -> None:
    """Write every claim's score to a file, one JSON object a line.

    Raises:
        UsageError: If it cannot be written.
    """
    text = "".join(json.dumps(row.to_json(), ensure_ascii=False) + "\n" for row in report.rows)
    write_whole(file, text)
