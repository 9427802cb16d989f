"""Text of documents and models within Markdown: shown as it is, and never acting."""

from __future__ import annotations

import re

from ragkit.inert import inert

_SIGNS = re.compile(r"([\\`*_{}\[\]()#+!|~<>&$^:@=-])")
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069]+")


def plain(text: str, *, longest: int = 0) -> str:
    """Return a text as one line of Markdown that shows just these characters.

    White space becomes single spaces, control and direction characters go, and signs of Markdown
    and HTML are escaped, so that it can stand in a paragraph, a list or a cell of a table.

    Args:
        text: As somebody wrote it.
        longest: Characters to keep, then "..."; 0 for all.
    """
    line = " ".join(_INVISIBLE.sub(" ", text).split())
    if longest and len(line) > longest:
        line = line[:longest].rstrip() + " ..."
    return _SIGNS.sub(r"\\\1", inert(line))


def row(cells: list[str]) -> str:
    """Return a row of a table of cells that are Markdown already."""
    return f"| {' | '.join(cells)} |"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Return the lines of a table, its first column left and the others right."""
    marks = ["---", *(["---:"] * (len(head) - 1))]
    return [row(head), row(marks), *map(row, rows)]
