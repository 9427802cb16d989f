from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.records import Document

Parse = Callable[[str, bytes], Document]


def record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def old_book(*rows: tuple[str | float, ...]) -> bytes:
    """Return a workbook of Excel 2.1, the simplest there is."""
    parts = [record(0x0009, struct.pack("<HH", 2, 0x10))]
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            place = struct.pack("<HH3x", number, column)
            if isinstance(value, str):
                data = value.encode("cp1252")
                parts.append(record(0x0004, place + bytes([len(data)]) + data))
            else:
                parts.append(record(0x0003, place + struct.pack("<d", value)))
    return b"".join([*parts, record(0x000A, b"")])


def test_an_old_workbook(parse: Parse) -> None:
    document = parse("a.xls", old_book(("Model", "Price"), ("QK", 12.5), ("HE", 15.0)))
    assert document.text.endswith("Model: QK; Price: 12.5\nModel: HE; Price: 15")
    assert document.pages[0].label.endswith("!A1:B3")


@pytest.mark.parametrize(
    "data", [b"text", b"PK\x03\x04", old_book(("a",))[:3], b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 99]
)
def test_what_is_no_workbook_is_refused(parse: Parse, data: bytes) -> None:
    with pytest.raises(BrokenFileError):
        parse("a.xls", data)


def test_a_binary_workbook_that_is_none_is_refused(parse: Parse) -> None:
    with pytest.raises(BrokenFileError):
        parse("a.xlsb", b"text")
