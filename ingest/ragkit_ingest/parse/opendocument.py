"""OpenDocument files (.odt, .ods, .odp): text, sheets and slides, zipped or flat XML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ragkit_ingest.errors import BrokenFileError, PasswordError
from ragkit_ingest.parse.archive import open_archive, read_member
from ragkit_ingest.parse.builder import DocumentBuilder, fold_space
from ragkit_ingest.parse.file import read_bytes
from ragkit_ingest.parse.moment import iso_from_xml
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.row import Cell, header_of, render_row
from ragkit_ingest.parse.sheet import MAX_CELLS, Row, add_sheet
from ragkit_ingest.parse.tree import Element, attribute, local_name, parse_xml
from ragkit_ingest.records import BlockKind, Document, MetadataValue

_META = {
    "title": "title",
    "creator": "author",
    "initial-creator": "author",
    "subject": "subject",
    "keyword": "keywords",
    "creation-date": "created",
    "date": "modified",
}
_SKIPPED = frozenset({"tracked-changes", "annotation", "annotation-end", "forms", "note", "frame"})
_INSIDE = frozenset(
    {"section", "index-body", "index-title", "table-of-content", "text-box", "g", "list-header"}
)
_MAX_REPEAT = 1000
_MAX_COLUMNS = 1024
_MAX_DEPTH = 100


class OpenDocumentParser:
    """Reads text documents, spreadsheets, presentations and their templates."""

    name = "opendocument"
    version = 2
    suffixes = frozenset(
        {".odt", ".ott", ".ods", ".ots", ".odp", ".otp", ".fodt", ".fods", ".fodp"}
    )

    def parse(self, source: Source) -> Document:
        """Return the file's Document: slides and ranges of a sheet are pages.

        Raises:
            BrokenFileError: If the file is no OpenDocument file.
            PasswordError: If it is encrypted.
            ParserLimitError: If it would unpack to too much.
        """
        flat = source.path.suffix.lower().startswith(".f")
        content, meta, styles = _flat(source.path) if flat else _zipped(source.path)
        body = next(content.iter("{*}body"), None)
        inside = (
            next((child for child in body if local_name(child)), None) if body is not None else None
        )
        if inside is None:
            raise BrokenFileError("the file is damaged: it has no body")
        builder = DocumentBuilder("opendocument")
        metadata = _metadata(meta)
        builder.title = str(metadata.get("title", ""))
        try:
            writer = _Writer(builder, _title_styles(content, styles), _numbered(content, styles))
            _write(writer, inside)
        except RecursionError as exc:
            raise BrokenFileError("the file is nested too deeply to read") from exc
        return builder.build(metadata)


def _flat(path: Path) -> tuple[Element, Element, Element]:
    root = parse_xml(read_bytes(path))
    return root, root, root


def _zipped(path: Path) -> tuple[Element, Element | None, Element | None]:
    with open_archive(path, "content.xml") as archive:
        names = set(archive.namelist())
        if "META-INF/manifest.xml" in names:
            manifest = parse_xml(read_member(archive, "META-INF/manifest.xml"))
            if next(manifest.iter("{*}encryption-data"), None) is not None:
                raise PasswordError("the file is encrypted; save it without a password to read it")
        content = parse_xml(read_member(archive, "content.xml"))
        others = [
            parse_xml(read_member(archive, name)) if name in names else None
            for name in ("meta.xml", "styles.xml")
        ]
    return content, others[0], others[1]


def _metadata(root: Element | None) -> dict[str, MetadataValue]:
    metadata: dict[str, MetadataValue] = {}
    meta = None if root is None else next(root.iter("{*}meta"), None)
    for element in meta if meta is not None else ():
        key = _META.get(local_name(element))
        value = fold_space("".join(element.itertext()))
        if key in {"created", "modified"}:
            value = iso_from_xml(value)
        if key and value:
            metadata[key] = value
    return metadata


def _title_styles(*roots: Element | None) -> frozenset[str]:
    """Return the names of the paragraph styles that are, or come from, the style Title."""
    found = {"Title"}
    for root in roots:
        for style in root.iter("{*}style") if root is not None else ():
            if attribute(style, "parent-style-name") in found:
                found.add(attribute(style, "name"))
    return frozenset(found)


def _numbered(*roots: Element | None) -> dict[str, frozenset[int]]:
    """Return, by list style, the levels (from 1) whose items are numbered."""
    levels: dict[str, frozenset[int]] = {}
    for root in roots:
        for style in root.iter("{*}list-style") if root is not None else ():
            numbers = (
                attribute(level, "level")
                for level in style.iter("{*}list-level-style-number")
                if attribute(level, "num-format")
            )
            levels[attribute(style, "name")] = frozenset(
                int(number) for number in numbers if number.isdecimal()
            )
    return levels


def _write(writer: _Writer, inside: Element) -> None:
    kind = local_name(inside)
    if kind == "spreadsheet":
        cells = [MAX_CELLS]
        for table in inside.iterchildren("{*}table"):
            add_sheet(writer.builder, attribute(table, "name"), _sheet_rows(table, cells))
        if cells[0] <= 0:
            writer.builder.notice(
                f"the workbook holds more than {MAX_CELLS} cells; not all were read"
            )
    elif kind in {"presentation", "drawing"}:
        for page in inside.iterchildren("{*}page"):
            writer.slide(page)
    else:
        writer.write(inside)


@dataclass(slots=True)
class _Writer:
    """Writes the elements of a text or a slide as blocks."""

    builder: DocumentBuilder
    title_styles: frozenset[str]
    numbered: dict[str, frozenset[int]]
    _notes: int = field(default=0)

    def write(self, container: Element, depth: int = 0) -> None:
        """Write everything in a body, a section or a text box."""
        if depth > _MAX_DEPTH:
            raise RecursionError
        for element in container:
            name = local_name(element)
            if name == "h":
                level = attribute(element, "outline-level")
                self._heading(element, int(level) if level in set("123456") else 6 if level else 1)
            elif name == "p":
                self._paragraph(element, BlockKind.PARAGRAPH, "")
            elif name == "list":
                self._list(element, attribute(element, "style-name"), 1)
            elif name == "table":
                self._table(element)
            elif name == "frame":
                self._frame(element)
            elif name in _INSIDE or name == "custom-shape":
                self.write(element, depth + 1)

    def slide(self, page: Element) -> None:
        """Write a slide: its title, then its frames in order, then its notes."""
        name = attribute(page, "name")
        number = name.removeprefix("page")  # what LibreOffice calls a slide that has no name
        self.builder.page(f"Slide {number}" if number.isdecimal() else name)
        frames = [element for element in page if local_name(element) not in {"notes", "forms"}]
        titles = [frame for frame in frames if attribute(frame, "class") == "title"]
        for frame in titles:
            self.builder.add(BlockKind.HEADING, _words(frame), level=2)
        for frame in frames:
            if frame not in titles:
                self._shape(frame)
        for notes in page.iterchildren("{*}notes"):
            frames = [f for f in notes.iter("{*}frame") if attribute(f, "class") == "notes"]
            words = fold_space(" ".join(_words(frame) for frame in frames))
            if words:
                self.builder.add(BlockKind.PARAGRAPH, f"Notes: {words}")

    def _shape(self, shape: Element) -> None:
        if local_name(shape) == "frame":
            self._frame(shape)
        else:
            self.write(shape)

    def _heading(self, element: Element, level: int) -> None:
        text = _text(element)
        if level == 1 and not self.builder.title:
            self.builder.title = text
        self.builder.add(BlockKind.HEADING, text, level=level)
        self._after(element)

    def _paragraph(self, element: Element, kind: BlockKind, label: str) -> None:
        text = _text(element)
        if kind is BlockKind.PARAGRAPH and attribute(element, "style-name") in self.title_styles:
            self.builder.title = self.builder.title or text
            self.builder.add(BlockKind.HEADING, text, level=1)
        elif text.strip():
            self.builder.add(kind, label + text)
        self._after(element)

    def _after(self, element: Element) -> None:
        """Write what hangs on a paragraph: its notes, and the boxes anchored in it."""
        for note in element.iter("{*}note"):
            citation = _words(next(note.iter("{*}note-citation"), note))
            body = next(note.iter("{*}note-body"), None)
            if body is not None:
                self.builder.add(BlockKind.PARAGRAPH, f"[{citation}] {_words(body)}")
        for child in element.iterdescendants("{*}frame"):
            if next(child.iterancestors("{*}frame", "{*}note"), None) is None:
                self._frame(child)

    def _frame(self, frame: Element) -> None:
        for child in frame:
            name = local_name(child)
            if name == "text-box":
                self.write(child)
            elif name == "table":
                self._table(child)

    def _list(self, element: Element, style: str, level: int) -> None:
        if level > _MAX_DEPTH:
            raise RecursionError
        number = 0
        for item in element:
            start = attribute(item, "start-value")
            number = int(start) if start.isdecimal() and len(start) < 9 else number + 1
            label = f"{number}. " if level in self.numbered.get(style, ()) else ""
            for child in item:
                name = local_name(child)
                if name == "list":
                    self._list(child, attribute(child, "style-name") or style, level + 1)
                elif name == "h":
                    self._heading(child, min(level, 6))
                elif name == "p":
                    self._paragraph(child, BlockKind.LIST_ITEM, label)
                    label = ""

    def _table(self, table: Element) -> None:
        marked = next(table.iter("{*}table-header-rows"), None)
        rows = [
            [Cell(cell) for cell in cells]
            for _, cells in _sheet_rows(table, [MAX_CELLS])
            if any(cells)
        ]
        if not rows:
            return
        if marked is not None and len(rows) > 1:
            header = tuple(cell.text for cell in rows[0])
        else:
            header = header_of(rows, marked=True)
        for row in rows[bool(header) :]:
            self.builder.add(BlockKind.TABLE_ROW, render_row(header, [cell.text for cell in row]))


def _sheet_rows(table: Element, left: list[int]) -> Iterator[Row]:
    """Yield the rows with their numbers; spends from the number of cells left."""
    number = 1
    reaching: dict[int, tuple[int, str]] = {}
    for row in table.iter("{*}table-row"):
        if next(row.iterancestors("{*}table"), None) is not table:
            continue
        repeat = _count(row, "number-rows-repeated", 1 << 21)
        cells = _row_cells(row, number, reaching)
        if any(cells):
            for offset in range(min(repeat, _MAX_REPEAT)):
                left[0] -= len(cells)
                if left[0] <= 0:
                    return
                yield number + offset, cells
        number += repeat


def _row_cells(row: Element, number: int, reaching: dict[int, tuple[int, str]]) -> list[str]:
    cells: list[str] = []
    own = False
    for element in row:
        name = local_name(element)
        if name not in {"table-cell", "covered-table-cell"}:
            continue
        text = _cell(element)
        own = own or bool(text)
        repeat = _count(element, "number-columns-repeated", _MAX_COLUMNS)
        for place in range(len(cells), min(len(cells) + repeat, _MAX_COLUMNS)):
            last, above = reaching.get(place, (0, ""))
            covered = name == "covered-table-cell" and number <= last
            cells.append(above if covered else text)
            down = _count(element, "number-rows-spanned", _MAX_REPEAT)
            if down > 1:
                reaching[place] = (number + down - 1, text)
    while cells and not cells[-1]:
        cells.pop()
    return cells if own else []


def _cell(element: Element) -> str:
    text = fold_space(" ".join(_text(part) for part in element.iter("{*}p", "{*}h")))
    return text or attribute(element, "date-value") or attribute(element, "value")


def _count(element: Element, name: str, limit: int) -> int:
    count = attribute(element, name)
    return max(1, min(int(count), limit)) if count.isdecimal() and len(count) < 10 else 1


def _words(element: Element) -> str:
    parts = [_text(part) for part in element.iter("{*}p", "{*}h")]
    return fold_space(" ".join(parts or [_text(element)]))


def _text(element: Element) -> str:
    """Return the text that a paragraph shows, its notes as their signs."""
    parts: list[str] = []
    _collect(element, parts, 0)
    return "".join(parts)


def _collect(element: Element, parts: list[str], depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise RecursionError
    parts.append(element.text or "")
    for child in element:
        name = local_name(child)
        if name == "note":
            parts.append(f"[{_words(next(child.iter('{*}note-citation'), child))}]")
        elif name in {"s", "tab", "line-break"}:
            parts.append(" ")
        elif name not in _SKIPPED:
            _collect(child, parts, depth + 1)
        parts.append(child.tail or "")
