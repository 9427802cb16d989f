"""`ragkit status`: what is indexed, and what failed."""

from __future__ import annotations

from typing import Annotated

import typer

from ragkit.cli.option import EmbedderOption, IndexOption, JsonOption
from ragkit.cli.session import session_of

LISTED = 50


def status(
    context: typer.Context,
    index: IndexOption = None,
    json: JsonOption = False,
    embedder: EmbedderOption = None,
    every: Annotated[
        bool, typer.Option("--all", help=f"List every document, not only the first {LISTED}.")
    ] = False,
) -> None:
    """Tell what the index holds, and which files failed and why."""
    session = session_of(context, index=index, json=json, embedder=embedder)
    terminal = session.terminal()
    with session.open() as rag:
        held = rag.status()
    if terminal.json:
        terminal.document(held.to_json())
    else:
        from ragkit.cli.status_view import print_status

        print_status(terminal, held, listed=None if every else LISTED)
