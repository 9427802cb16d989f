"""`ragkit verify`: is the index undamaged? Else mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ragkit.cli.failure import EXIT_FAILED
from ragkit.cli.option import EmbedderOption, IndexOption, JsonOption
from ragkit.cli.session import session_of
from ragkit.cli.terminal import Terminal, one_line

if TYPE_CHECKING:
    from ragkit_ingest.verify import VerifyReport


def verify(
    context: typer.Context,
    index: IndexOption = None,
    json: JsonOption = False,
    embedder: EmbedderOption = None,
) -> None:
    """Check every text, vector and word of the index, and mend what is damaged.

    Exit code 0 if the index is sound or was mended, 1 if something is damaged beyond mending.
    """
    session = session_of(context, index=index, json=json, embedder=embedder)
    terminal = session.terminal()
    with session.open() as rag:
        report = rag.verify()
    if terminal.json:
        terminal.document(report.to_json())
    else:
        _print_report(terminal, report)
    raise typer.Exit(0 if report.sound else EXIT_FAILED)


def _print_report(terminal: Terminal, report: VerifyReport) -> None:
    from rich.text import Text

    groups = [
        ("healed", "green", report.healed),
        ("note", "yellow", report.notes),
        ("damaged", "bold red", report.damaged),
        ("read again", "yellow", report.reread),
    ]
    for name, style, lines in groups:
        for line in lines:
            terminal.say(Text().append(f"{name:<11}", style=style).append(one_line(line)), hang=11)
    if report.reread:
        terminal.say(
            f"{len(report.reread)} documents were damaged and are not searched any more; run "
            "ragkit ingest to read their files again."
        )
    checked = (
        f"{report.documents} documents, {report.chunks} chunks and {report.vectors} vectors "
        "checked."
    )
    terminal.say(f"{checked} {'Sound.' if report.sound else 'Not sound.'}")
