"""PowerPoint presentations (.pptx): one slide a page, what a slide shows from top to bottom."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from lxml import etree  # type: ignore[import-untyped]

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.parse.builder import DocumentBuilder, fold_space
from ragkit_ingest.parse.extra import load
from ragkit_ingest.parse.openxml import core_properties, open_package
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.row import Cell, header_of, render_row
from ragkit_ingest.parse.tree import Element, local_name
from ragkit_ingest.records import BlockKind, Document, MetadataValue

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_TITLES = frozenset({"title", "ctrTitle"})
_AROUND = frozenset({"dt", "ftr", "sldNum", "hdr"})
_BANDS = 12
_MAX_DEPTH = 50
# What PowerPoint itself puts there, in the user's language.
_NO_TITLE = re.compile(r"^(?:powerpoint\W.*|\w+ 1)$", re.IGNORECASE)


class PptxParser:
    """Reads presentations, shows and templates of PowerPoint 2007 and later."""

    name = "pptx"
    version = 2
    suffixes = frozenset({".pptx", ".pptm", ".ppsx", ".ppsm", ".potx"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document.

        Raises:
            BrokenFileError: If the file is no presentation.
            ParserLimitError: If it would unpack to too much.
            PasswordError: If it is encrypted and no password opens it.
            MissingReaderError: If the extra `office` is not installed.
        """
        package = load("pptx.package", "PowerPoint files")
        exceptions = load("pptx.exc", "PowerPoint files")
        with open_package(source) as file:
            metadata = core_properties(file)
            file.seek(0)
            try:
                part = package.Package.open(file).main_document_part
                return _read(part, metadata)
            except (
                exceptions.PythonPptxError, KeyError, ValueError, TypeError, AttributeError,
                IndexError, RecursionError, AssertionError, etree.LxmlError, zipfile.BadZipFile,
                zlib.error, OSError, EOFError, NotImplementedError, OverflowError,
            ) as exc:  # fmt: skip
                raise BrokenFileError(f"the presentation is damaged: {exc}") from exc


def _read(part: Any, metadata: dict[str, MetadataValue]) -> Document:
    builder = DocumentBuilder("pptx")
    builder.title = str(metadata.get("title", ""))
    if _NO_TITLE.match(builder.title):
        builder.title = ""
    presentation = part.presentation
    height = int(presentation.slide_height or 0)
    for number, slide in enumerate(presentation.slides, start=1):
        builder.page(f"Slide {number}")
        before = builder.length
        _Slide(builder, height, number).write(slide)
        if builder.length == before:
            builder.notice(f"slide {number} has no text; it may be a picture")
    return builder.build(metadata)


class _Slide:
    """Writes one slide."""

    def __init__(self, builder: DocumentBuilder, height: int, number: int) -> None:
        self._builder = builder
        self._band = max(height // _BANDS, 1)
        self._number = number

    def write(self, slide: Any) -> None:
        """Write the title, then the shapes from top to bottom, then the speaker's notes."""
        shapes = list(_shapes(slide.shapes))
        titles = [shape for shape in shapes if _role(shape) in _TITLES and shape.text_frame.text]
        for shape in titles[:1]:
            level = 1 if self._number == 1 else 2
            text = fold_space(shape.text_frame.text)
            if level == 1 and not self._builder.title:
                self._builder.title = text
            self._builder.add(BlockKind.HEADING, text, level=level)
        rest = [shape for shape in shapes if shape not in titles[:1]]
        for shape in sorted(rest, key=self._place):
            self._shape(shape)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            notes = slide.notes_slide.notes_text_frame.text
            if notes.strip():
                self._builder.add(BlockKind.PARAGRAPH, f"Notes: {notes}")

    def _place(self, shape: Any) -> tuple[int, int]:
        top, left = shape.top, shape.left
        if top is None or left is None:
            return 0, 0
        return int(top) // self._band, int(left)

    def _shape(self, shape: Any) -> None:
        if _role(shape) in _AROUND:
            return
        if getattr(shape, "has_table", False):
            self._table(shape.table._tbl)
        elif getattr(shape, "has_chart", False):
            self._chart(shape.chart.part._element)
        elif shape.has_text_frame:
            for paragraph in shape.text_frame._txBody.iter(f"{_A}p"):
                self._paragraph(paragraph, listed=_role(shape) in {"body", "obj", ""})
        else:
            self._diagram(shape)

    def _paragraph(self, paragraph: Element, *, listed: bool) -> None:
        text = _text(paragraph)
        properties = paragraph.find(f"{_A}pPr")
        kind = BlockKind.PARAGRAPH
        if listed and _is_item(properties):
            kind = BlockKind.LIST_ITEM
        self._builder.add(kind, text)

    def _table(self, table: Element) -> None:
        look = table.find(f"{_A}tblPr")
        marked = look is not None and look.get("firstRow") in {"1", "true"}
        rows = list(_rows(table))
        if not rows:
            return
        cells = [
            [Cell(text, bold=marked and not place) for text in row]
            for place, row in enumerate(rows)
        ]
        header: tuple[str, ...] = tuple(rows[0]) if marked and len(rows) > 1 else ()
        header = header or header_of(cells, marked=True)
        for row in rows[bool(header) :]:
            self._builder.add(BlockKind.TABLE_ROW, render_row(header, row))

    def _chart(self, chart: Element) -> None:
        title = chart.find(f"{_C}chart/{_C}title")
        if title is not None:
            words = " ".join(t.text or "" for t in title.iter(f"{_A}t"))
            self._builder.add(BlockKind.CAPTION, f"Chart: {words}")
        for series in chart.iter(f"{_C}ser"):
            name = " ".join(_values(series.find(f"{_C}tx")))
            names = _values(series.find(f"{_C}cat"))
            values = _values(series.find(f"{_C}val"))
            row = render_row(names, values)
            self._builder.add(BlockKind.TABLE_ROW, f"{name}: {row}" if name else row)

    def _diagram(self, shape: Any) -> None:
        """Write the words of a diagram, which stand in a part of their own."""
        for ids in shape._element.iter("{*}relIds"):
            for key, value in ids.attrib.items():
                if key.endswith("}dm"):
                    root = etree.fromstring(
                        shape.part.related_part(value).blob,
                        etree.XMLParser(resolve_entities=False, no_network=True),
                    )
                    for paragraph in root.iter(f"{_A}p"):
                        self._builder.add(BlockKind.LIST_ITEM, _text(paragraph))


def _shapes(shapes: Any, depth: int = 0) -> Iterator[Any]:
    """Yield the shapes, those of groups as well."""
    for shape in shapes:
        inner = getattr(shape, "shapes", None)
        if inner is None:
            yield shape
        elif depth < _MAX_DEPTH:
            yield from _shapes(inner, depth + 1)


def _role(shape: Any) -> str:
    """Return the type of a placeholder, such as title or ftr; "-" for other shapes."""
    for element in shape._element.iter("{*}ph"):
        return str(element.get("type") or "")
    return "-"


def _is_item(properties: Element | None) -> bool:
    """Whether a paragraph of a body shows a bullet, as it does unless it says otherwise."""
    return properties is None or properties.find(f"{_A}buNone") is None


def _text(paragraph: Element) -> str:
    nodes = paragraph.iter(f"{_A}t", f"{_A}br")
    return "".join(" " if local_name(node) == "br" else node.text or "" for node in nodes)


def _rows(table: Element) -> Iterator[list[str]]:
    above: dict[int, str] = {}
    for row in table.iter(f"{_A}tr"):
        cells: list[str] = []
        for place, cell in enumerate(row.iter(f"{_A}tc")):
            text = fold_space(" ".join(_text(p) for p in cell.iter(f"{_A}p")))
            if cell.get("vMerge") in {"1", "true"}:
                text = above.get(place, "")
            above[place] = text
            cells.append(text)
        if any(cells):
            yield cells


def _values(element: Element | None) -> Sequence[str]:
    if element is None:
        return []
    return [fold_space(value.text or "") for value in element.iter(f"{_C}v")]
