"""Excel workbooks (.xlsx, .xlsm): values as the cells show them, one page a range of rows."""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from xml.etree.ElementTree import ParseError

from lxml import etree  # type: ignore[import-untyped]

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.parse.builder import DocumentBuilder
from ragkit_ingest.parse.extra import load
from ragkit_ingest.parse.number import shown
from ragkit_ingest.parse.openxml import core_properties, open_package
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.sheet import MAX_CELLS, Row, add_sheet
from ragkit_ingest.records import Document, MetadataValue

_LAST_ROW = 1_048_576
_MERGE = re.compile(
    rb"<(?:\w+:)?mergeCell\s[^>]{0,200}?ref=\"([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})\""
)
_TAIL_BYTES = 1 << 22


class XlsxParser:
    """Reads workbooks and templates of Excel 2007 and later."""

    name = "xlsx"
    version = 1
    suffixes = frozenset({".xlsx", ".xlsm", ".xltx", ".xltm"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document; hidden sheets are read like the others.

        Raises:
            BrokenFileError: If the file is no workbook.
            ParserLimitError: If it holds too much.
            PasswordError: If it is encrypted and no password opens it.
            MissingReaderError: If the extra `office` is not installed.
        """
        openpyxl = load("openpyxl", "Excel files")
        with open_package(source) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                workbook = openpyxl.load_workbook(
                    file, read_only=True, data_only=True, keep_links=False
                )
                return _read(workbook, core_properties(file))
            except (
                openpyxl.utils.exceptions.InvalidFileException, KeyError, ValueError, TypeError,
                AttributeError, IndexError, RecursionError, ParseError, etree.LxmlError,
                zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError,
                OverflowError, AssertionError,
            ) as exc:  # fmt: skip
                raise BrokenFileError(f"the workbook is damaged: {exc}") from exc


def _read(workbook: Any, metadata: dict[str, MetadataValue]) -> Document:
    builder = DocumentBuilder("xlsx")
    builder.title = str(metadata.get("title", ""))
    budget = _Budget(builder)
    for sheet in workbook.worksheets:
        add_sheet(builder, sheet.title, _rows(sheet, budget))
    return builder.build(metadata)


@dataclass(slots=True)
class _Budget:
    """How many cells of a workbook may still be read."""

    builder: DocumentBuilder
    left: int = MAX_CELLS

    def spend(self, cells: int, name: str, number: int) -> bool:
        """Whether a row can still be read."""
        if self.left <= 0:
            return False
        self.left -= max(cells, 1)
        if self.left <= 0:
            self.builder.notice(
                f"the workbook holds more than {MAX_CELLS} cells; of sheet {name} only the rows "
                f"up to {number} were read"
            )
        return True


def _rows(sheet: Any, budget: _Budget) -> Iterator[Row]:
    merges = _Merges(_merge_starts(sheet))
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        if number > _LAST_ROW or not budget.spend(len(cells), sheet.title, number):
            return
        texts = [
            shown(cell.value, cell.number_format) if cell.value is not None else ""
            for cell in cells
        ]
        yield number, merges.fill(number, texts)


def _merge_starts(sheet: Any) -> dict[int, list[tuple[int, int]]]:
    """Return, by the first row of a cell merged downwards, its column and its last row.

    The library knows none while it streams, since they stand at the end of a sheet's XML.
    """
    column_index = load("openpyxl.utils", "Excel files").column_index_from_string
    starts: dict[int, list[tuple[int, int]]] = {}
    with sheet._get_source() as stream:
        for left, top, _, bottom in _MERGE.findall(_tail(stream)):
            if int(bottom) > int(top):
                column = column_index(left.decode()) - 1
                starts.setdefault(int(top), []).append((column, int(bottom)))
    return starts


def _tail(stream: BinaryIO) -> bytes:
    tail = b""
    while block := stream.read(1 << 20):
        tail = (tail + block)[-_TAIL_BYTES:]
    return tail


@dataclass(slots=True)
class _Merges:
    """Repeats what stands in a cell that is merged downwards in the rows it reaches."""

    starts: dict[int, list[tuple[int, int]]]
    _reaching: dict[int, tuple[int, str]] = field(default_factory=dict)

    def fill(self, number: int, texts: list[str]) -> list[str]:
        """Return a row with the cells that reach it; an empty row stays empty."""
        if any(texts):
            for column, (last, text) in list(self._reaching.items()):
                if number > last:
                    del self._reaching[column]
                elif column < len(texts) and not texts[column]:
                    texts[column] = text
        for column, last in self.starts.get(number, ()):
            if column < len(texts) and texts[column]:
                self._reaching[column] = (last, texts[column])
        return texts
