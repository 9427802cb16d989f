from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest

from ragkit_ingest.errors import BrokenFileError, PasswordError
from ragkit_ingest.records import Document

Parse = Callable[[str, bytes], Document]
Blocks = Callable[[Document], list[tuple[str, str]]]

_NAMES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for name in ("office", "text", "table", "draw", "presentation", "style", "meta", "manifest")
)


def content(body: str, styles: str = "") -> str:
    return (
        f"<office:document-content {_NAMES}><office:automatic-styles>{styles}"
        f"</office:automatic-styles><office:body>{body}</office:body></office:document-content>"
    )


def zipped(body: str, styles: str = "", **members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("content.xml", content(body, styles))
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), data)
    return buffer.getvalue()


def cells(*texts: str) -> str:
    return "".join(
        f"<table:table-cell><text:p>{text}</text:p></table:table-cell>" for text in texts
    )


def test_a_text(parse: Parse, blocks: Blocks) -> None:
    styles = (
        '<text:list-style style:name="L1"><text:list-level-style-number text:level="1" '
        'style:num-format="1"/></text:list-style>'
        '<style:style style:name="P1" style:parent-style-name="Title"/>'
    )
    body = (
        "<office:text><text:tracked-changes><text:p>gone</text:p></text:tracked-changes>"
        '<text:p text:style-name="P1">Leave</text:p>'
        '<text:h text:outline-level="2">Days</text:h>'
        "<text:p>You have<text:s/><text:span>26</text:span> days<text:note>"
        "<text:note-citation>1</text:note-citation><text:note-body><text:p>a year</text:p>"
        "</text:note-body></text:note>.</text:p>"
        '<text:list text:style-name="L1"><text:list-item><text:p>ask</text:p></text:list-item>'
        "<text:list-item><text:p>wait</text:p></text:list-item></text:list>"
        "<table:table><table:table-header-rows><table:table-row>"
        f"{cells('Occasion', 'Leave')}</table:table-row></table:table-header-rows>"
        f"<table:table-row>{cells('Moving', '1 day')}</table:table-row></table:table>"
        "</office:text>"
    )
    document = parse("a.odt", zipped(body, styles))
    assert blocks(document) == [
        ("h1", "Leave"),
        ("h2", "Days"),
        ("paragraph", "You have 26 days[1]."),
        ("paragraph", "[1] a year"),
        ("list_item", "1. ask"),
        ("list_item", "2. wait"),
        ("table_row", "Occasion: Moving; Leave: 1 day"),
    ]
    assert document.title == "Leave"


def test_sheets_have_ranges_and_repeated_rows_are_bounded(parse: Parse) -> None:
    body = (
        '<office:spreadsheet><table:table table:name="Prices">'
        f"<table:table-row>{cells('Model', 'Price')}</table:table-row>"
        '<table:table-row table:number-rows-repeated="3"><table:table-cell/></table:table-row>'
        f"<table:table-row>{cells('QK', '12')}<table:table-cell "
        'table:number-columns-repeated="16382"/></table:table-row>'
        '<table:table-row table:number-rows-repeated="999999999">'
        f"{cells('x', '1')}</table:table-row></table:table></office:spreadsheet>"
    )
    document = parse("a.ods", zipped(body))
    assert document.pages[1].label.startswith("Prices!A5:B")
    assert len(document.text) < 50_000


def test_slides_are_pages(parse: Parse) -> None:
    frame = "<draw:frame{}><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>"
    body = (
        '<office:presentation><draw:page draw:name="page1">'
        + frame.format("", "Second")
        + frame.format(' presentation:class="title"', "First")
        + "<presentation:notes>"
        + frame.format(' presentation:class="notes"', "Smile")
        + "</presentation:notes></draw:page></office:presentation>"
    )
    document = parse("a.odp", zipped(body))
    assert document.text == "First\n\nSecond\n\nNotes: Smile"
    assert [page.label for page in document.pages] == ["Slide 1"]


def test_flat_files(parse: Parse) -> None:
    data = content("<office:text><text:p>Flat</text:p></office:text>").encode()
    assert parse("a.fodt", data).text == "Flat"


def test_encrypted_and_broken_files(parse: Parse) -> None:
    manifest = (
        f"<manifest:manifest {_NAMES}><manifest:file-entry><manifest:encryption-data/>"
        "</manifest:file-entry></manifest:manifest>"
    )
    with pytest.raises(PasswordError):
        parse("a.odt", zipped("<office:text/>", **{"META-INF__manifest_xml": manifest}))
    deep = "<text:section>" * 230 + "<text:p>x</text:p>" + "</text:section>" * 230
    for data in (
        b"text",
        zipped("<unclosed>"),
        zipped(""),
        zipped(f"<office:text>{deep}</office:text>"),
    ):
        with pytest.raises(BrokenFileError):
            parse("a.odt", data)
