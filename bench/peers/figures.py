"""From runs to the figures of a table: medians, and whether ragkit keeps to its aims."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.peers.system import OURS

Figures = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What one system's runs came to; each value is the median over rounds.

    Attributes:
        label: The system's name.
        ingest_kb_per_cpu_s: Kilobytes of pages by CPU second, descendants included.
        ingest_kb_per_cpu_s_range: Least and most of the rounds.
        ingest_kb_per_wall_s: Kilobytes of pages by second on the clock.
        cold_cpu_s: From nothing to the first passages; for ragkit, to its first cited answer.
        cold_wall_s: The same on the clock.
        warm_p50_ms: Search in an open index.
        warm_p95_ms: The same.
        peaks_mb: Most resident memory, by step.
        disk_mb: Size of the index.
        chunks: In the index.
        ndcg: nDCG@10 on the judged set; None if that was not measured.
        embeds_all: Whether all of its text goes through the model.
    """

    label: str
    ingest_kb_per_cpu_s: float
    ingest_kb_per_cpu_s_range: tuple[float, float]
    ingest_kb_per_wall_s: float
    cold_cpu_s: float
    cold_wall_s: float
    warm_p50_ms: float
    warm_p95_ms: float
    peaks_mb: Mapping[str, float]
    disk_mb: float
    chunks: int
    ndcg: float | None
    embeds_all: bool

    @property
    def peak_mb(self) -> float:
        """The most memory that any step took."""
        return max(self.peaks_mb.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What ragkit is meant to reach against the best of the others.

    Attributes:
        what: The figure, and the factor aimed at.
        unit: Of both values.
        ours: ragkit's value.
        best: The best of the others.
        whose: Whose that is.
        factor: How many times better ragkit is; below 1 it is worse.
        wanted: The factor aimed at.
    """

    what: str
    unit: str
    ours: float
    best: float
    whose: str
    factor: float
    wanted: float

    @property
    def reached(self) -> bool:
        """Whether the factor is at least the one aimed at."""
        return self.factor >= self.wanted


def summaries(figures: Figures) -> dict[str, Summary]:
    """Return the summary of each system, by name, in the order of measurement."""
    kilobytes = figures["corpus"]["kilobytes"]
    return {name: _summary(found, kilobytes) for name, found in figures["systems"].items()}


def aims(found: Mapping[str, Summary]) -> list[Aim]:
    """Return what is aimed at, against the best of the others in each figure."""
    ours, others = found[OURS.name], [each for name, each in found.items() if name != OURS.name]

    def against(
        what: str,
        unit: str,
        wanted: float,
        value: Callable[[Summary], float],
        *,
        peers: Sequence[Summary] = others,
        more_is_better: bool = False,
    ) -> Aim:
        best = (max if more_is_better else min)(peers, key=value)
        factor = value(best) / value(ours)
        return Aim(
            what=what,
            unit=unit,
            ours=value(ours),
            best=value(best),
            whose=best.label,
            factor=1 / factor if more_is_better else factor,
            wanted=wanted,
        )

    def rate(each: Summary) -> float:
        return each.ingest_kb_per_cpu_s

    return [
        against(
            "ingest, at least 4 times as much a CPU second",
            "KB / CPU s",
            4.0,
            rate,
            more_is_better=True,
        ),
        against(
            "the same beside those that embed all of their text",
            "KB / CPU s",
            4.0,
            rate,
            peers=[each for each in others if each.embeds_all],
            more_is_better=True,
        ),
        against("cold first answer, at least 3 times sooner", "s", 3.0, lambda s: s.cold_wall_s),
        against("the same in CPU time", "CPU s", 3.0, lambda s: s.cold_cpu_s),
        against("warm search p95, no slower", "ms", 1.0, lambda s: s.warm_p95_ms),
        against("peak memory, the lowest", "MB", 1.0, lambda s: s.peak_mb),
    ]


def _summary(found: Mapping[str, Any], kilobytes: float) -> Summary:
    runs: Mapping[str, Sequence[Mapping[str, float]]] = found["runs"]
    first = runs.get("answer") or runs["cold"]
    by_cpu = [kilobytes / run["cpu_s"] for run in runs["ingest"]]
    return Summary(
        label=found["label"],
        ingest_kb_per_cpu_s=median(by_cpu),
        ingest_kb_per_cpu_s_range=(min(by_cpu), max(by_cpu)),
        ingest_kb_per_wall_s=median(kilobytes / run["wall_s"] for run in runs["ingest"]),
        cold_cpu_s=median(run["cpu_s"] for run in first),
        cold_wall_s=median(run["wall_s"] for run in first),
        warm_p50_ms=median(run["wall_p50_ms"] for run in runs["warm"]),
        warm_p95_ms=median(run["wall_p95_ms"] for run in runs["warm"]),
        peaks_mb={step: median(run["peak_mb"] for run in runs[step]) for step in runs},
        disk_mb=median(run["disk_mb"] for run in runs["ingest"]),
        chunks=int(runs["ingest"][-1]["chunks"]),
        ndcg=found["judged"]["ndcg@10"] if "judged" in found else None,
        embeds_all=found["embeds_all"],
    )
