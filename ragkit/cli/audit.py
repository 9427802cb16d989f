"""`ragkit audit`: recorded answers, and what became of their sources since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.cli.failure import EXIT_FAILED
from ragkit.cli.option import EmbedderOption, IndexOption, JsonOption, clean_argument
from ragkit.cli.session import session_of
from ragkit.cli.terminal import Terminal, one_line

if TYPE_CHECKING:
    from ragkit.audit import AuditReport, EntryState


def audit(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="What --audit of `ask` and `chat` has written.")
    ],
    index: IndexOption = None,
    json: JsonOption = False,
    embedder: EmbedderOption = None,
) -> None:
    """Say of every recorded answer whether it is as written, and whether its sources still are.

    Exit code 1 if a record was altered, removed or put elsewhere.
    """
    from ragkit.audit import AuditFile, compare

    session = session_of(context, index=index, json=json, embedder=embedder)
    terminal = session.terminal()
    with session.open() as rag:
        report = compare(AuditFile(clean_argument(file)), rag.show)
    if terminal.json:
        terminal.document(report.to_json())
    else:
        _print_report(terminal, report)
    raise typer.Exit(0 if report.intact else EXIT_FAILED)


def _print_report(terminal: Terminal, report: AuditReport) -> None:
    from rich.text import Text

    for entry in report.entries:
        style = "green" if entry.verifies else "yellow" if entry.intact else "bold red"
        line = Text(f"{entry.line:>4}  ", style="cyan").append(_verdict(entry), style=style)
        line.append(f"  {one_line(entry.at)}  {one_line(entry.question)}")
        terminal.say(line, hang=6)
        for source in entry.sources:
            if source.state != "unchanged":
                mark = f"[{source.n}]" if source.n else "looked at"
                place = f"{one_line(source.path)} {source.start}:{source.end}"
                terminal.say(f"{mark} {place}: {source.state}", indent=6)
    broken = sum(not entry.intact for entry in report.entries)
    verifying = sum(entry.verifies for entry in report.entries)
    terminal.say(
        f"{len(report.entries)} records, {broken} of them not as written; the quotes of "
        f"{verifying} still stand. Last hash: {one_line(report.last_hash)}"
    )


def _verdict(entry: EntryState) -> str:
    if entry.problem:
        return f"BROKEN: {one_line(entry.problem)}"
    return "quotes stand" if entry.verifies else "sources changed"
