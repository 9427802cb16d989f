"""Writes the figures as Markdown, ready to be pasted into the documentation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from bench.peers.drive import PASSAGES
from bench.peers.figures import Aim, Figures, Summary, aims, summaries
from bench.peers.system import OURS

_SPEED = (
    "system",
    "ingest KB / CPU s (range)",
    "KB / s",
    "cold first answer, s",
    "CPU s",
    "warm search p50 ms",
    "p95 ms",
)
_SIZE = ("system", "peak MB: ingest", "cold", "warm", "index MB", "chunks", "nDCG@10 (95 %)")


def markdown(figures: Figures) -> str:
    """Return the machine and the tables.

    Args:
        figures: What `bench.peers.__main__.measure` returns; the judged set may be missing.
    """
    found = summaries(figures)
    parts = [
        _origin(figures),
        _table(_SPEED, (_speed(each) for each in found.values())),
        _table(_SIZE, (_size(found[name], figures["systems"][name]) for name in found)),
        _table(
            ("aim", "ragkit", "best of the others", "factor", "reached"), map(_aim, aims(found))
        ),
        _search_alone(figures),
        _table(("system", "versions", "store and chunking"), _settings(figures)),
    ]
    return "\n\n".join(part for part in parts if part)


def _origin(figures: Figures) -> str:
    machine, corpus = figures["machine"], figures["corpus"]
    lines = [
        f"- {figures['date']}: {machine['cpu']}, {machine['cores']} cores, {machine['system']}, "
        f"Python {machine['python']}; load before the first round {machine['load_before']}",
        f"- {corpus['pages']} Markdown pages of {corpus['name']}, {corpus['kilobytes']:.0f} KB; "
        f"{corpus['questions']} questions after their headings; median of "
        f"{_rounds(figures)} rounds",
    ]
    if "judged" in figures:
        judged = figures["judged"]
        lines.append(
            f"- nDCG@10: {judged['queries']} queries of {judged['name']} over "
            f"{judged['documents']:,} of its documents, all judged ones among them"
        )
    return "\n".join(lines)


def _rounds(figures: Figures) -> int:
    """Return how many rounds every system has finished."""
    return min(len(found["runs"]["warm"]) for found in figures["systems"].values())


def _speed(found: Summary) -> Iterator[str]:
    low, high = found.ingest_kb_per_cpu_s_range
    yield found.label
    yield f"{found.ingest_kb_per_cpu_s:.1f} ({low:.1f} to {high:.1f})"
    yield f"{found.ingest_kb_per_wall_s:.1f}"
    yield f"{found.cold_wall_s:.2f}"
    yield f"{found.cold_cpu_s:.2f}"
    yield f"{found.warm_p50_ms:.1f}"
    yield f"{found.warm_p95_ms:.1f}"


def _size(found: Summary, raw: Mapping[str, Any]) -> Iterator[str]:
    cold = max(found.peaks_mb["cold"], found.peaks_mb.get("answer", 0.0))
    yield found.label
    for peak in (found.peaks_mb["ingest"], cold, found.peaks_mb["warm"]):
        yield f"{peak:.0f}"
    yield f"{found.disk_mb:.1f}"
    yield f"{found.chunks:,}"
    if found.ndcg is None:
        yield "not measured"
    else:
        low, high = raw["judged"]["ci95"]
        yield f"{found.ndcg:.3f} ({low:.3f} to {high:.3f})"


def _aim(aim: Aim) -> tuple[str, ...]:
    return (
        aim.what,
        f"{aim.ours:.1f} {aim.unit}",
        f"{aim.best:.1f} {aim.unit}, {aim.whose}",
        f"x {aim.factor:.2f}",
        "yes" if aim.reached else "no",
    )


def _search_alone(figures: Figures) -> str:
    runs = figures["systems"][OURS.name]["runs"]["cold"]
    return (
        "ragkit's cold first answer is a cited answer; the others', which need a language model "
        f"for one, are the first {PASSAGES} passages. A cold search alone takes ragkit "
        f"{median(run['wall_s'] for run in runs):.2f} s, "
        f"{median(run['cpu_s'] for run in runs):.2f} CPU s."
    )


def _settings(figures: Figures) -> Iterator[tuple[str, str, str]]:
    for found in figures["systems"].values():
        versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
        yield found["label"], versions, found["setting"]


def _table(header: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
