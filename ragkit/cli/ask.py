"""`ragkit ask`: one cited answer."""

from __future__ import annotations

from typing import Annotated

import typer

from ragkit.cli.option import (
    AuditOption,
    EmbedderOption,
    GeneratorOption,
    GeneratorUrlOption,
    IndexOption,
    JsonOption,
    MinConfidenceOption,
    WhereOption,
    read_question,
    read_where,
)
from ragkit.cli.session import session_of


def ask(
    context: typer.Context,
    question: Annotated[
        list[str],
        typer.Argument(metavar="QUESTION", help="The question; - reads it from standard input."),
    ],
    index: IndexOption = None,
    json: JsonOption = False,
    embedder: EmbedderOption = None,
    k: Annotated[
        int | None,
        typer.Option("-k", min=1, metavar="N", show_default=False, help="Passages to look at."),
    ] = None,
    where: WhereOption = None,
    generator: GeneratorOption = None,
    generator_url: GeneratorUrlOption = None,
    min_confidence: MinConfidenceOption = None,
    audit: AuditOption = None,
) -> None:
    """Answer a question from the documents, with a citation for every sentence."""
    session = session_of(context, index=index, json=json, embedder=embedder)
    terminal = session.terminal()
    text, filters = read_question(question), read_where(where)
    with session.open(
        generator=generator,
        generator_url=generator_url,
        min_confidence=min_confidence,
        audit=audit,
    ) as rag:
        from ragkit.cli.streaming import answer_of, can_stream

        if can_stream(terminal, rag):
            answer = answer_of(terminal, rag.stream(text, k=k, where=filters))
        else:
            answer = rag.ask(text, k=k, where=filters)
    if terminal.json:
        terminal.document(answer.to_json())
    else:
        from ragkit.cli.answer_view import print_answer

        print_answer(terminal, answer)
