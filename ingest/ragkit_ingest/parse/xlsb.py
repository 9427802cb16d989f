"""Binary Excel workbooks (.xlsb): the values of the cells, one page a range of rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.parse.builder import DocumentBuilder
from ragkit_ingest.parse.extra import load
from ragkit_ingest.parse.number import shown
from ragkit_ingest.parse.openxml import open_package
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.sheet import MAX_CELLS, Row, add_sheet
from ragkit_ingest.records import Document


class XlsbParser:
    """Reads binary workbooks of Excel 2007 and later; number formats are not known."""

    name = "xlsb"
    version = 1
    suffixes = frozenset({".xlsb"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document.

        Raises:
            BrokenFileError: If the file is no workbook.
            ParserLimitError: If it holds too much.
            PasswordError: If it is encrypted and no password opens it.
            MissingReaderError: If the extra `office` is not installed.
        """
        calamine = load("python_calamine", "XLSB files")
        builder = DocumentBuilder("xlsb")
        with open_package(source) as file:
            try:
                workbook = calamine.CalamineWorkbook.from_filelike(file)
                for name in workbook.sheet_names:
                    add_sheet(builder, name, _rows(builder, workbook.get_sheet_by_name(name)))
            except Exception as exc:
                raise BrokenFileError(f"the workbook is damaged: {exc}") from exc
            except BaseException as exc:
                # What the library, written in Rust, raises when an assertion of its own fails.
                if type(exc).__name__ != "PanicException":
                    raise
                raise BrokenFileError("the workbook is damaged: it cannot be read") from exc
        return builder.build()


def _rows(builder: DocumentBuilder, sheet: Any) -> Iterator[Row]:
    if sheet.height * sheet.width > MAX_CELLS:
        builder.notice(f"sheet {sheet.name} holds more than {MAX_CELLS} cells and was left out")
        return
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        yield number, [shown(_whole(value)) for value in cells]


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value
