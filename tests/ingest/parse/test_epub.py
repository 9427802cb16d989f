from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest

from ragkit_ingest.errors import BrokenFileError, PasswordError
from ragkit_ingest.records import Document

Parse = Callable[[str, bytes], Document]

_CONTAINER = (
    "<container xmlns='urn:oasis:names:tc:opendocument:xmlns:container'><rootfiles>"
    "<rootfile full-path='OPS/book.opf'/></rootfiles></container>"
)
_PACKAGE = (
    "<package xmlns='http://www.idpf.org/2007/opf'>"
    "<metadata xmlns:dc='http://purl.org/dc/elements/1.1/'><dc:title>Kettles</dc:title>"
    "<dc:creator>Tamsin</dc:creator><dc:creator>Hector</dc:creator></metadata><manifest>"
    "<item id='b' href='two.xhtml' media-type='application/xhtml+xml'/>"
    "<item id='n' href='nav.xhtml' media-type='application/xhtml+xml' properties='nav'/>"
    "<item id='a' href='one%20a.xhtml' media-type='application/xhtml+xml'/></manifest>"
    "<spine><itemref idref='n'/><itemref idref='a'/><itemref idref='b'/></spine></package>"
)


def book(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("META-INF/container.xml", _CONTAINER)
        archive.writestr("OPS/book.opf", _PACKAGE)
        archive.writestr("OPS/nav.xhtml", "<html><body>Contents</body></html>")
        archive.writestr("OPS/one a.xhtml", "<html><body><h1>Water</h1><p>Boil.</p></body></html>")
        archive.writestr("OPS/two.xhtml", "<html><body><h1>Tea</h1><p>Pour.</p></body></html>")
        for name, data in members.items():
            archive.writestr(name.replace("__", "/"), data)
    return buffer.getvalue()


def test_chapters_are_pages_in_the_order_of_the_spine(parse: Parse) -> None:
    document = parse("a.epub", book())
    assert document.text == "Water\n\nBoil.\n\nTea\n\nPour."
    assert [page.label for page in document.pages] == ["Water", "Tea"]
    assert document.title == "Kettles"
    assert document.metadata["author"] == "Tamsin, Hector"


def test_a_locked_book_is_told(parse: Parse) -> None:
    locked = (
        "<encryption xmlns:e='http://www.w3.org/2001/04/xmlenc#'>"
        "<e:CipherReference URI='OPS/two.xhtml'/></encryption>"
    )
    with pytest.raises(PasswordError, match="encrypted"):
        parse("a.epub", book(**{"META-INF__encryption.xml": locked}))


def test_what_is_no_book_is_refused(parse: Parse) -> None:
    for data in (b"text", book()[:200]):
        with pytest.raises(BrokenFileError):
            parse("a.epub", data)
