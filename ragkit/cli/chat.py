"""`ragkit chat`: talk with the documents."""

from __future__ import annotations

from typing import Annotated

import typer

from ragkit.cli.ingest import exit_code, sync
from ragkit.cli.option import (
    AuditOption,
    EmbedderOption,
    GeneratorOption,
    GeneratorUrlOption,
    IndexOption,
    JsonOption,
    MinConfidenceOption,
)
from ragkit.cli.session import session_of


def chat(
    context: typer.Context,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH", help="Files and folders to sync into the index first."),
    ] = None,
    index: IndexOption = None,
    json: JsonOption = False,
    embedder: EmbedderOption = None,
    generator: GeneratorOption = None,
    generator_url: GeneratorUrlOption = None,
    min_confidence: MinConfidenceOption = None,
    audit: AuditOption = None,
) -> None:
    """Talk with the documents; from a pipe, one question a line."""
    from ragkit.cli.report_view import print_report
    from ragkit.cli.talk import Talk, questions

    session = session_of(context, index=index, json=json, embedder=embedder)
    terminal = session.terminal()
    code = 0
    with session.open(
        generator=generator,
        generator_url=generator_url,
        min_confidence=min_confidence,
        audit=audit,
    ) as rag:
        if paths:
            report = sync(rag, terminal, paths)
            code = exit_code(report)
            print_report(terminal.messages(), report)
        else:
            rag.status()  # without an index this says so before the first question
        talk = Talk(rag, terminal, index_option=session.index_option)
        talk.run(questions(terminal))
    raise typer.Exit(talk.exit_code or code)
