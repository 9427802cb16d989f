"""Word documents (.docx): paragraphs, lists and tables in document order.

The text is read from the XML itself, since python-docx leaves out what stands in hyperlinks,
content controls and insertions. Deleted and hidden text is not read, also where a style hides
it, nor is text of a size that nobody can read.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import docx
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.exceptions import OpcError
from lxml import etree  # type: ignore[import-untyped]

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.parse.builder import DocumentBuilder, fold_space
from ragkit_ingest.parse.moment import iso
from ragkit_ingest.parse.numbering import Numbering, read_numbering
from ragkit_ingest.parse.openxml import open_package
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.row import Cell, header_of, render_row
from ragkit_ingest.records import BlockKind, Document, MetadataValue

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_SKIPPED = frozenset({f"{_W}del", f"{_W}moveFrom", f"{_W}rPr", f"{_W}pPr", _FALLBACK})
_BOX = f"{_W}txbxContent"
_SIGNS = {
    f"{_W}tab": "\t",
    f"{_W}br": "\n",
    f"{_W}cr": "\n",
    f"{_W}noBreakHyphen": "-",
}
_FIELDS = ("title", "author", "subject", "keywords", "category")
_OFF = frozenset({"0", "false", "off"})
_LEAST_HALF_POINTS = 3


class DocxParser:
    """Reads Word documents and templates."""

    name = "docx"
    version = 2
    suffixes = frozenset({".docx", ".docm", ".dotx"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document.

        Raises:
            BrokenFileError: If the file is no Word document.
            ParserLimitError: If it would unpack to too much.
            PasswordError: If it is encrypted and no password opens it.
        """
        with open_package(source) as file:
            return _opened(file)


def _opened(file: BinaryIO) -> Document:
    try:
        document: Any = docx.Document(file)
        return _read(document)
    except (
        OpcError, KeyError, ValueError, TypeError, AttributeError, RecursionError,
        etree.LxmlError, zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError,
    ) as exc:  # fmt: skip
        raise BrokenFileError(f"the Word document is damaged: {exc}") from exc


def _read(document: Any) -> Document:
    builder = DocumentBuilder("docx")
    part = document.part
    if hidden := _uncover(document):
        builder.notice(
            f"{hidden} {'run' if hidden == 1 else 'runs'} of text that no reader sees (hidden, or "
            "smaller than two points) was left out"
        )
    writer = _Writer(
        builder=builder,
        styles=_styles(document.styles.element),
        numbering=read_numbering(_root(part, RELATIONSHIP_TYPE.NUMBERING)),
        notes=_notes(_root(part, RELATIONSHIP_TYPE.FOOTNOTES)),
        header_styles=frozenset(
            style.get(f"{_W}styleId")
            for style in document.styles.element.iter(f"{_W}style")
            if _has_first_row(style)
        ),
    )
    for paragraph in _header_paragraphs(document):
        builder.add(BlockKind.PARAGRAPH, paragraph)
    writer.write(document.element.body)
    metadata = _metadata(document.core_properties)
    if metadata.get("title"):
        builder.title = str(metadata["title"])
    return builder.build(metadata)


def _root(part: Any, kind: str) -> Any:
    """Return the XML of a part that the document may have, or None."""
    for relation in part.rels.values():
        if relation.reltype == kind and not relation.is_external:
            target = relation.target_part
            element = getattr(target, "element", None)
            if element is not None:
                return element
            parser = etree.XMLParser(resolve_entities=False, no_network=True)
            return etree.fromstring(target.blob, parser)
    return None


def _header_paragraphs(document: Any) -> Iterator[str]:
    """Yield the first section's header, once: it may hold a number or a date."""
    header = _first_header(document)
    if header is None:
        return
    for paragraph in header.iter(f"{_W}p"):
        text = fold_space(_text(paragraph))
        if any(char.isalpha() for char in text):
            yield text


def _first_header(document: Any) -> Any:
    header = document.sections[0].header if len(document.sections) else None
    return None if header is None or header.is_linked_to_previous else header._element


def _uncover(document: Any) -> int:
    """Take out the runs that no reader sees; return how many of them held text."""
    styles = {style.get(f"{_W}styleId"): style for style in document.styles.element}
    hiding = {name for name in styles if _hides(name, styles)}
    parts = [
        document.element.body,
        _first_header(document),
        _root(document.part, RELATIONSHIP_TYPE.FOOTNOTES),
    ]
    count = 0
    for root in parts:
        for run in [] if root is None else list(root.iter(f"{_W}r")):
            if _is_hidden(run) or _is_tiny(run) or _is_styled_away(run, hiding):
                count += bool("".join(text.text or "" for text in run.iter(f"{_W}t")).strip())
                run.getparent().remove(run)
    return count


def _hides(name: str, styles: Mapping[str, Any]) -> bool:
    """Return whether a style, or the nearest of its parents that says so, hides its text."""
    seen: set[str] = set()
    while name in styles and name not in seen:
        seen.add(name)
        vanish = styles[name].find(f"{_W}rPr/{_W}vanish")
        if vanish is not None:
            return (_value(vanish) or "1") not in _OFF
        name = _value(styles[name].find(f"{_W}basedOn")) or ""
    return False


def _is_styled_away(run: Any, hiding: set[str]) -> bool:
    if not hiding or run.find(f"{_W}rPr/{_W}vanish") is not None:
        return False
    paragraph = next(run.iterancestors(f"{_W}p"), None)
    own = _value(run.find(f"{_W}rPr/{_W}rStyle"))
    around = None if paragraph is None else _value(paragraph.find(f"{_W}pPr/{_W}pStyle"))
    return own in hiding or around in hiding


def _is_tiny(run: Any) -> bool:
    size = _value(run.find(f"{_W}rPr/{_W}sz")) or ""
    return size.isdecimal() and int(size) <= _LEAST_HALF_POINTS


@dataclass(frozen=True, slots=True)
class _Style:
    """What a paragraph style says, its parents included."""

    level: int = 0
    number_id: str = ""
    depth: int = 0
    is_list: bool = False
    is_caption: bool = False
    is_title: bool = False


def _styles(root: Any) -> dict[str, _Style]:
    elements = {style.get(f"{_W}styleId"): style for style in root.iter(f"{_W}style")}
    return {name: _style(name, elements) for name in elements}


def _style(name: str, elements: Mapping[str, Any]) -> _Style:
    level, number_id, depth = 0, "", 0
    is_list = is_caption = is_title = False
    seen: set[str] = set()
    while name in elements and name not in seen:
        seen.add(name)
        element = elements[name]
        called = (_value(element.find(f"{_W}name")) or "").lower()
        level = level or _level_of(element, called)
        is_list = is_list or called.startswith("list ")
        is_caption = is_caption or called == "caption"
        is_title = is_title or called == "title"
        own = element.find(f"{_W}pPr/{_W}numPr")
        if own is not None and not number_id:
            number_id, depth = _number(own)
        name = _value(element.find(f"{_W}basedOn")) or ""
    return _Style(level, number_id, depth, is_list, is_caption, is_title)


def _level_of(element: Any, called: str) -> int:
    if called.startswith("heading ") and called[8:].isdecimal():
        return min(int(called[8:]), 6)
    if called == "title":
        return 1
    outline = _value(element.find(f"{_W}pPr/{_W}outlineLvl"))
    return int(outline) + 1 if outline and outline.isdecimal() and int(outline) < 6 else 0


def _value(element: Any) -> str | None:
    return None if element is None else element.get(f"{_W}val")


def _number(properties: Any) -> tuple[str, int]:
    depth = _value(properties.find(f"{_W}ilvl")) or "0"
    return (
        _value(properties.find(f"{_W}numId")) or "",
        int(depth) if depth.isdecimal() else 0,
    )


def _notes(root: Any) -> dict[str, str]:
    if root is None:
        return {}
    return {
        note.get(f"{_W}id"): fold_space(" ".join(_text(p) for p in note.iter(f"{_W}p")))
        for note in root.iter(f"{_W}footnote")
        if note.get(f"{_W}type") in {None, "normal"}
    }


@dataclass(slots=True)
class _Writer:
    """Writes the body's elements as blocks."""

    builder: DocumentBuilder
    styles: Mapping[str, _Style]
    numbering: Numbering
    notes: Mapping[str, str]
    header_styles: frozenset[str]
    _told: set[str] = field(default_factory=set)

    def write(self, container: Any) -> None:
        """Write everything in a body, a content control or a text box."""
        for element in container:
            if element.tag == f"{_W}p":
                self._paragraph(element)
            elif element.tag == f"{_W}tbl":
                self._table(element)
            elif element.tag == f"{_W}sdt":
                inside = element.find(f"{_W}sdtContent")
                if inside is not None:
                    self.write(inside)
            elif element.tag in {f"{_W}ins", f"{_W}customXml", f"{_W}smartTag"}:
                self.write(element)

    def _paragraph(self, element: Any) -> None:
        text = _text(element)
        if text.strip():
            self._block(element, text)
        for box in _boxes(element):
            self.write(box)
        for reference in element.iter(f"{_W}footnoteReference"):
            self._note(reference.get(f"{_W}id"))

    def _block(self, element: Any, text: str) -> None:
        name = _value(element.find(f"{_W}pPr/{_W}pStyle")) or "Normal"
        style = self.styles.get(name, _Style())
        level = style.level or _own_level(element)
        number_id, depth = style.number_id, style.depth
        own = element.find(f"{_W}pPr/{_W}numPr")
        if own is not None:
            number_id, depth = _number(own)
        numbered = number_id not in {"", "0"}
        label = self.numbering.next_label(number_id, depth) if numbered else ""
        text = f"{label} {text}" if label else text
        if level:
            if (style.is_title or level == 1) and not self.builder.title:
                self.builder.title = text
            self.builder.add(BlockKind.HEADING, text, level=level)
        elif style.is_caption:
            self.builder.add(BlockKind.CAPTION, text)
        elif numbered or style.is_list:
            self.builder.add(BlockKind.LIST_ITEM, text)
        else:
            self.builder.add(BlockKind.PARAGRAPH, text)

    def _note(self, name: str) -> None:
        if name in self.notes and name not in self._told:
            self._told.add(name)
            self.builder.add(BlockKind.PARAGRAPH, f"[{name}] {self.notes[name]}")

    def _table(self, table: Any) -> None:
        rows = list(_rows(table))
        if not rows:
            return
        cells = [row for _, row in rows]
        if self._styles_first_row(table):
            cells[0] = [Cell(cell.text, bold=True) for cell in cells[0]]
        if len(rows) > 1 and rows[0][0]:
            header = tuple(cell.text for cell in cells[0])
        else:
            header = header_of(cells, marked=True)
        for row in cells[bool(header) :]:
            self.builder.add(BlockKind.TABLE_ROW, render_row(header, [cell.text for cell in row]))
        for reference in table.iter(f"{_W}footnoteReference"):
            self._note(reference.get(f"{_W}id"))

    def _styles_first_row(self, table: Any) -> bool:
        """Whether the table's style shows its first row apart from the others."""
        name = _value(table.find(f"{_W}tblPr/{_W}tblStyle"))
        look = table.find(f"{_W}tblPr/{_W}tblLook")
        if look is None or name not in self.header_styles:
            return False
        mark = look.get(f"{_W}firstRow")
        if mark is None:
            mask = look.get(f"{_W}val") or "0"
            return bool(int(mask, 16) & 0x20)
        return mark not in _OFF


def _has_first_row(style: Any) -> bool:
    return any(part.get(f"{_W}type") == "firstRow" for part in style.iter(f"{_W}tblStylePr"))


def _own_level(element: Any) -> int:
    outline = _value(element.find(f"{_W}pPr/{_W}outlineLvl"))
    return int(outline) + 1 if outline and outline.isdecimal() and int(outline) < 6 else 0


def _text(element: Any) -> str:
    """Return the text that a paragraph shows, without its text boxes."""
    parts: list[str] = []
    walker = etree.iterwalk(element, events=("start",))
    for _, node in walker:
        tag = node.tag
        if tag in _SKIPPED or tag == _BOX or (tag == f"{_W}r" and _is_hidden(node)):
            walker.skip_subtree()
        elif tag == f"{_W}t":
            parts.append(node.text or "")
        elif tag in _SIGNS:
            parts.append(_SIGNS[tag])
        elif tag == f"{_W}footnoteReference":
            parts.append(f"[{node.get(f'{_W}id')}]")
        elif tag == f"{_W}sym":
            parts.append(_symbol(node))
    return "".join(parts)


def _symbol(node: Any) -> str:
    code = node.get(f"{_W}char") or ""
    try:
        return chr(int(code, 16))
    except (ValueError, OverflowError):
        return ""


def _is_hidden(run: Any) -> bool:
    vanish = run.find(f"{_W}rPr/{_W}vanish")
    return vanish is not None and (_value(vanish) or "1") not in _OFF


def _boxes(element: Any) -> Iterator[Any]:
    for box in element.iter(_BOX):
        if not any(parent.tag == _FALLBACK for parent in box.iterancestors()):
            yield box


def _rows(table: Any) -> Iterator[tuple[bool, list[Cell]]]:
    """Yield whether a row is marked as header, and its cells, merged ones filled in."""
    above: dict[int, Cell] = {}
    for row in table.iter(f"{_W}tr"):
        if next(row.iterancestors(f"{_W}tbl")) is not table:
            continue
        cells: list[Cell] = []
        for element in row.iter(f"{_W}tc"):
            if next(element.iterancestors(f"{_W}tr")) is not row:
                continue
            place = len(cells)
            cell = above.get(place, Cell("")) if _goes_on(element) else _cell(element)
            above[place] = cell
            cells.append(cell)
            cells += [Cell("")] * (_span(element) - 1)
        if any(cell.text for cell in cells):
            yield _is_marked(row), cells


def _is_marked(row: Any) -> bool:
    mark = row.find(f"{_W}trPr/{_W}tblHeader")
    return mark is not None and (_value(mark) or "1") not in _OFF


def _goes_on(cell: Any) -> bool:
    """Whether a cell is the lower part of a cell that is merged downwards."""
    merge = cell.find(f"{_W}tcPr/{_W}vMerge")
    return merge is not None and (_value(merge) or "continue") == "continue"


def _span(cell: Any) -> int:
    span = _value(cell.find(f"{_W}tcPr/{_W}gridSpan")) or "1"
    return min(int(span), 60) if span.isdecimal() else 1


def _cell(element: Any) -> Cell:
    text = fold_space(" ".join(_text(p) for p in element.iter(f"{_W}p")))
    runs = [run for run in element.iter(f"{_W}r") if "".join(run.itertext()).strip()]
    return Cell(text, bold=bool(runs) and all(_is_bold(run) for run in runs))


def _is_bold(run: Any) -> bool:
    bold = run.find(f"{_W}rPr/{_W}b")
    return bold is not None and (_value(bold) or "1") not in _OFF


def _metadata(properties: Any) -> dict[str, MetadataValue]:
    metadata: dict[str, MetadataValue] = {}
    for name in _FIELDS:
        value = fold_space(getattr(properties, name, None) or "")
        if value:
            metadata[name] = value
    for name in ("created", "modified"):
        moment = getattr(properties, name, None)
        if moment is not None:
            metadata[name] = iso(moment)
    return metadata
