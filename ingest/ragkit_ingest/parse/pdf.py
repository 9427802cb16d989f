"""PDF: pdfium reads the words and lines of each page, `layout` makes blocks of them.

pypdf is the second reader, for files that pdfium refuses or finds no text in. It is tens of
times slower and knows no layout, so what it reads becomes plain paragraphs.
"""

from __future__ import annotations

import ctypes
import logging
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import pypdfium2  # type: ignore[import-untyped]
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

from ragkit_ingest.errors import BrokenFileError, PasswordError, SourceError
from ragkit_ingest.parse import ocr
from ragkit_ingest.parse.builder import DocumentBuilder
from ragkit_ingest.parse.layout.column import reading_order
from ragkit_ingest.parse.layout.hyphen import Lexicon
from ragkit_ingest.parse.layout.page import PageText, Rule, Segment, Word, segments
from ragkit_ingest.parse.layout.paragraph import (
    Draft,
    Style,
    continue_columns,
    drafts,
    is_caption,
    is_heading,
    level_of,
    list_item,
    style_of,
)
from ragkit_ingest.parse.layout.running import without_running_lines
from ragkit_ingest.parse.layout.table import Grid, ruled_grids
from ragkit_ingest.parse.moment import iso_from_pdf
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.row import header_of, render_row
from ragkit_ingest.records import BlockKind, Document, MetadataValue

_MAX_OBJECTS = 6000
_MAX_SEGMENTS = 400
_LOST = 20
_THIN = 3.0
# pdfium puts U+FFFE, or U+0002, where a hyphen ends a line, and no line break after it.
_WORD = re.compile(r"[^\s\x00-\x1f\ufffe]+[\x02\ufffe]?")
_LEADERS = re.compile(r"(?:\s?[.\u2026_]){4,}")
_HEAVY = re.compile(r"bold|black|heavy|demi", re.IGNORECASE)
# What programs put where nobody gave a title.
_NO_TITLE = re.compile(
    r"^\W*(?:anonymous|untitled|unspecified|microsoft word|paper title)|\.\w{2,4}$", re.IGNORECASE
)
_FIELDS = {"Title": "title", "Author": "author", "Subject": "subject", "Keywords": "keywords"}
_DATES = {"CreationDate": "created", "ModDate": "modified"}


class PdfParser:
    """Reads PDF files, encrypted ones with the source's passwords."""

    name = "pdf"
    version = 1
    suffixes = frozenset({".pdf"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document, one page a page.

        Raises:
            PasswordError: If no password opens it.
            BrokenFileError: If neither reader can open it.
        """
        try:
            pdf = _open(source)
        except BrokenFileError as exc:
            return _second_reading(source, exc)
        with closing(pdf):
            try:
                pages = [_read_page(pdf, index) for index in range(len(pdf))]
            except pypdfium2.PdfiumError as exc:
                return _second_reading(source, BrokenFileError(str(exc)))
            if not any(page.words or page.turned for page in pages):
                rescued = _rescue_text(source)
                if rescued is not None:
                    return rescued
            metadata = _metadata(pdf)
            scans = _read_scans(pdf, pages) if source.ocr else _Scans()
        if not pages:
            raise BrokenFileError("the PDF has no pages")
        return _compose(pages, metadata, scans)


def _open(source: Source) -> pypdfium2.PdfDocument:
    for password in (None, "", *source.passwords):
        try:
            return pypdfium2.PdfDocument(source.path, password=password)
        except pypdfium2.PdfiumError as exc:
            if getattr(exc, "err_code", None) != pdfium.FPDF_ERR_PASSWORD:
                raise BrokenFileError(f"this is not a readable PDF: {exc}") from exc
    given = len(source.passwords)
    raise PasswordError(
        f"the PDF is encrypted and none of the {given} passwords given opens it"
        if given
        else "the PDF is encrypted; give its password to read it"
    )


def _read_page(pdf: pypdfium2.PdfDocument, index: int) -> PageText:
    label = pdf.get_page_label(index) or ""
    try:
        page = pdf[index]
    except pypdfium2.PdfiumError:
        return PageText(label=label, height=0.0, words=())
    with closing(page):
        textpage = pdfium.FPDFText_LoadPage(page.raw)
        if not textpage:
            return PageText(label=label, height=page.get_height(), words=())
        try:
            reader = _WordReader(textpage)
            quarters = reader.read()
        finally:
            pdfium.FPDFText_ClosePage(textpage)
        horizontal, vertical = _rules(page.raw)
        upright = _upright(label, page, quarters, horizontal, vertical)
        return replace(upright, lost=reader.lost)


def _upright(
    label: str,
    page: pypdfium2.PdfPage,
    quarters: dict[int, list[Word]],
    horizontal: list[Rule],
    vertical: list[Rule],
) -> PageText:
    """Return the page turned so that most of its text runs to the right."""
    main = max(quarters, key=lambda turn: sum(len(w.text) for w in quarters[turn]), default=0)
    left, bottom, right, top = page.get_mediabox()
    origin = {0: bottom, 1: -right, 2: -top, 3: left}[main]
    height = (right - left) if main % 2 else (top - bottom)
    words = tuple(quarters.get(main, []))
    if origin:
        words = tuple(replace(word, baseline=word.baseline - origin) for word in words)
    turned = tuple(
        segment.text
        for turn, others in sorted(quarters.items())
        if turn != main
        for segment in segments(others)
    )
    across, down = _turn_rules(horizontal, vertical, main, origin)
    return PageText(
        label=label, height=height, words=words, horizontal=across, vertical=down, turned=turned
    )


def _turn_rules(
    horizontal: list[Rule], vertical: list[Rule], turn: int, origin: float
) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    for _ in range(turn):
        # A quarter turn clockwise takes (x, y) to (y, -x).
        horizontal, vertical = (
            [Rule(-rule.at, rule.start, rule.end) for rule in vertical],
            [Rule(rule.at, -rule.end, -rule.start) for rule in horizontal],
        )
    return (
        tuple(replace(rule, at=rule.at - origin) for rule in horizontal),
        tuple(Rule(r.at, r.start - origin, r.end - origin) for r in vertical),
    )


@dataclass(slots=True)
class _WordReader:
    """Reads the words of one page; asks pdfium once a word, not once a character."""

    page: Any
    lost: int = 0
    _box: Any = field(default_factory=pdfium.FS_RECTF)
    _matrix: Any = field(default_factory=pdfium.FS_MATRIX)
    _fonts: dict[int, tuple[float, float, bool]] = field(default_factory=dict)

    def read(self) -> dict[int, list[Word]]:
        """Return the words by the quarter turns (0 to 3) of their direction."""
        count = pdfium.FPDFText_CountChars(self.page)
        found: dict[int, list[Word]] = {}
        guessed: list[tuple[int, Word]] = []
        if count <= 0:
            return found
        for start, end, text in self._spans(count):
            turn, word = self._word(start, end, text)
            if word is None:
                continue
            if pdfium.FPDFText_HasUnicodeMapError(self.page, start) > 0:
                guessed.append((turn, word))
            else:
                found.setdefault(turn, []).append(word)
        # Where a font does not say which letters it shows, pdfium takes its codes for letters.
        shown = "".join(word.text for _, word in guessed)
        if 2 * sum(map(str.isalpha, shown)) < len(shown):
            self.lost = len(shown)
            guessed = []
        for turn, word in guessed:
            found.setdefault(turn, []).append(word)
        return found

    def _spans(self, count: int) -> Iterator[tuple[int, int, str]]:
        """Yield first and last character index and text of every word."""
        buffer = (ctypes.c_ushort * (count * 2 + 2))()
        units = pdfium.FPDFText_GetText(self.page, 0, count, buffer) - 1
        text = ""
        if units > 0:
            text = ctypes.string_at(buffer, units * 2).decode("utf-16-le", "replace")
        if len(text) != count or "\x00" in text:
            # Text and characters count differently: astral planes, characters without Unicode.
            codes = (pdfium.FPDFText_GetUnicode(self.page, index) for index in range(count))
            text = "".join(map(_character, codes))
        for match in _WORD.finditer(text):
            yield match.start(), match.end() - 1, match.group()

    def _word(self, start: int, end: int, text: str) -> tuple[int, Word | None]:
        size, angle, bold = self._font(start)
        # pdfium measures clockwise.
        turn = -round(angle / (math.pi / 2)) % 4
        first, last = self._edges(start), self._edges(end)
        if first is None or last is None:
            return 0, None
        behind, ahead = turn, (turn + 2) % 4
        if turn < 2:
            low, high = min(first[behind], last[behind]), max(first[ahead], last[ahead])
        else:
            low, high = -max(first[behind], last[behind]), -min(first[ahead], last[ahead])
        text = text.replace("\x02", "\ufffe")
        return turn, Word(text, low, high, self._baseline(start, turn), size, bold)

    def _edges(self, index: int) -> tuple[float, float, float, float] | None:
        """Return left, bottom, right and top of a character's box."""
        if not pdfium.FPDFText_GetLooseCharBox(self.page, index, ctypes.byref(self._box)):
            return None
        box = self._box
        return box.left, box.bottom, box.right, box.top

    def _baseline(self, index: int, turn: int) -> float:
        x, y = ctypes.c_double(), ctypes.c_double()
        pdfium.FPDFText_GetCharOrigin(self.page, index, ctypes.byref(x), ctypes.byref(y))
        return (y.value, -x.value, -y.value, x.value)[turn]

    def _font(self, index: int) -> tuple[float, float, bool]:
        """Return size in points, angle and boldness; cached for each text object."""
        item = pdfium.FPDFText_GetTextObject(self.page, index)
        address = ctypes.cast(item, ctypes.c_void_p).value or 0
        known = self._fonts.get(address)
        if known is not None and address:
            return known
        size = pdfium.FPDFText_GetFontSize(self.page, index)
        if pdfium.FPDFText_GetMatrix(self.page, index, ctypes.byref(self._matrix)):
            size *= math.hypot(self._matrix.c, self._matrix.d)
        box = self._edges(index)
        # The box of a turned character is as tall as the character is wide.
        tall = max(box[3] - box[1], box[2] - box[0], 1.0) if box else 10.0
        if not 0.3 * tall <= size <= 3 * tall:
            size = 0.8 * tall
        angle = max(pdfium.FPDFText_GetCharAngle(self.page, index), 0.0)
        known = (size, angle, bool(item) and _is_bold(item))
        self._fonts[address] = known
        return known


def _character(code: int) -> str:
    if code in {0x02, 0xFFFE}:
        return "\ufffe"
    return chr(code) if code and not 0xD800 <= code <= 0xDFFF else "\ufffd"


def _is_bold(item: Any) -> bool:
    font = pdfium.FPDFTextObj_GetFont(item)
    if not font:
        return False
    if pdfium.FPDFFont_GetWeight(font) >= 600:
        return True
    buffer = ctypes.create_string_buffer(128)
    pdfium.FPDFFont_GetBaseFontName(font, buffer, 128)
    return bool(_HEAVY.search(buffer.value.decode("ascii", "ignore")))


def _rules(page: Any) -> tuple[list[Rule], list[Rule]]:
    """Return the drawn horizontal and vertical lines of a page, edges of boxes included."""
    horizontal: list[Rule] = []
    vertical: list[Rule] = []
    edges = [ctypes.c_float() for _ in range(4)]
    pointers = [ctypes.byref(edge) for edge in edges]
    for index in range(min(pdfium.FPDFPage_CountObjects(page), _MAX_OBJECTS)):
        item = pdfium.FPDFPage_GetObject(page, index)
        if pdfium.FPDFPageObj_GetType(item) != pdfium.FPDF_PAGEOBJ_PATH:
            continue
        count = pdfium.FPDFPath_CountSegments(item)
        if count > 5:
            if count <= _MAX_SEGMENTS:
                _trace(item, count, horizontal, vertical)
            continue
        if pdfium.FPDFPageObj_GetBounds(item, *pointers):
            left, bottom, right, top = (edge.value for edge in edges)
            _add_box(left, bottom, right, top, horizontal, vertical)
    return horizontal, vertical


def _add_box(
    left: float,
    bottom: float,
    right: float,
    top: float,
    horizontal: list[Rule],
    vertical: list[Rule],
) -> None:
    if top - bottom <= _THIN < right - left:
        horizontal.append(Rule((top + bottom) / 2, left, right))
    elif right - left <= _THIN < top - bottom:
        vertical.append(Rule((left + right) / 2, bottom, top))
    elif right - left > _THIN:
        horizontal += [Rule(bottom, left, right), Rule(top, left, right)]
        vertical += [Rule(left, bottom, top), Rule(right, bottom, top)]


def _trace(item: Any, count: int, horizontal: list[Rule], vertical: list[Rule]) -> None:
    """Add the straight edges of a path with several strokes, such as a whole drawn grid."""
    matrix = pdfium.FS_MATRIX()
    pdfium.FPDFPageObj_GetMatrix(item, ctypes.byref(matrix))
    x, y = ctypes.c_float(), ctypes.c_float()
    last: tuple[float, float] | None = None
    for index in range(count):
        step = pdfium.FPDFPath_GetPathSegment(item, index)
        pdfium.FPDFPathSegment_GetPoint(step, ctypes.byref(x), ctypes.byref(y))
        here = (
            matrix.a * x.value + matrix.c * y.value + matrix.e,
            matrix.b * x.value + matrix.d * y.value + matrix.f,
        )
        if last and pdfium.FPDFPathSegment_GetType(step) == pdfium.FPDF_SEGMENT_LINETO:
            left, right = sorted((last[0], here[0]))
            bottom, top = sorted((last[1], here[1]))
            if min(right - left, top - bottom) < 0.5:
                _add_box(left, bottom, right, top, horizontal, vertical)
        last = here


def _metadata(pdf: pypdfium2.PdfDocument) -> dict[str, MetadataValue]:
    metadata: dict[str, MetadataValue] = {}
    for key, value in pdf.get_metadata_dict(skip_empty=True).items():
        if key in _FIELDS and value.strip():
            metadata[_FIELDS[key]] = value.strip()
        elif key in _DATES and (moment := iso_from_pdf(value)):
            metadata[_DATES[key]] = moment
    return metadata


@dataclass(frozen=True, slots=True)
class _Scans:
    """What OCR reads on the pages without text, by index; why it could not, if it could not."""

    paragraphs: dict[int, list[str]] = field(default_factory=dict)
    failure: str = ""


def _read_scans(pdf: pypdfium2.PdfDocument, pages: Sequence[PageText]) -> _Scans:
    found: dict[int, list[str]] = {}
    try:
        for index, page in enumerate(pages):
            if not page.words and not page.turned:
                with closing(pdf[index]) as sheet:
                    area = max(sheet.get_width() * sheet.get_height(), 1.0)
                    scale = min(ocr.DPI / 72, math.sqrt(ocr.MAX_PIXELS / area))
                    with closing(sheet.render(scale=scale, grayscale=True)) as bitmap:
                        found[index] = ocr.paragraphs(bitmap.to_pil())
    except SourceError as exc:
        return _Scans(found, str(exc))
    except (pypdfium2.PdfiumError, ImportError) as exc:
        return _Scans(found, f"a page cannot be drawn: {exc}")
    return _Scans(found)


def _compose(
    pages: Sequence[PageText], metadata: dict[str, MetadataValue], scans: _Scans
) -> Document:
    laid_out, running = _lay_out(pages)
    if running:
        metadata = {**metadata, "running_lines": " | ".join(running)}
    every = [draft for page in laid_out for draft in page]
    style = style_of(every)
    lexicon = Lexicon(text for draft in every for text in draft.texts)
    builder = DocumentBuilder("pdf")
    writer = _Writer(builder, style, lexicon)
    for number, (page, found) in enumerate(zip(pages, laid_out, strict=True), start=1):
        builder.page(page.label)
        writer.write(found)
        for text in page.turned:
            builder.add(BlockKind.PARAGRAPH, text)
        name = page.label or str(number)
        scanned = scans.paragraphs.get(number - 1, [])
        for text in scanned:
            builder.add(BlockKind.PARAGRAPH, text)
        if scanned:
            builder.notice(f"page {name} has no text of its own and was read with OCR")
        elif page.lost >= _LOST:
            builder.notice(
                f"{page.lost} characters of page {name} could not be read: their font does not "
                "say which letters it shows"
            )
        elif not page.words and not page.turned:
            builder.notice(f"page {name} has no text; it may be a scan")
    if scans.failure:
        builder.notice(f"pages without text were not all read: {scans.failure}")
    title = str(metadata.get("title", ""))
    builder.title = writer.first_title if not title or _NO_TITLE.search(title) else title
    return builder.build(metadata)


def _lay_out(pages: Sequence[PageText]) -> tuple[list[list[Draft]], list[str]]:
    """Return the drafts of each page in reading order, and the running lines left out."""
    grids: list[list[Grid]] = []
    lines: list[list[Segment]] = []
    for page in pages:
        tables, rest = ruled_grids(page.words, page.horizontal, page.vertical)
        grids.append(tables)
        lines.append(segments(rest, page.vertical))
    lines, running = without_running_lines(lines, [page.height for page in pages])
    laid_out = [
        continue_columns(
            [
                drafts(column, page.horizontal)
                for column in reading_order([*found, *tables], page.horizontal)
            ]
        )
        for page, tables, found in zip(pages, grids, lines, strict=True)
    ]
    return laid_out, running


class _Writer:
    """Writes drafts as blocks; remembers a table's header for its rows on the next page."""

    def __init__(self, builder: DocumentBuilder, style: Style, lexicon: Lexicon) -> None:
        self._builder = builder
        self._style = style
        self._lexicon = lexicon
        self._header: tuple[str, ...] = ()
        self._edges: tuple[float, ...] = ()
        self.first_title = ""

    def write(self, found: Sequence[Draft]) -> None:
        """Write the drafts of one page."""
        for draft in found:
            if draft.table is not None:
                self._table(draft.table)
            else:
                self._block(draft)

    def _block(self, draft: Draft) -> None:
        text = self._lexicon.join(draft.texts)
        item = list_item(text)
        text = _LEADERS.sub(" \u2026 ", text)
        if is_heading(draft, self._style):
            level = level_of(draft, self._style)
            if level == 1 and not self.first_title:
                self.first_title = text
            self._builder.add(BlockKind.HEADING, text, level=level)
        elif is_caption(text):
            self._builder.add(BlockKind.CAPTION, text)
        elif item is not None:
            self._builder.add(BlockKind.LIST_ITEM, _LEADERS.sub(" \u2026 ", item))
        else:
            self._builder.add(BlockKind.PARAGRAPH, text)
        self._edges = ()

    def _table(self, grid: Grid) -> None:
        header = header_of(grid.rows, marked=grid.ruled)
        rows = [[_LEADERS.sub(" \u2026 ", cell.text) for cell in row] for row in grid.rows]
        if header:
            self._header = header
            rows = rows[1:]
        elif not self._goes_on(grid):
            self._header = ()
        elif rows[0] == list(self._header):
            rows = rows[1:]
        self._edges = grid.edges
        for row in rows:
            self._builder.add(
                BlockKind.TABLE_ROW, render_row(self._header, row).replace("\ufffe", "-")
            )

    def _goes_on(self, grid: Grid) -> bool:
        return len(grid.edges) == len(self._edges) and all(
            abs(a - b) <= 6 for a, b in zip(grid.edges, self._edges, strict=True)
        )


def _second_reading(source: Source, first: SourceError) -> Document:
    """Return what pypdf reads of a file that pdfium refused.

    Raises:
        SourceError: The first reader's, if pypdf fails as well.
    """
    try:
        return _read_with_pypdf(source)
    except PasswordError:
        raise
    except Exception as exc:
        raise first from exc


def _rescue_text(source: Source) -> Document | None:
    try:
        document = _read_with_pypdf(source)
    except Exception:  # noqa: BLE001 - pdfium's own finding (no text) stands
        return None
    return document if document.text else None


def _read_with_pypdf(source: Source) -> Document:
    import pypdf

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    reader = pypdf.PdfReader(source.path)
    if reader.is_encrypted and not any(map(reader.decrypt, ("", *source.passwords))):
        raise PasswordError("the PDF is encrypted and no password given opens it")
    builder = DocumentBuilder("pdf")
    labels = list(reader.page_labels)
    for number, page in enumerate(reader.pages, start=1):
        builder.page(labels[number - 1] if number <= len(labels) else "")
        lines = page.extract_text().splitlines()
        for paragraph in _plain_paragraphs(lines):
            builder.add(BlockKind.PARAGRAPH, Lexicon(lines).join(paragraph))
        if not any(line.strip() for line in lines):
            builder.notice(f"page {number} has no text; it may be a scan")
    if not len(reader.pages):
        raise BrokenFileError("the PDF has no pages")
    builder.notice("read by the second reader, without layout: the file is damaged or unusual")
    return builder.build()


def _plain_paragraphs(lines: Sequence[str]) -> Iterator[list[str]]:
    """Yield runs of lines; a line that is clearly shorter than the page's ends one."""
    width = max((len(line) for line in lines), default=0)
    current: list[str] = []
    for line in lines:
        if line.strip():
            current.append(line)
        if current and (not line.strip() or len(line) < 0.7 * width):
            yield current
            current = []
    if current:
        yield current
