"""How the experiment of the invented world looks to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

from ragkit.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_COLUMNS = ("facts", "abstention", "edited", "tone", "retention")


def print_demo(terminal: Terminal, report: Mapping[str, Any], folder: Path) -> None:
    """Print a row an arm with 95 % intervals beneath, then what became of each claim."""
    weights = report["seeds"][0]["parameters"]
    terminal.say(
        f"{report['questions']} questions about {report['index']['documents']} documents, "
        f"asked of {len(report['seeds'])} x {weights:,} weights"
    )
    terminal.say()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("arm", no_wrap=True)
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    for arm in report["arms"]:
        figures = [arm["figures"][name] for name in _COLUMNS]
        table.add_row(arm["name"], *(f"{figure['value']:.3f}" for figure in figures))
        table.add_row("", *(_range(figure["ci95"]) for figure in figures))
    terminal.out.print(table)
    terminal.say()
    terminal.say("RAG with the model tuned on the mix:")
    for claim in report["claims"]:
        first, second = claim["values"]
        terminal.say(
            f"- {claim['says']}: {claim['verdict']} ({first:.3f} against {second:.3f})",
            hang=2,
        )
    terminal.say()
    terminal.say(f"Written to {folder}: report.json, rows.csv, answers.jsonl, cases.jsonl.")


def _range(interval: list[float] | None) -> str:
    return "" if interval is None else f"{interval[0]:.2f}-{interval[1]:.2f}"
