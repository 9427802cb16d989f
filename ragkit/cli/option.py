"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from ragkit_ingest.errors import UsageError

STDIN_LIMIT = 1_000_000
"""Characters read from standard input for one question; the pipeline allows far fewer."""


class Half(StrEnum):
    """Which entries of a file are looked at."""

    ALL = "all"
    EVEN = "even"
    ODD = "odd"


IndexOption = Annotated[
    str | None,
    typer.Option(
        "--index",
        metavar="DIR",
        show_default=False,
        help="The index folder. Default: $RAGKIT_INDEX, else .ragkit in the working folder.",
    ),
]
EmbedderOption = Annotated[
    str | None,
    typer.Option(
        "--embedder",
        metavar="NAME",
        show_default=False,
        help="minilm, st:PATH-OR-NAME or endpoint:MODEL. Default: as in ragkit.toml, else the one "
        "that made the index, else minilm.",
    ),
]
GeneratorOption = Annotated[
    str | None,
    typer.Option(
        "--generator",
        metavar="NAME",
        show_default=False,
        help="What writes the answer: extractive, openai:MODEL or local:PATH[+ADAPTER]. "
        "Default: as in ragkit.toml, else extractive, the documents' own sentences.",
    ),
]
GeneratorUrlOption = Annotated[
    str | None,
    typer.Option(
        "--generator-url",
        metavar="URL",
        show_default=False,
        help="The endpoint of openai:MODEL, such as http://127.0.0.1:11434/v1. Passages and "
        "questions are sent there.",
    ),
]
MinConfidenceOption = Annotated[
    float | None,
    typer.Option(
        "--min-confidence",
        min=0.0,
        max=1.0,
        metavar="P",
        show_default=False,
        help="Withhold answers less likely than this. Default: as in ragkit.toml, else 0.36.",
    ),
]
AuditOption = Annotated[
    str | None,
    typer.Option(
        "--audit",
        metavar="FILE",
        show_default=False,
        help="Add a record of every answer to this file; `ragkit audit FILE` reads it.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print JSON on stdout, and nothing else there.")
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="KEY=VALUE",
        show_default=False,
        help="Only documents whose metadata has this value. May be repeated; all must hold.",
    ),
]


def clean_argument(text: str) -> str:
    """Return an argument with bytes that are no UTF-8 replaced, so that it can be stored."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def read_question(words: Sequence[str]) -> str:
    """Return the question on the command line, or the one on standard input for `-`.

    Raises:
        UsageError: If it is empty.
    """
    if list(words) == ["-"]:
        question = sys.stdin.read(STDIN_LIMIT) if sys.stdin is not None else ""
    else:
        question = clean_argument(" ".join(words))
    if not question.strip():
        raise UsageError(
            'the question is empty; ask for example: ragkit ask "How long is the notice period?"'
        )
    return question.strip()


def read_where(pairs: Sequence[str] | None) -> dict[str, str] | None:
    """Return the filters as a mapping; None if there are none.

    Raises:
        UsageError: If one is not KEY=VALUE, or a key is given two values.
    """
    filters: dict[str, str] = {}
    for pair in map(clean_argument, pairs or ()):
        key, equals, value = pair.partition("=")
        key = key.strip()
        if not (key and equals and value.strip()):
            raise UsageError(f"--where {pair!r} is not KEY=VALUE, such as department=legal")
        if filters.setdefault(key, value.strip()) != value.strip():
            raise UsageError(f"--where gives {key!r} two values; a document has only one")
    return filters or None


def read_span(span: str | None) -> tuple[int, int] | None:
    """Return the two character offsets of A:B.

    Raises:
        UsageError: If it is not two whole numbers in order.
    """
    if span is None:
        return None
    match = re.fullmatch(r"(\d{1,12}):(\d{1,12})", span.strip(), re.ASCII)
    if match is None:
        raise UsageError(f"--span {span!r} is not A:B, two character offsets such as 120:180")
    start, end = int(match[1]), int(match[2])
    if start > end:
        raise UsageError(f"--span {span} ends before it starts")
    return start, end
