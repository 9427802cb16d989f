"""Rows of tables, of every format, as text.

A row reads "Header: value; Header: value" where the header row can be told safely, and
"value | value" where it cannot.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NUMBER = re.compile(r"\d")
_HEADER_CHARS = 60


@dataclass(frozen=True, slots=True)
class Cell:
    """The text of one cell and whether all of it is bold."""

    text: str
    bold: bool = False


def render_row(header: Sequence[str], cells: Sequence[str]) -> str:
    """Return a row as text, "Header: value; Header: value" or "value | value".

    Args:
        header: Names of the columns; empty if they are not known.
        cells: Values, one a column; more values than names are kept without a name.
    """
    if not any(header):
        filled = [cell for cell in cells if cell]
        if len(filled) == 2 and filled[0].endswith(":"):
            return " ".join(filled)
        return " | ".join(filled)
    names = [*header, *[""] * (len(cells) - len(header))]
    pairs = [
        f"{name.rstrip(':')}: {cell}" if name else cell
        for name, cell in zip(names, cells, strict=False)
        if cell
    ]
    return "; ".join(pairs)


def header_of(rows: Sequence[Sequence[Cell]], *, marked: bool = False) -> tuple[str, ...]:
    """Return the names of the columns, or nothing if the first row cannot be told to be one.

    Args:
        rows: The whole table.
        marked: Whether something besides the text speaks for a header: ruled lines, a style.
    """
    if len(rows) < 2:
        return ()
    first, body = rows[0], rows[1:]
    named = [cell for cell in first if cell.text]
    if len(named) < max(2, len(first) - 1) or any(len(c.text) > _HEADER_CHARS for c in named):
        return ()
    if any(cell.text.endswith(":") for cell in named) or len({c.text for c in named}) < len(named):
        return ()
    bold_body = sum(cell.bold for row in body for cell in row if cell.text)
    total_body = sum(1 for row in body for cell in row if cell.text)
    if all(cell.bold for cell in named):
        return tuple(c.text for c in first) if bold_body < 0.6 * total_body else ()
    if any(_NUMBER.search(cell.text) for cell in named):
        return ()
    numeric = sum(bool(_NUMBER.search(cell.text)) for row in body for cell in row)
    if len(first) >= 3 and (marked or numeric >= 0.3 * total_body):
        return tuple(cell.text for cell in first)
    return ()
