"""`ragkit show`: a document's text as it is stored and cited."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.cli.option import EmbedderOption, IndexOption, JsonOption, clean_argument, read_span
from ragkit.cli.session import session_of
from ragkit.cli.terminal import Terminal, harmless, one_line

if TYPE_CHECKING:
    from ragkit_ingest.status import StoredText


def show(
    context: typer.Context,
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="A document, as `ragkit status` names it.")
    ],
    index: IndexOption = None,
    json: JsonOption = False,
    embedder: EmbedderOption = None,
    span: Annotated[
        str | None,
        typer.Option(
            "--span",
            metavar="A:B",
            show_default=False,
            help="Only the characters from A up to B, as a citation gives them.",
        ),
    ] = None,
) -> None:
    """Print the stored text of a document, or a stretch of it."""
    session = session_of(context, index=index, json=json, embedder=embedder)
    terminal = session.terminal()
    offsets = read_span(span)
    with session.open() as rag:
        stored = rag.show(clean_argument(path), span=offsets)
    if terminal.json:
        terminal.document(stored.to_json())
    elif not terminal.out.is_terminal:
        sys.stdout.write(stored.text)
    elif offsets is not None:
        sys.stdout.write(harmless(stored.text).rstrip("\n") + "\n")
    else:
        _print_pages(terminal, stored)


def _print_pages(terminal: Terminal, stored: StoredText) -> None:
    from rich.text import Text

    position = stored.start
    for number, label, start, end in stored.pages:
        _print_text(terminal, stored, position, start)
        name = f" ({one_line(label)})" if label not in ("", str(number)) else ""
        terminal.out.print(Text(f"-- page {number}{name} --", style="dim"))
        _print_text(terminal, stored, start, end)
        position = end
    _print_text(terminal, stored, position, stored.end)


def _print_text(terminal: Terminal, stored: StoredText, start: int, end: int) -> None:
    from rich.text import Text

    text = stored.text[max(0, start - stored.start) : max(0, end - stored.start)].strip("\n")
    if text:
        terminal.out.print(Text(harmless(text)), soft_wrap=True)
