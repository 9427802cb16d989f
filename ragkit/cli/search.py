"""`ragkit search`: passages, without an answer."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from ragkit.cli.option import (
    EmbedderOption,
    IndexOption,
    JsonOption,
    WhereOption,
    read_question,
    read_where,
)
from ragkit.cli.session import session_of


class Mode(StrEnum):
    """How passages are found."""

    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"


def search(
    context: typer.Context,
    query: Annotated[
        list[str],
        typer.Argument(metavar="QUERY", help="What to look for; - reads it from standard input."),
    ],
    index: IndexOption = None,
    json: JsonOption = False,
    embedder: EmbedderOption = None,
    mode: Annotated[
        Mode, typer.Option("--mode", help="By meaning (dense), by words (lexical), or both.")
    ] = Mode.HYBRID,
    k: Annotated[int, typer.Option("-k", min=1, metavar="N", help="Passages to print.")] = 10,
    where: WhereOption = None,
) -> None:
    """Find passages by meaning and by words, best first."""
    session = session_of(context, index=index, json=json, embedder=embedder)
    terminal = session.terminal()
    text, filters = read_question(query), read_where(where)
    with session.open() as rag:
        result = rag.search(text, mode=mode.value, k=k, where=filters)
    if terminal.json:
        terminal.document(result.to_json())
    else:
        from ragkit.cli.answer_view import print_hits

        print_hits(terminal, result)
