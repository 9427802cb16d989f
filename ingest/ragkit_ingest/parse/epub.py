"""Books (.epub): the chapters in reading order, one file of the book a page."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from urllib.parse import unquote

from ragkit_ingest.errors import BrokenFileError, PasswordError
from ragkit_ingest.parse.archive import open_archive, read_member
from ragkit_ingest.parse.builder import DocumentBuilder, fold_space
from ragkit_ingest.parse.encoding import decode
from ragkit_ingest.parse.html import add_html, declared_charset
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.tree import Element, local_name, parse_xml
from ragkit_ingest.records import Document, MetadataValue

_CONTAINER = "META-INF/container.xml"
_PAGES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml"})
_META = {
    "title": "title",
    "creator": "author",
    "language": "language",
    "publisher": "publisher",
    "subject": "keywords",
    "date": "date",
    "description": "description",
}
_LABEL_CHARS = 80


class EpubParser:
    """Reads books of EPUB 2 and 3 that are not locked."""

    name = "epub"
    version = 1
    suffixes = frozenset({".epub"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document; a page's label is the chapter's name.

        Raises:
            BrokenFileError: If the file is no book.
            PasswordError: If its chapters are encrypted.
            ParserLimitError: If it would unpack to too much.
        """
        builder = DocumentBuilder("epub")
        with open_archive(source.path, _CONTAINER) as archive:
            container = parse_xml(read_member(archive, _CONTAINER))
            rootfile = next(container.iter("{*}rootfile"), None)
            package_name = "" if rootfile is None else rootfile.get("full-path") or ""
            package = parse_xml(read_member(archive, package_name))
            metadata = _metadata(package)
            names = list(_spine(package, posixpath.dirname(package_name)))
            locked = _encrypted(archive)
            if any(name in locked for name in names):
                raise PasswordError("the book is encrypted by its seller and cannot be read")
            title = str(metadata.get("title", ""))
            for number, name in enumerate(names, start=1):
                _chapter(builder, archive, name, number, title)
        if not names:
            raise BrokenFileError("the book has no chapters")
        builder.title = title or builder.title
        return builder.build(metadata)


def _metadata(package: Element) -> dict[str, MetadataValue]:
    metadata: dict[str, MetadataValue] = {}
    for element in package.iterfind("{*}metadata//*"):
        key = _META.get(local_name(element))
        value = fold_space("".join(element.itertext()))
        if not key or not value:
            continue
        known = metadata.get(key)
        if known is None:
            metadata[key] = value
        elif key in {"author", "keywords"}:
            metadata[key] = f"{known}, {value}"
    return metadata


def _spine(package: Element, folder: str) -> Iterator[str]:
    """Yield the names of the chapters' members in reading order."""
    items = {
        item.get("id"): item
        for item in package.iterfind("{*}manifest/{*}item")
        if item.get("media-type") in _PAGES and "nav" not in (item.get("properties") or "").split()
    }
    for reference in package.iterfind("{*}spine/{*}itemref"):
        item = items.get(reference.get("idref"))
        if item is not None:
            name = unquote((item.get("href") or "").partition("#")[0])
            yield posixpath.normpath(posixpath.join(folder, name))


def _encrypted(archive: zipfile.ZipFile) -> frozenset[str]:
    """Return the members that are encrypted; fonts often are, without harm to the text."""
    if "META-INF/encryption.xml" not in archive.namelist():
        return frozenset()
    root = parse_xml(read_member(archive, "META-INF/encryption.xml"))
    return frozenset(unquote(e.get("URI") or "") for e in root.iter("{*}CipherReference"))


def _chapter(
    builder: DocumentBuilder, archive: zipfile.ZipFile, name: str, number: int, title: str
) -> None:
    try:
        data = read_member(archive, name)
        text = decode(data, declared_charset(data)).text
    except BrokenFileError as exc:
        builder.page(str(number))
        builder.notice(f"chapter {number} cannot be read: {exc}")
        return
    builder.page(str(number))
    heading = add_html(builder, text)
    if heading and heading != title:
        builder.label_page(heading[:_LABEL_CHARS])
