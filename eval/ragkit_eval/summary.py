"""Adds rows up: the figures of each arm, and how the arms differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from ragkit_eval.metrics.abstention import Outcome, abstention_score
from ragkit_eval.metrics.calibration import expected_calibration_error
from ragkit_eval.metrics.risk_coverage import aurc, coverage_at_precision, curve
from ragkit_eval.metrics.usage import determinism, total_cost
from ragkit_eval.score import MEASURES, Row, Status
from ragkit_eval.stats.bootstrap import clustered_ci95
from ragkit_eval.stats.holm import holm
from ragkit_eval.stats.paired import Contrast, clustered_mean_ci95, contrast

PAIRS = (
    ("rag", "no_retrieval"),
    ("rag_persona", "rag"),
    ("rag_fine_tuned", "rag"),
    ("rag_fine_tuned", "fine_tuned"),
    ("fine_tuned", "no_retrieval"),
    ("rag", "extractive"),
    ("oracle", "rag"),
    ("oracle", "extractive"),
)
"""The built-in arms that are compared, declared before any run."""
COMPARED = ("correct", "content_f1")
"""The measures that they are compared by."""
_SAMPLES = 2000
_MOST_POINTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A measure of an arm.

    Attributes:
        value: The mean over the cases that have one; None if none has.
        ci95: Its interval over source documents; None if there are too few.
        n: How many cases have a value.
        of: How many cases the arm answered.
        statuses: Why the others have none, and how many each.
        status: Why there is no figure; empty if there is one.
    """

    value: float | None
    n: int
    of: int
    ci95: tuple[float, float] | None = None
    statuses: Mapping[str, int] | None = None
    status: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the figure as it stands in a report."""
        return {
            "value": None if self.value is None else round(self.value, 6),
            "ci95": None if self.ci95 is None else [round(value, 6) for value in self.ci95],
            "n": self.n,
            "of": self.of,
            "coverage": round(self.n / self.of, 6) if self.of else None,
            "statuses": dict(sorted((self.statuses or {}).items())),
            "status": self.status,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How two arms differ by a measure.

    Attributes:
        first: An arm.
        second: The arm it is compared with.
        measure: By what.
        contrast: The difference, first minus second.
        p_holm: The p-value, adjusted for all differences of the run.
    """

    first: str
    second: str
    measure: str
    contrast: Contrast
    p_holm: float

    def to_json(self) -> dict[str, object]:
        """Return the difference as it stands in a report."""
        return {
            "first": self.first,
            "second": self.second,
            "measure": self.measure,
            **self.contrast.to_json(),
            "p_holm": round(self.p_holm, 6),
        }


def figures(rows: Sequence[Row], *, seed: int = 0) -> dict[str, Figure]:
    """Return the figures of one arm by name: those of `MEASURES`, then those of the whole."""
    found = {name: _mean(name, rows, seed) for name in MEASURES}
    return found | _whole(rows, seed)


def outcomes(rows: Sequence[Row]) -> dict[str, int]:
    """Return how often each outcome came, and how often the arm failed."""
    counts = Counter("failed" if row.outcome is None else row.outcome.value for row in rows)
    return {name: counts[name] for name in (*Outcome, "failed")}


def risk_coverage(rows: Sequence[Row]) -> list[list[float]]:
    """Return the risk-coverage curve of the answers given, of at most 100 points.

    Returns:
        [coverage, risk], the surest first, with the first and the last point of the whole curve;
        empty if no answer given has a confidence.
    """
    given = [
        row
        for row in rows
        if row.outcome is not None and row.answer.confidence is not None and not row.abstained
    ]
    points = curve(
        [row.answer.confidence or 0.0 for row in given],
        [row.outcome is Outcome.CORRECT for row in given],
    )
    if len(points) > _MOST_POINTS:
        last = len(points) - 1
        kept = [round(at * last / (_MOST_POINTS - 1)) for at in range(_MOST_POINTS)]
        points = [points[at] for at in kept]
    return [[round(coverage, 4), round(risk, 4)] for coverage, risk in points]


def differences(
    rows: Mapping[str, Sequence[Row]], pairs: Sequence[tuple[str, str]], *, seed: int = 0
) -> list[Difference]:
    """Return how the arms of each pair differ, over the cases that both have a value for.

    Args:
        rows: Of each arm, by its name.
        pairs: First and second; a pair without rows is left out.
        seed: Of the bootstrap and the permutations.
    """
    found: list[tuple[str, str, str, Contrast]] = []
    for (first, second), measure in product(pairs, COMPARED):
        values = {row.case.id: row.cells[measure] for row in rows.get(second, ())}
        both = [
            (mine, theirs, row.case.source)
            for row in rows.get(first, ())
            if _is_value(mine := row.cells[measure])
            and _is_value(theirs := values.get(row.case.id, Status.FAILED))
        ]
        if both:
            mine_all, theirs_all, sources = zip(*both, strict=True)
            found.append(
                (first, second, measure, contrast(mine_all, theirs_all, sources, seed=seed))
            )
    adjusted = holm([one.p_value for *_, one in found])
    return [
        Difference(first=first, second=second, measure=measure, contrast=one, p_holm=p)
        for (first, second, measure, one), p in zip(found, adjusted, strict=True)
    ]


def figure_of(
    values: Sequence[float],
    sources: Sequence[str],
    *,
    of: int,
    statuses: Mapping[str, int] | None = None,
    seed: int = 0,
) -> Figure:
    """Return the figure of the cases that have a value.

    Args:
        values: One a case.
        sources: The case's document, for the interval.
        of: How many cases there are.
        statuses: Why the others have no value, and how many each.
        seed: Of the bootstrap.
    """
    why = Counter(statuses or {}).most_common(1)
    return Figure(
        value=sum(values) / len(values) if values else None,
        ci95=clustered_mean_ci95(values, sources, samples=_SAMPLES, seed=seed),
        n=len(values),
        of=of,
        statuses=statuses,
        status="" if values else (why[0][0] if why else "no_cases"),
    )


def declared(arms: Sequence[str], own: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs to compare among the arms of a run.

    The built-in pairs; and each arm of the user's own with `rag`, or with `extractive` if there
    is no `rag`.
    """
    base = "rag" if "rag" in arms else "extractive"
    mine = [(name, base) for name in own if name != base]
    return [pair for pair in dict.fromkeys((*PAIRS, *mine)) if set(pair) <= set(arms)]


def _is_value(cell: object) -> bool:
    return not isinstance(cell, Status)


def _mean(name: str, rows: Sequence[Row], seed: int) -> Figure:
    values: list[float] = []
    sources: list[str] = []
    statuses: Counter[str] = Counter()
    for row in rows:
        cell = row.cells[name]
        if isinstance(cell, Status):
            statuses[cell.value] += 1
        else:
            values.append(cell)
            sources.append(row.case.source)
    return figure_of(values, sources, of=len(rows), statuses=statuses, seed=seed)


def _whole(rows: Sequence[Row], seed: int) -> dict[str, Figure]:
    """Return the figures that are of all answers together and of no single one."""
    came = [row for row in rows if row.outcome is not None]
    withheld = abstention_score(
        [row.case.answerable for row in came], [row.abstained for row in came]
    )
    sure = [row for row in came if row.answer.confidence is not None]
    given = [row for row in sure if not row.abstained]
    said = [row.answer.confidence or 0.0 for row in given]
    right = [row.outcome is Outcome.CORRECT for row in given]
    of = len(rows)

    def figure(value: float | None, n: int, status: str) -> Figure:
        return Figure(value=value, n=n, of=of, status="" if value is not None else status)

    no_confidence = "no_confidence" if not sure else "no_answers"
    repeated = [[row.answer.text, *row.answer.repeats] for row in came if row.answer.repeats]
    return {
        "abstention_precision": figure(withheld.precision, len(came), "nothing_withheld"),
        "abstention_recall": figure(withheld.recall, len(came), "no_unanswerable_cases"),
        "abstention_f1": figure(withheld.f1, len(came), "nothing_withheld"),
        "aurc": figure(aurc(said, right), len(given), no_confidence),
        "coverage@95": figure(coverage_at_precision(said, right), len(given), no_confidence),
        "ece": _ece(sure, seed, of),
        "prompt_tokens": _sum([row.answer.prompt_tokens for row in came], of),
        "completion_tokens": _sum([row.answer.completion_tokens for row in came], of),
        "cost": figure(
            total_cost([row.answer.cost for row in came]), len(came), "no_price_configured"
        ),
        "determinism": figure(determinism(repeated), len(repeated), "not_repeated"),
    }


def _ece(sure: Sequence[Row], seed: int, of: int) -> Figure:
    """Return the calibration of the confidence that the documents hold the answer."""
    said = [row.answer.confidence or 0.0 for row in sure]
    held = [row.case.answerable for row in sure]
    value = expected_calibration_error(said, held)
    if value is None:
        return Figure(value=None, n=0, of=of, status="no_confidence")
    ci95 = clustered_ci95(
        lambda weights: expected_calibration_error(said, held, weights=weights),
        [row.case.source for row in sure],
        samples=500,
        seed=seed,
    )
    return Figure(value=value, ci95=ci95, n=len(sure), of=of)


def _sum(counts: Sequence[int | None], of: int) -> Figure:
    known = [count for count in counts if count is not None]
    if len(known) < len(counts) or not known:
        return Figure(value=None, n=len(known), of=of, status="not_counted")
    return Figure(value=float(sum(known)), n=len(known), of=of)
