"""How a change of the embedder looks to a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from ragkit.cli.terminal import Terminal, one_line

if TYPE_CHECKING:
    from ragkit_eval.before_after import Change, Overlap
    from ragkit_ingest.reembed import ReembedReport


def print_changes(terminal: Terminal, changes: Sequence[Change], title: str = "") -> None:
    """Print each measure before and after, with the interval of the difference."""
    if title:
        terminal.title(title)
    table = _table("search", "measure", "before", "after", "difference (95 %)", "questions")
    for change in changes:
        found = change.contrast
        interval = "no interval" if found.ci95 is None else "{:+.3f} to {:+.3f}".format(*found.ci95)
        table.add_row(
            change.mode,
            change.measure,
            f"{change.before:.3f}",
            f"{change.after:.3f}",
            f"{found.difference:+.3f} ({interval})",
            str(found.cases),
        )
    terminal.out.print(table)


def print_overlaps(terminal: Terminal, overlaps: Sequence[Overlap]) -> None:
    """Print how far the first ten passages are the same."""
    table = _table("search", "same of 10", "own document before", "after", "sentences")
    for found in overlaps:
        table.add_row(
            found.mode,
            f"{found.overlap:.0%}",
            f"{found.found_before:.0%}",
            f"{found.found_after:.0%}",
            str(found.questions),
        )
    terminal.out.print(table)


def print_reembed(terminal: Terminal, report: ReembedReport) -> None:
    """Print what a change of the embedder did."""
    name, former = one_line(report.embedder), one_line(report.former)
    if report.already:
        terminal.say(f"{name} answers already; nothing was done.")
        return
    resplit = f", {report.resplit} of {report.documents} documents cut anew"
    terminal.say(
        f"{report.texts} texts: {report.embedded} embedded, {report.texts - report.embedded} "
        f"were there{resplit if report.resplit else ''} ({report.seconds:.1f} s)"
    )
    if report.swapped:
        terminal.say(
            f"{name} answers now, generation {report.generation}; {former} is kept: "
            "ragkit reembed --rollback returns to it."
        )
    else:
        terminal.say(
            f"{former} answers as before. The vectors of {name} are kept: the same command "
            "without --no-swap or --only-if-better lets them answer."
        )


def _table(*names: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for place, name in enumerate(names):
        table.add_column(name, justify="left" if place < 1 else "right")
    return table
