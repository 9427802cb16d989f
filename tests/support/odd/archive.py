"""Zip containers (office files and books) that unpack to far too much, or to nothing sensible."""

from __future__ import annotations

import io
import random
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator

from tests.support.odd.file import SECRET, OddFile

MAIN = {
    "docx": "word/document.xml",
    "xlsx": "xl/worksheets/sheet1.xml",
    "pptx": "ppt/slides/slide1.xml",
    "odt": "content.xml",
    "ods": "content.xml",
    "odp": "content.xml",
    "epub": "OPS/one.xhtml",
}
"""The member that holds a format's text."""
_TYPES = {
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation.main+xml",
}
_SLIDE = (
    "<Override PartName='/ppt/slides/slide1.xml' ContentType='application/vnd.openxmlformats-"
    "officedocument.presentationml.slide+xml'/>"
)
_ROOT = {"docx": "word/document.xml", "xlsx": "xl/workbook.xml", "pptx": "ppt/presentation.xml"}
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_ODF = "urn:oasis:names:tc:opendocument:xmlns"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DECK = "http://schemas.openxmlformats.org/presentationml/2006/main"


def skeleton(suffix: str) -> dict[str, bytes]:
    """Return the members that a format needs beside its main one."""
    if suffix == "epub":
        return {
            "mimetype": b"application/epub+zip",
            "META-INF/container.xml": b"<container xmlns='urn:oasis:names:tc:opendocument:xmlns:"
            b"container'><rootfiles><rootfile full-path='OPS/book.opf'/></rootfiles></container>",
            "OPS/book.opf": b"<package xmlns='http://www.idpf.org/2007/opf'><manifest><item id='a'"
            b" href='one.xhtml' media-type='application/xhtml+xml'/></manifest><spine>"
            b"<itemref idref='a'/></spine></package>",
        }
    if suffix in ("odt", "ods", "odp"):
        return {"mimetype": b"application/vnd.oasis.opendocument.text"}
    root = _ROOT[suffix]
    folder, _, name = root.partition("/")
    members = {
        "[Content_Types].xml": (
            f"<Types xmlns='{_PACKAGE}/content-types'><Default Extension='rels'"
            f" ContentType='application/vnd.openxmlformats-package.relationships+xml'/>"
            f"<Override PartName='/{root}' ContentType='{_TYPES[suffix]}'/>{_SLIDE}</Types>"
        ).encode(),
        "_rels/.rels": _relations("officeDocument", root),
    }
    if suffix == "xlsx":
        members["xl/workbook.xml"] = (
            f"<workbook xmlns='{_SHEET}' xmlns:r='{_OFFICE}'><sheets>"
            "<sheet name='One' sheetId='1' r:id='r1'/></sheets></workbook>"
        ).encode()
        members[f"{folder}/_rels/{name}.rels"] = _relations("worksheet", "worksheets/sheet1.xml")
    if suffix == "pptx":
        members["ppt/presentation.xml"] = (
            f"<p:presentation xmlns:p='{_DECK}' xmlns:r='{_OFFICE}'><p:sldIdLst>"
            "<p:sldId id='256' r:id='r1'/></p:sldIdLst></p:presentation>"
        ).encode()
        members[f"{folder}/_rels/{name}.rels"] = _relations("slide", "slides/slide1.xml")
    return members


def _relations(kind: str, target: str) -> bytes:
    return (
        f"<Relationships xmlns='{_PACKAGE}/relationships'><Relationship Id='r1'"
        f" Type='{_OFFICE}/{kind}' Target='{target}'/></Relationships>"
    ).encode()


def text_xml(suffix: str, inner: str, doctype: str = "") -> bytes:
    """Return a format's main member with some markup where its text stands."""
    bodies = {
        "docx": f"<w:document xmlns:w='{_WORD}'><w:body><w:p><w:r><w:t>{inner}</w:t></w:r></w:p>"
        "</w:body></w:document>",
        "xlsx": f"<worksheet xmlns='{_SHEET}'><sheetData><row r='1'><c r='A1' t='inlineStr'><is>"
        f"<t>{inner}</t></is></c></row></sheetData></worksheet>",
        "pptx": f"<p:sld xmlns:p='{_DECK}' xmlns:a='http://schemas.openxmlformats.org/drawingml/"
        "2006/main'><p:cSld><p:spTree><p:sp><p:txBody><a:p><a:r><a:t>"
        f"{inner}</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld></p:sld>",
        "epub": "<html xmlns='http://www.w3.org/1999/xhtml'><body><p>"
        + inner
        + "</p></body></html>",
    }
    odf = (
        f"<office:document-content xmlns:office='{_ODF}:office:1.0' xmlns:text='{_ODF}:text:1.0'>"
        f"<office:body><office:text><text:p>{inner}</text:p></office:text></office:body>"
        "</office:document-content>"
    )
    return f"<?xml version='1.0'?>{doctype}{bodies.get(suffix, odf)}".encode()


def zipped(members: dict[str, bytes]) -> bytes:
    """Return a zip container."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def container(suffix: str, main: bytes, **more: bytes) -> bytes:
    """Return a file of a format whose main member is `main`."""
    return zipped({**skeleton(suffix), MAIN[suffix]: main, **more})


def _padded(suffix: str, size: int) -> bytes:
    """Return a container whose text is `size` MiB of blanks."""
    return container(suffix, text_xml(suffix, " " * (size << 20)))


def _dense(suffix: str, size: int) -> bytes:
    """Return a container under every stated limit whose tree takes many times its size."""
    number = random.Random(size)
    rows = "".join(f"<b>{number.randrange(10**6)}</b>" for _ in range(size))
    return container(suffix, text_xml(suffix, rows))


def _understated(suffix: str, size: int) -> bytes:
    """Return a container whose main member is far larger than its headers say."""
    data = bytearray(container(suffix, text_xml(suffix, " " * (size << 20))))
    name = MAIN[suffix].encode()
    for mark, place, at in ((b"PK\x03\x04", 30, 22), (b"PK\x01\x02", 46, 24)):
        start = data.find(mark)
        while start >= 0:
            if data[start + place : start + place + len(name)] == name:
                struct.pack_into("<I", data, start + at, 999)
            start = data.find(mark, start + 4)
    return bytes(data)


def _overstated(suffix: str, size: int) -> bytes:
    """Return a small container whose headers state 4 GiB."""
    data = bytearray(container(suffix, text_xml(suffix, "words " * size)))
    start = data.rfind(b"PK\x01\x02")
    struct.pack_into("<I", data, start + 24, 0xFFFFFFFE)
    return bytes(data)


def _overlapping(suffix: str, size: int) -> bytes:
    """Return a container of which `size` names share one packed member.

    Source: Fifield, "A better zip bomb", WOOT 2019.
    """
    parts = [(name.encode(), data, None) for name, data in skeleton(suffix).items()]
    body = io.BytesIO()
    entries = []
    for name, plain, _ in [*parts, (MAIN[suffix].encode(), b" " * (1 << 20), None)]:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(plain) + packer.flush()
        facts = struct.pack("<III", zlib.crc32(plain), len(packed), len(plain))
        entries.append((name, facts, body.tell()))
        body.write(b"PK\x03\x04" + struct.pack("<HHHI", 20, 0, 8, 0) + facts)
        body.write(struct.pack("<HH", len(name), 0) + name + packed)
    _, facts, offset = entries[-1]
    entries += [(f"word/{number}.xml".encode(), facts, offset) for number in range(size)]
    start = body.tell()
    for name, facts, offset in entries:
        body.write(b"PK\x01\x02" + struct.pack("<HHHHI", 20, 20, 0, 8, 0) + facts)
        body.write(struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, offset) + name)
    count = len(entries)
    body.write(
        b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, body.tell() - start, start, 0)
    )
    return body.getvalue()


def _crowded(suffix: str, size: int) -> bytes:
    """Return a container of `size` empty members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in {**skeleton(suffix), MAIN[suffix]: text_xml(suffix, "text")}.items():
            archive.writestr(name, data)
        for number in range(size):
            archive.writestr(zipfile.ZipInfo(f"word/media/{number}.png"), b"")
    return buffer.getvalue()


def _nested(suffix: str, size: int) -> bytes:
    """Return zip containers within each other, `size` deep, all under the format's name."""
    data = _padded(suffix, 1)
    for _ in range(size):
        data = zipped({f"again.{suffix}": data, **skeleton(suffix)})
    return data


def _quine_names(suffix: str, size: int) -> bytes:
    """Return a container whose names repeat, climb out of it, or are itself."""
    buffer = io.BytesIO(container(suffix, text_xml(suffix, "text")))
    names = [f"again.{suffix}", "../" * 40 + "etc/passwd", "/etc/passwd", "C:\\x", "a" * 60_000]
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "a") as archive:
        warnings.simplefilter("ignore", UserWarning)  # names that repeat are the point
        for name in names * size:
            archive.writestr(zipfile.ZipInfo(name), buffer.getvalue()[:1000])
        archive.writestr(zipfile.ZipInfo(MAIN[suffix]), text_xml(suffix, "second"))
    return buffer.getvalue()


def laughs(size: int) -> str:
    """Return a document type whose entity `a9` stands for `size` to the power of nine words."""
    rows = "".join(f"<!ENTITY a{n} '{f'&a{n - 1};' * size}'>" for n in range(1, 10))
    return f"<!DOCTYPE x [<!ENTITY a0 'ha'>{rows}]>"


def quadratic(size: int) -> tuple[str, str]:
    """Return a document type with one long entity, and text that names it as often."""
    return f"<!DOCTYPE x [<!ENTITY a '{'ha ' * size}'>]>", "&a;" * size


def outside(url: str) -> str:
    """Return a document type whose entity `a` is another file, in three ways."""
    return (
        f"<!DOCTYPE x SYSTEM '{url}' [<!ENTITY a SYSTEM '{url}'><!ENTITY % p SYSTEM '{url}'> %p;]>"
    )


def _with_entities(suffix: str, doctype: str, inner: str) -> bytes:
    return container(suffix, text_xml(suffix, inner, doctype))


def _deep(suffix: str, size: int) -> bytes:
    return container(suffix, text_xml(suffix, "<a>" * size + "deep" + "</a>" * size))


def _attributes(suffix: str, size: int) -> bytes:
    many = " ".join(f"a{number}='1'" for number in range(size))
    return container(suffix, text_xml(suffix, f"<a {many}>text</a>"))


def _each(
    label: str, make: Callable[[str, int], bytes], size: int, quick: int, *, refused: bool = False
) -> Iterator[OddFile]:
    for suffix in MAIN:
        yield OddFile(
            name=f"{label}.{suffix}",
            make=lambda n, suffix=suffix: make(suffix, n),  # type: ignore[misc]
            size=size,
            quick=quick,
            refused=refused,
        )


FILES = (
    *_each("blanks", _padded, 400, 20, refused=True),
    *_each("dense", _dense, 6_000_000, 2000),
    *_each("understated", _understated, 300, 2, refused=True),
    *_each("overstated", _overstated, 1000, 10, refused=True),
    *_each("overlapping", _overlapping, 40_000, 1000, refused=True),
    *_each("crowded", _crowded, 60_000, 500),
    *_each("nested", _nested, 30, 3),
    *_each("quine-names", _quine_names, 20, 1),
    *_each("laughs", lambda s, n: _with_entities(s, laughs(n), "&a9;"), 10, 6),
    *_each("quadratic", lambda s, n: _with_entities(s, *quadratic(n)), 100_000, 2000),
    *_each(
        "outside",
        lambda s, _: _with_entities(s, outside(SECRET.as_uri()), "x &a; y"),
        1,
        1,
    ),
    *_each("deep", _deep, 500_000, 2000),
    *_each("attributes", _attributes, 500_000, 2000),
)
"""Every file of this family."""
