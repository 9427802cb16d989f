"""CSV and TSV: every row becomes one row of text, named by the header row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.parse.builder import DocumentBuilder, fold_space
from ragkit_ingest.parse.encoding import decode
from ragkit_ingest.parse.file import read_bytes
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.row import render_row
from ragkit_ingest.records import BlockKind, Document

_DELIMITERS = ",;\t|"
_SAMPLE_ROWS = 50
_CONSTANT_ROWS = 3
_VALUE = re.compile(r"^[\s\d.,:/%+\-\u20ac$\u00a3()]*\d[\s\d.,:/%+\-\u20ac$\u00a3()]*$")
_LETTER = re.compile(r"[^\W\d_]")
_MAX_FIELD = 1 << 24


class DelimitedParser:
    """Reads comma, semicolon, tab and bar separated values."""

    name = "delimited"
    version = 1
    suffixes = frozenset({".csv", ".tsv", ".tab"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document, one block a row.

        Raises:
            BrokenFileError: If the file is not text or a field never ends.
        """
        decoded = decode(read_bytes(source.path))
        builder = DocumentBuilder("delimited")
        delimiter = "\t" if source.path.suffix.lower() != ".csv" else None
        try:
            for kind, text in blocks_of(decoded.text, delimiter):
                builder.add(kind, text)
        except csv.Error as exc:
            raise BrokenFileError(f"the table cannot be read: {exc}") from exc
        for notice in decoded.notices:
            builder.notice(notice)
        return builder.build()


def blocks_of(text: str, delimiter: str | None = None) -> Iterator[tuple[BlockKind, str]]:
    """Yield the table as text, row by row; the header row names the cells of the others.

    What holds for every row, a column with one value, is said once, before them: repeated in
    each it would say more about the table than about the row.

    Args:
        text: The whole table.
        delimiter: The character between cells; None to find out.

    Raises:
        csv.Error: If a field exceeds 16 MiB.
    """
    titles, header, rows = _table(text, delimiter)
    for title in titles:
        yield BlockKind.PARAGRAPH, title
    same = _constant_columns(header, rows)
    if same:
        yield BlockKind.PARAGRAPH, f"In every row: {render_row(*_picked(header, rows[0], same))}"
    varying = [column for column in range(_width(rows)) if column not in same]
    for row in rows:
        yield BlockKind.TABLE_ROW, render_row(*_picked(header, row, varying))


def _table(text: str, delimiter: str | None) -> tuple[list[str], list[str], list[list[str]]]:
    """Return the titles above the table, its header (empty if there is none) and its rows."""
    csv.field_size_limit(_MAX_FIELD)
    delimiter = delimiter or _delimiter(text)
    reader = csv.reader(io.StringIO(text.replace("\x00", "")), delimiter=delimiter)
    cells = ([fold_space(cell) for cell in row] for row in reader)
    rows = [row for row in cells if any(row)]
    widest = max((sum(map(bool, row)) for row in rows[:_SAMPLE_ROWS]), default=0)
    titles = []
    while len(rows) > 1 and sum(map(bool, rows[0])) == 1 < widest:
        titles.append(render_row((), rows.pop(0)))
    header = rows.pop(0) if _has_header(rows[:_SAMPLE_ROWS]) else []
    return titles, header, rows


def _constant_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Return the named columns that hold one and the same value in every row."""
    if len(rows) < _CONSTANT_ROWS:
        return []
    return [
        column
        for column, name in enumerate(header)
        if name and all(len(row) > column and row[column] == rows[0][column] for row in rows)
    ]


def _picked(
    header: Sequence[str], row: Sequence[str], columns: Sequence[int]
) -> tuple[list[str], list[str]]:
    named = [header[column] for column in columns if column < len(header)]
    return named, [row[column] for column in columns if column < len(row)]


def _width(rows: Sequence[Sequence[str]]) -> int:
    return max(map(len, rows), default=0)


def _delimiter(text: str) -> str:
    """Return the delimiter that splits the first rows into most cells, evenly."""

    def score(delimiter: str) -> tuple[float, int]:
        sample = csv.reader(io.StringIO(text[: 1 << 16]), delimiter=delimiter)
        counts = [len(row) for row in islice(sample, _SAMPLE_ROWS) if row]
        usual = max(set(counts), key=counts.count, default=1)
        return (counts.count(usual) / max(len(counts), 1) if usual > 1 else 0.0, usual)

    return max(_DELIMITERS, key=score)


def _has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: full, distinct, and without bare numbers."""
    if len(rows) < 2 or len(rows[0]) < 2:
        return False
    first = rows[0]
    named = [cell for cell in first if cell]
    if len(named) < len(first) - 1 or len(set(named)) < len(named):
        return False
    if any(_VALUE.match(cell) or len(cell) > 80 or not _LETTER.search(cell) for cell in named):
        return False
    values = any(_VALUE.match(cell) for row in rows[1:] for cell in row)
    short = sum(map(len, named)) / len(named) <= 30
    return values or short
