"""Old Excel workbooks (.xls): values as the cells show them, one page a range of rows."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from ragkit_ingest.errors import BrokenFileError, PasswordError
from ragkit_ingest.parse.builder import DocumentBuilder
from ragkit_ingest.parse.extra import load
from ragkit_ingest.parse.file import read_bytes
from ragkit_ingest.parse.number import shown
from ragkit_ingest.parse.openxml import decrypted
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.sheet import Row, add_sheet
from ragkit_ingest.records import Document

_MAX_BYTES = 256 * 1024**2


class XlsParser:
    """Reads workbooks of Excel 2.0 to 2003."""

    name = "xls"
    version = 1
    suffixes = frozenset({".xls", ".xlt"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document; hidden sheets are read like the others.

        Raises:
            BrokenFileError: If the file is no old workbook.
            PasswordError: If it is encrypted and no password opens it.
            MissingReaderError: If the extra `office` is not installed.
        """
        data = read_bytes(source.path, _MAX_BYTES)
        try:
            workbook = _open(data)
        except PasswordError:
            workbook = _open(decrypted(source, data))
        builder = DocumentBuilder("xls")
        try:
            for sheet in workbook.sheets():
                add_sheet(builder, sheet.name, _rows(workbook, sheet))
        except (ValueError, TypeError, KeyError, IndexError, OverflowError) as exc:
            raise BrokenFileError(f"the workbook is damaged: {exc}") from exc
        return builder.build()


def _open(data: bytes) -> Any:
    xlrd = load("xlrd", "XLS files")
    if data.startswith(b"PK"):
        raise BrokenFileError("this is a workbook in the newer format; name it .xlsx")
    # Formats are told only for some versions; without them the values are still there.
    failure: Exception | None = None
    for formatting in (True, False):
        try:
            return xlrd.open_workbook(
                file_contents=data, formatting_info=formatting, logfile=_Silent()
            )
        except (
            xlrd.XLRDError, xlrd.compdoc.CompDocError, AssertionError, struct.error, KeyError,
            ValueError, TypeError, IndexError, AttributeError, OverflowError, NotImplementedError,
            RecursionError, EOFError, UnicodeError, LookupError,
        ) as exc:  # fmt: skip
            if "encrypted" in str(exc).lower():
                raise PasswordError("the workbook is encrypted") from exc
            failure = exc
    raise BrokenFileError(f"the workbook cannot be read: {failure}") from failure


class _Silent:
    """Where the library's messages go."""

    def write(self, text: str) -> int:
        """Take a message."""
        return len(text)

    def flush(self) -> None:
        """Do nothing."""


def _rows(workbook: Any, sheet: Any) -> Iterator[Row]:
    below = {
        (row, left): (top, left)
        for top, bottom, left, _ in sheet.merged_cells[:10_000]
        for row in range(top + 1, min(bottom, sheet.nrows))
    }
    for number in range(sheet.nrows):
        texts = [_shown(workbook, sheet, number, column) for column in range(sheet.row_len(number))]
        if any(texts):
            for column in range(len(texts)):
                source = below.get((number, column))
                if (
                    source is not None
                    and not texts[column]
                    and source[1] < sheet.row_len(source[0])
                ):
                    texts[column] = _shown(workbook, sheet, *source)
        yield number + 1, texts


def _shown(workbook: Any, sheet: Any, row: int, column: int) -> str:
    xlrd = load("xlrd", "XLS files")
    cell = sheet.cell(row, column)
    if cell.ctype == xlrd.XL_CELL_DATE:
        return _date(xlrd, cell.value, workbook.datemode)
    if cell.ctype == xlrd.XL_CELL_NUMBER:
        return shown(_whole(cell.value), _format(workbook, cell))
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return shown(bool(cell.value))
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return str(xlrd.error_text_from_code.get(cell.value, "#ERROR"))
    return str(cell.value)


def _date(xlrd: Any, value: float, mode: int) -> str:
    try:
        moment = xlrd.xldate_as_datetime(value, mode)
    except (ValueError, OverflowError):
        return shown(value)
    return shown(moment.time() if 0 <= value < 1 else moment)


def _whole(value: float) -> float:
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def _format(workbook: Any, cell: Any) -> str:
    if cell.xf_index is None or cell.xf_index >= len(workbook.xf_list):
        return "General"
    found = workbook.format_map.get(workbook.xf_list[cell.xf_index].format_key)
    return "General" if found is None else str(found.format_str)
