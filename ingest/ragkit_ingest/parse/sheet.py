"""Sheets of a workbook, of every format: tables as rows, stretches of rows as pages.

A page's label is what a person types to get there: the sheet and the range, `Prices!A2:F51`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ragkit_ingest.parse.builder import DocumentBuilder, fold_space
from ragkit_ingest.parse.delimited import read_table
from ragkit_ingest.records import BlockKind

MAX_CELLS = 2_000_000
_PAGE_ROWS = 50
_REGION_ROWS = 20_000

Row = tuple[int, Sequence[str]]
"""The number of a row, counted from 1, and the text of its cells from the first column on."""


def add_sheet(builder: DocumentBuilder, name: str, rows: Iterable[Row]) -> None:
    """Add a sheet: its name as a heading, then its tables, which empty rows tell apart.

    Args:
        builder: Receives the blocks.
        name: The sheet's name.
        rows: In order; empty ones may be left out.
    """
    writer = _SheetWriter(builder, name)
    region: list[Row] = []
    for number, cells in rows:
        folded = [fold_space(cell) for cell in cells]
        if not any(folded):
            continue
        # A table that long is told in parts, so that memory holds no more than one of them.
        if region and (number > region[-1][0] + 1 or len(region) >= _REGION_ROWS):
            writer.region(region)
            region = []
        region.append((number, folded))
    if region:
        writer.region(region)


def column_name(index: int) -> str:
    """Return the letters of a column counted from 0: A, B, ... Z, AA."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


class _SheetWriter:
    """Writes the regions of one sheet; a region without header goes on the one above it."""

    def __init__(self, builder: DocumentBuilder, name: str) -> None:
        self._builder = builder
        self._name = name
        self._begun = False
        self._header: tuple[str, ...] = ()
        self._columns: list[int] = []

    def region(self, rows: Sequence[Row]) -> None:
        """Write rows that follow each other without an empty one between them."""
        columns = sorted({i for _, cells in rows for i, cell in enumerate(cells) if cell})
        carried = self._carried(rows, columns)
        if carried:
            columns = self._columns
        picked = [[cells[i] if i < len(cells) else "" for i in columns] for _, cells in rows]
        table = read_table(picked, carried, forms=True)
        if table.header:
            self._header, self._columns = table.header, columns
        first, last = column_name(columns[0]), column_name(columns[-1])
        numbers = [number for number, _ in rows]
        page_end = -1
        for kind, text, place in table.blocks():
            if place > page_end:
                start = page_end + 1
                page_end = min(start + _PAGE_ROWS, len(numbers)) - 1
                while place > page_end:
                    start, page_end = page_end + 1, min(page_end + _PAGE_ROWS, len(numbers) - 1)
                self._page(f"{first}{numbers[start]}", f"{last}{numbers[page_end]}")
            self._builder.add(kind, text)

    def _page(self, start: str, end: str) -> None:
        self._builder.page(f"{self._name}!{start}" + (f":{end}" if end != start else ""))
        if not self._begun:
            self._builder.add(BlockKind.HEADING, self._name, level=2)
            self._begun = True

    def _carried(self, rows: Sequence[Row], columns: Sequence[int]) -> tuple[str, ...]:
        """Return the header above if these rows are of the same table."""
        filled = [sum(map(bool, cells)) for _, cells in rows]
        alike = set(columns) <= set(self._columns) and min(filled) >= 2
        return self._header if alike and 2 * max(filled) > len(self._header) else ()
