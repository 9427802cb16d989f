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
from ragkit.cli.terminal import Terminal, one_line


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
    name: Annotated[
        str | None,
        typer.Option(
            "--session",
            metavar="NAME",
            show_default=False,
            help="Save each turn under this name, and take up what was saved there before.",
        ),
    ] = None,
    sessions: Annotated[
        bool, typer.Option("--sessions", help="List the saved sessions of this index, and leave.")
    ] = False,
) -> None:
    """Talk with the documents; from a pipe, one question a line."""
    from ragkit.cli.report_view import print_report
    from ragkit.cli.talk import Talk, questions

    session = session_of(context, index=index, json=json, embedder=embedder)
    terminal = session.terminal()
    if sessions:
        _print_sessions(terminal, session.index)
        return
    from ragkit.saved_chat import SavedChat

    saved = SavedChat(name, session.index) if name is not None else None
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
        talk = Talk(rag, terminal, index_option=session.index_option, saved=saved)
        talk.resume()
        talk.run(questions(terminal))
    raise typer.Exit(talk.exit_code or code)


def _print_sessions(terminal: Terminal, index: str) -> None:
    from ragkit.saved_chat import folder_of, listed

    found = listed(index)
    if terminal.json:
        folder = str(folder_of(index))
        terminal.document({"folder": folder, "sessions": [one.to_json() for one in found]})
        return
    if not found:
        terminal.say("No session is saved for this index; begin one with: chat --session NAME")
    for one in found:
        turns = f"{one.turns} turn{'' if one.turns == 1 else 's'}"
        last = f"{one.last:%Y-%m-%d %H:%M} UTC"
        terminal.say(f"{one.name}  {turns}  {last}  {one_line(one.question)}", hang=2)
