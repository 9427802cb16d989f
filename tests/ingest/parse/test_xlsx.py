from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl  # type: ignore[import-untyped]
import pytest

from ragkit_ingest.errors import BrokenFileError, ParserLimitError
from ragkit_ingest.parse.number import number_text
from ragkit_ingest.parse.sheet import column_name
from ragkit_ingest.records import Document

Parse = Callable[[str, bytes], Document]
Blocks = Callable[[Document], list[tuple[str, str]]]


def saved(book: Any) -> bytes:
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def book_of(*rows: tuple[object, ...], name: str = "Prices") -> Any:
    book = openpyxl.Workbook()
    book.active.title = name
    for row in rows:
        book.active.append(row)
    return book


def test_rows_keep_their_header_and_pages_name_the_range(parse: Parse, blocks: Blocks) -> None:
    book = book_of(
        ("Price list",),
        ("Model", "Price", "From"),
        ("QK", 12.5, date(2026, 1, 2)),
        ("HE", 15, datetime(2026, 3, 4, 9, 30)),
    )
    book.active["B3"].number_format = '0.00 "EUR"'
    book.create_sheet("Empty")
    other = book.create_sheet("Rates")
    other["C5"], other["D5"], other["C6"], other["D6"] = "Year", "Rate", "first", 0.125
    other["D6"].number_format = "0.0%"
    document = parse("a.xlsx", saved(book))
    assert blocks(document) == [
        ("h2", "Prices"),
        ("paragraph", "Price list"),
        ("table_row", "Model: QK; Price: 12.50 EUR; From: 2026-01-02"),
        ("table_row", "Model: HE; Price: 15; From: 2026-03-04 09:30"),
        ("h2", "Rates"),
        ("table_row", "Year: first; Rate: 12.5%"),
    ]
    assert [page.label for page in document.pages] == ["Prices!A1:C4", "Rates!C5:D6"]


def test_empty_rows_part_tables_and_a_table_that_goes_on_keeps_its_header(parse: Parse) -> None:
    book = book_of(("Model", "Price"), ("QK", 12), (), ("HE", 15), (), ("only a remark",))
    document = parse("a.xlsx", saved(book))
    assert document.text == ("Prices\n\nModel: QK; Price: 12\nModel: HE; Price: 15\nonly a remark")
    assert [page.label for page in document.pages] == ["Prices!A1:B2", "Prices!A4:B4", "Prices!A6"]


def test_merged_cells_hold_for_every_row(parse: Parse) -> None:
    book = book_of(("Kind", "Model", "Price"), ("soft", "QK", 1), (None, "HE", 2), ("hard", "Z", 3))
    book.active.merge_cells("A2:A3")
    assert "Kind: soft; Model: HE; Price: 2" in parse("a.xlsx", saved(book)).text


def test_a_form_is_no_table(parse: Parse) -> None:
    book = book_of(("Client", "Hector"), ("Place", "Prague"), ("Since", "spring"))
    assert parse("a.xlsx", saved(book)).text.endswith(
        "Client | Hector\nPlace | Prague\nSince | spring"
    )


def test_long_tables_have_many_pages(parse: Parse) -> None:
    book = book_of(("Number", "Square", "Name"), *((n, n * n, f"n{n}") for n in range(1, 121)))
    document = parse("a.xlsx", saved(book))
    labels = [page.label for page in document.pages]
    assert labels == ["Prices!A1:C50", "Prices!A51:C100", "Prices!A101:C121"]
    last = document.pages[-1]
    assert document.text[last.start : last.end].startswith("Number: 100; Square: 10000")


def test_a_dimension_that_lies_costs_nothing(parse: Parse) -> None:
    buffer = io.BytesIO()
    data = saved(book_of(("a", "b"), ("c", "d")))
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("sheet1.xml"):
                content = content.replace(b'ref="A1:B2"', b'ref="A1:XFD1048576"')
            new.writestr(name, content)
    assert "a | b\nc | d" in parse("a.xlsx", buffer.getvalue()).text


def test_hostile_workbooks(parse: Parse) -> None:
    data = saved(book_of(("a", "b")))
    for bad in (b"text", data[: len(data) // 2]):
        with pytest.raises(BrokenFileError):
            parse("a.xlsx", bad)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", b"<a/>")
        archive.writestr("xl/workbook.xml", bytes(32 << 20))
    with pytest.raises(ParserLimitError, match="times its size"):
        parse("bomb.xlsx", buffer.getvalue())


def test_entities_in_a_sheet_are_not_expanded(parse: Parse) -> None:
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    head = f'<!DOCTYPE worksheet [<!ENTITY l0 "ha">{laughs}]>'.encode()
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(saved(book_of(("MARK", "b"))))) as old,
        zipfile.ZipFile(buffer, "w") as new,
    ):
        for name in old.namelist():
            content = old.read(name)
            if name.endswith(("sheet1.xml", "sharedStrings.xml")):
                start = content.index(b"<", content.find(b"?>") + 1)
                content = content[:start] + head + content[start:].replace(b"MARK", b"&l11;")
            new.writestr(name, content)
    try:
        assert len(parse("a.xlsx", buffer.getvalue()).text) < 100
    except BrokenFileError:
        return


@pytest.mark.parametrize(
    ("value", "format", "text"),
    [
        (0.256, "0%", "26%"),
        (1234.5, "#,##0.00", "1234.50"),
        (-3, "0;(0)", "-3"),
        (5, "000", "005"),
        (2.5, "[$\u20ac-407] #,##0.00", "\u20ac2.50"),
        (3, '0 "kg"', "3 kg"),
        (0.1 + 0.2, "General", "0.3"),
        (1e20, "0", "1e+20"),
        (1.50, "0.##", "1.5"),
    ],
)
def test_numbers_as_shown(value: float, format: str, text: str) -> None:
    assert number_text(value, format) == text


def test_column_names() -> None:
    assert [column_name(i) for i in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]


def test_no_date_is_made_up(parse: Parse, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(saved(book_of(("a", "b"))))) as old,
        zipfile.ZipFile(buffer, "w") as new,
    ):
        for name in old.namelist():
            if name != "docProps/core.xml":
                new.writestr(name, old.read(name))
    assert parse("a.xlsx", buffer.getvalue()).metadata == {}
