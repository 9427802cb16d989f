"""Writes the figures as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Figures = Mapping[str, Any]

COLD_ASK_AIM = "3 CPU s"
WARM_SEARCH_AIM = "p95 15 ms"
HELP_AIM = "0.5 CPU s"


def markdown(figures: Figures) -> str:
    """Return the machine and the tables, ready to be pasted into a document.

    Args:
        figures: What `bench.run.measure` returns.
    """
    parts = [_machine(figures), _table(_COMMANDS, _commands(figures)), _ingest(figures)]
    parts += [_table(_QUERIES, _queries(figures)), _table(_EMBEDDING, _embedding(figures))]
    return "\n\n".join(parts)


_COMMANDS = ("command", "CPU s (range)", "wall s", "peak MB", "aim at most")
_QUERIES = ("open index", "queries", "p50 ms", "p95 ms", "p50 CPU ms", "p95 CPU ms", "aim at most")
_EMBEDDING = ("texts", "embedder", "chunks / CPU s", "chunks / wall s", "peak MB")


def _machine(figures: Figures) -> str:
    machine = figures["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return "\n".join(
        (
            f"- {machine['cpu']}, {machine['cores']} cores, {machine['system']}; "
            f"load at the start {machine['load_before']}",
            f"- Python {machine['python']}, {packages}",
            f"- ragkit's embedder computes in {machine['embedder_precision']}, "
            f"sentence-transformers in f32; median of {figures['rounds']} rounds",
        )
    )


def _commands(figures: Figures) -> Iterator[Sequence[str]]:
    ingest, cold = figures["ingest"], figures["cold"]
    size = f"{ingest['files']} files, {ingest['kilobytes']:.0f} KB, {ingest['chunks']} chunks"
    yield (f"`ragkit ingest`, {size}", *_used(ingest), "")
    yield ("`ragkit ingest` again, nothing changed", *_used(ingest["unchanged"]), "")
    yield ("`ragkit ask`", *_used(cold["ask"]), COLD_ASK_AIM)
    yield ("`ragkit --help`", *_used(cold["help"]), HELP_AIM)


def _ingest(figures: Figures) -> str:
    found = figures["ingest"]
    return (
        f"Ingest, workers included: {found['kilobytes_per_cpu_s']:.1f} KB and "
        f"{found['chunks_per_cpu_s']:.1f} chunks per CPU second, "
        f"{found['chunks_per_wall_s']:.1f} chunks per wall second."
    )


def _used(figures: Figures) -> tuple[str, str, str]:
    cpu = f"{figures['cpu_s']:.2f} ({figures['cpu_s_min']:.2f} to {figures['cpu_s_max']:.2f})"
    return (cpu, f"{figures['wall_s']:.2f}", f"{figures['peak_mb']:.0f}")


def _queries(figures: Figures) -> Iterator[Sequence[str]]:
    for name, label, aim in (
        ("search", "hybrid search", WARM_SEARCH_AIM),
        ("ask", "ask", ""),
    ):
        found = figures["warm"][name]
        times = (found[f"{clock}_{p}"] for clock in ("wall", "cpu") for p in ("p50", "p95"))
        yield (label, str(found["queries"]), *(f"{time:.1f}" for time in times), aim)


def _embedding(figures: Figures) -> Iterator[Sequence[str]]:
    for found in figures["embedding"]:
        texts = f"{found['texts']}, {found['count']} of {found['mean_characters']} characters"
        for arm, speed in found["arms"].items():
            rates = (speed[f"chunks_per_{clock}_s"] for clock in ("cpu", "wall"))
            yield (texts, arm, *(f"{rate:.1f}" for rate in rates), f"{speed['peak_mb']:.0f}")
        ratios = (f"x {found[f'{clock}_ratio']:.2f}" for clock in ("cpu", "wall"))
        yield (texts, f"ratio; lowest cosine {found['lowest_cosine']:.5f}", *ratios, "")


def _table(header: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
