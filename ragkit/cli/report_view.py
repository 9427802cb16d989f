"""How a sync's plan and report look to a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from ragkit.cli.terminal import Terminal, one_line
from ragkit_ingest.report import Failure, IngestReport

if TYPE_CHECKING:
    from ragkit_ingest.plan import SyncPlan

LISTED = 20
"""Paths listed under a heading before the rest is only counted."""


def print_outcome(terminal: Terminal, outcome: IngestReport | SyncPlan) -> None:
    """Print what an ingest did, or would do."""
    if isinstance(outcome, IngestReport):
        print_report(terminal, outcome)
    else:
        print_plan(terminal, outcome)


def print_report(terminal: Terminal, report: IngestReport) -> None:
    """Print what an ingest did: the counts, then every failure by name and reason."""
    files, chunks = report.files, report.chunks
    counts = [
        (files.indexed, "indexed", "green"),
        (files.unchanged, "unchanged", ""),
        (files.moved, "moved", ""),
        (files.removed, "removed", "yellow"),
        (files.failed, "failed", "red"),
        (files.no_text, "without text", "yellow"),
        (files.skipped, "skipped", "dim"),
        (files.attachments, "attachments read", ""),
    ]
    line = Text("Files: ")
    shown = [(number, word, style) for number, word, style in counts if number]
    for place, (number, word, style) in enumerate(shown):
        line.append(", " if place else "").append(f"{number} {word}", style=style)
    terminal.say(line if shown else "Files: none found")
    terminal.say(
        f"Chunks: {chunks.total} searchable, {chunks.added} added, {chunks.removed} removed "
        f"({report.embedded} embedded, {report.seconds:.1f} s)"
    )
    _print_pairs(terminal, "Failed", [(f.path, _reason(f)) for f in report.failures if f.tried])
    _print_pairs(
        terminal,
        "Failed before, not tried again yet (--retry tries them now)",
        [(f.path, _reason(f)) for f in report.failures if not f.tried],
    )
    _print_pairs(terminal, "Without text (scanned?)", [(path, "") for path in report.no_text])
    _print_pairs(terminal, "Skipped", list(report.skipped))


def print_plan(terminal: Terminal, plan: SyncPlan) -> None:
    """Print what a sync would do."""
    terminal.say("Nothing was changed. A sync would do this:")
    _print_pairs(terminal, "Add", _paths(plan.added))
    _print_pairs(terminal, "Update", _paths(plan.edited))
    _print_pairs(terminal, "Try again", _paths(plan.retry))
    _print_pairs(
        terminal,
        "Not try again yet",
        [(path, f"before {readable_moment(when)}") for path, when in plan.waiting],
    )
    _print_pairs(terminal, "Move", [(old, f"to {new}") for old, new in plan.moved])
    _print_pairs(terminal, "Remove", _paths(plan.removed))
    terminal.say()
    terminal.say(f"Leave {len(plan.unchanged)} unchanged, skip {len(plan.skipped)}.")


def readable_moment(moment: str) -> str:
    """Return a moment in ISO 8601 in UTC to the minute, as people write it."""
    return f"{moment[:16].replace('T', ' ')} UTC"


def _reason(failure: Failure) -> str:
    if not failure.retry:
        return failure.reason
    if failure.attempts < 2 or not failure.next_try:
        return f"{failure.reason} (will be tried again)"
    when = readable_moment(failure.next_try)
    return f"{failure.reason} (failed {failure.attempts} times, next try after {when})"


def _paths(paths: Sequence[str]) -> list[tuple[str, str]]:
    return [(path, "") for path in paths]


def _print_pairs(terminal: Terminal, heading: str, pairs: Sequence[tuple[str, str]]) -> None:
    if not pairs:
        return
    terminal.title(f"{heading}: {len(pairs)}")
    for path, reason in pairs[:LISTED]:
        line = Text("  ").append(one_line(path), style="bold")
        if reason:
            line.append(f"  {one_line(reason)}")
        terminal.say(line, hang=4)
    if len(pairs) > LISTED:
        terminal.say(f"  and {len(pairs) - LISTED} more; --json lists all")
