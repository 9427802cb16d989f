"""CSV and TSV: every row becomes one row of text, named by the header row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
        builder.notice(*decoded.notices)
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
    csv.field_size_limit(_MAX_FIELD)
    delimiter = delimiter or _delimiter(text)
    reader = csv.reader(io.StringIO(text.replace("\x00", "")), delimiter=delimiter)
    table = read_table([[fold_space(cell) for cell in row] for row in reader])
    for kind, line, _ in table.blocks():
        yield kind, line


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, told apart.

    Attributes:
        titles: Lines above the table, with their row's place.
        header: Names of the columns; empty if no row names them.
        rows: The others that are not empty, with their place, counted from 0.
    """

    titles: tuple[tuple[int, str], ...]
    header: tuple[str, ...]
    rows: tuple[tuple[int, Sequence[str]], ...]

    def blocks(self) -> Iterator[tuple[BlockKind, str, int]]:
        """Yield the kind, the text and the place of every line that tells the table."""
        for place, title in self.titles:
            yield BlockKind.PARAGRAPH, title, place
        rows = [row for _, row in self.rows]
        same = _constant_columns(self.header, rows)
        if same:
            told = render_row(*_picked(self.header, rows[0], same))
            yield BlockKind.PARAGRAPH, f"In every row: {told}", self.rows[0][0]
        varying = [column for column in range(_width(rows)) if column not in same]
        for place, row in self.rows:
            text = render_row(*_picked(self.header, row, varying))
            yield BlockKind.TABLE_ROW, text, place


def read_table(
    cells: Sequence[Sequence[str]], carried: Sequence[str] = (), *, forms: bool = False
) -> Table:
    """Return a table's titles, header and rows.

    Args:
        cells: The text of every cell, row by row.
        carried: The header of the table that this one goes on, if it has none of its own.
        forms: Whether two columns may be names and their values, as in a form, so that only
            numbers beneath it make the first row a header.
    """
    rows = [(place, row) for place, row in enumerate(cells) if any(row)]
    widest = max((sum(map(bool, row)) for _, row in rows[:_SAMPLE_ROWS]), default=0)
    titles: list[tuple[int, str]] = []
    while len(rows) > 1 and sum(map(bool, rows[0][1])) == 1 < widest:
        place, row = rows.pop(0)
        titles.append((place, render_row((), row)))
    header = tuple(carried)
    sample = [row for _, row in rows[:_SAMPLE_ROWS]]
    if _has_header(sample) and not (forms and _is_form(sample)):
        header = tuple(rows.pop(0)[1])
    return Table(tuple(titles), header, tuple(rows))


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


def _is_form(rows: Sequence[Sequence[str]]) -> bool:
    if _width(rows) != 2:
        return False
    return not all(len(row) < 2 or not row[1] or _VALUE.match(row[1]) for row in rows[1:])


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
