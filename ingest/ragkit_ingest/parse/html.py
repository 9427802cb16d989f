"""HTML: the article of a page, without its navigation, scripts and hidden parts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree  # type: ignore[import-untyped]

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.parse.builder import DocumentBuilder, fold_space
from ragkit_ingest.parse.encoding import Decoded, decode
from ragkit_ingest.parse.file import read_bytes
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.row import Cell, header_of, render_row
from ragkit_ingest.records import BlockKind, Document, MetadataValue

Element = Any
"""An lxml element; its type stubs are not a dependency."""

_NEVER_NAMES = """
    script style noscript template svg iframe object embed canvas audio video map select
    textarea button input datalist dialog head math
"""
_NEVER = frozenset(_NEVER_NAMES.split())
_AROUND = frozenset({"nav", "aside", "header", "footer", "menu", "search"})
_AROUND_ROLES = frozenset({"navigation", "banner", "contentinfo", "search", "complementary"})
_BLOCK_NAMES = """
    address article aside blockquote body center dd details div dl dt fieldset figcaption
    figure footer form h1 h2 h3 h4 h5 h6 header hr html li main nav ol p section summary
    table tbody td tfoot th thead tr ul caption legend
"""
_BLOCKS = frozenset(_BLOCK_NAMES.split())
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_HIDDEN_STYLE = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))", re.IGNORECASE
)
# What nobody does to a text that is meant to be read, and no script is to show later.
_ZERO = r"[+-]?0*\.?0*(?:[a-z]+|%)?\s*(?:!\s*important\s*)?(?:;|$)"
_CONCEALED = re.compile(
    rf"(?:^|;)\s*(?:font-size\s*:\s*{_ZERO}|opacity\s*:\s*{_ZERO}"
    r"|color\s*:\s*transparent|-webkit-text-fill-color\s*:\s*transparent"
    r"|(?:left|top|right|bottom|text-indent)\s*:\s*-\d{4,}"
    r"|clip\s*:\s*rect\(\s*0(?:px)?[\s,]+0(?:px)?[\s,]+0(?:px)?[\s,]+0(?:px)?\s*\)"
    r"|font\s*:[^;]*\b0(?:px|pt|em)\b)",
    re.IGNORECASE,
)
_COLOURS = re.compile(
    r"(?:^|;)\s*(color|background(?:-color)?)\s*:\s*([^;!]+?)\s*(?=!|;|$)", re.IGNORECASE
)
_NAMED = {"white": "#fff", "black": "#000", "#ffffff": "#fff", "#000000": "#000"}
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
_XML_CHARSET = re.compile(rb"^\s*<\?xml[^>]{0,100}encoding\s*=\s*[\"']([\w.:-]{2,40})")
_META = {
    "description": "description",
    "author": "author",
    "keywords": "keywords",
    "date": "date",
    "dc.date": "date",
    "dc.creator": "author",
    "article:published_time": "date",
    "article:modified_time": "modified",
    "last-modified": "modified",
}
_MENU = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|menu|breadcrumbs?|sidebar|dropdown|toc|lang)(?:$|[\s_-])",
    re.IGNORECASE,
)
_SHARE = 0.25
_WINDOWS = {"iso-8859-1": "windows-1252", "latin1": "windows-1252", "us-ascii": "windows-1252"}


class HtmlParser:
    """Reads HTML and XHTML."""

    name = "html"
    version = 2
    suffixes = frozenset({".html", ".htm", ".xhtml"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document.

        Raises:
            BrokenFileError: If the file is not text or holds no element.
        """
        data = read_bytes(source.path)
        builder = DocumentBuilder("html")
        metadata = read_html(builder, decode(data, declared_charset(data)))
        return builder.build(metadata)


def read_html(builder: DocumentBuilder, decoded: Decoded) -> dict[str, MetadataValue]:
    """Write a page's blocks and its title, and return what it states about itself.

    Raises:
        BrokenFileError: If it holds no element.
    """
    builder.notice(*decoded.notices)
    root = _tree(decoded)
    if root is None:
        raise BrokenFileError("the file holds no HTML")
    if concealed := _uncover(root):
        builder.notice(
            f"{concealed} {'part' if concealed == 1 else 'parts'} with text that no reader sees "
            "(no size, no colour, off the page) was left out"
        )
    metadata = _metadata(root)
    _write(builder, root)
    title = root.find(".//title")
    if title is not None and _visible(title):
        builder.title = _visible(title)
    return metadata


def declared_charset(data: bytes) -> str:
    """Return the encoding that the page states, as browsers understand it; empty if none."""
    match = _CHARSET.search(data[:4096]) or _XML_CHARSET.search(data)
    if match is None:
        return ""
    name = match.group(1).decode("ascii", "ignore").lower()
    # A page whose meta element can be read as ASCII is not in UTF-16.
    return "utf-8" if name.startswith("utf-16") else _WINDOWS.get(name, name)


def add_html(builder: DocumentBuilder, text: str) -> str:
    """Add the blocks of an HTML text, such as a mail's body or a fragment in Markdown.

    Returns:
        The text of its first heading, else its title, else an empty text.
    """
    root = _tree(Decoded(text=text, encoding="utf-8"))
    if root is None:
        return ""
    _uncover(root)
    _write(builder, root)
    heading = next((_visible(element) for element in root.iter(*_HEADINGS)), "")
    title = root.find(".//title")
    return heading or ("" if title is None else _visible(title))


def _tree(decoded: Decoded) -> Element | None:
    text = decoded.text.replace("\x00", "")
    parser = etree.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True, huge_tree=True
    )
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except (etree.LxmlError, ValueError) as exc:
        if not text.strip() or "empty" in str(exc).lower():
            return None
        raise BrokenFileError(f"the HTML cannot be read: {exc}") from exc
    # The parser stops there and forgets the rest of the page, without an error.
    if any("Excessive depth" in entry.message for entry in parser.error_log):
        raise BrokenFileError("the HTML is nested too deeply to read")
    return root


def _write(builder: DocumentBuilder, root: Element) -> None:
    body = root if root.tag == "body" else root.find(".//body")
    body = root if body is None else body
    whole = len(_visible(body))
    before = builder.length
    for content, drop_around in ((_content(body, whole), True), (body, False)):
        if builder.length > before:
            return
        _Walk(builder, drop_around=drop_around and content is body, forms=whole).write(content)


def _visible(element: Element) -> str:
    """Return the text of an element, without scripts and styles."""
    parts: list[str] = []
    for text in element.itertext():
        parent = text.getparent() if hasattr(text, "getparent") else None
        if parent is None or text.is_tail or parent.tag not in _NEVER:
            parts.append(str(text))
    return fold_space("".join(parts))


def _content(body: Element, whole: int) -> Element:
    """Return the element that holds the page's own text: main, the one article, or the body."""
    mains = [e for e in body.iter("main") if not _is_hidden(e)]
    mains += [e for e in body.iter("div", "section") if e.get("role") == "main"]
    articles = [e for e in body.iter("article") if not _is_hidden(e)]
    candidates = mains[:1] + (articles if len(articles) == 1 else [])
    for candidate in candidates:
        if len(_visible(candidate)) >= _SHARE * whole:
            return candidate
    return body


def _is_hidden(element: Element) -> bool:
    return (
        element.get("hidden") is not None
        or (element.get("aria-hidden") or "").lower() == "true"
        or bool(_HIDDEN_STYLE.search(element.get("style") or ""))
    )


def _uncover(root: Element) -> int:
    """Take out what is hidden, wherever it stands; return how many parts were concealed."""
    hidden = [element for element in root.iter("*") if element is not root and _is_hidden(element)]
    concealed = [
        element
        for element in root.iter("*")
        if element is not root and _is_concealed(element) and _visible(element)
    ]
    for element in (*hidden, *concealed):
        _take_out(element)
    return len(concealed)


def _take_out(element: Element) -> None:
    """Remove an element and all within it, but not the text behind it."""
    parent, tail = element.getparent(), element.tail
    if parent is None:
        return
    before = element.getprevious()
    if tail and before is not None:
        before.tail = (before.tail or "") + tail
    elif tail:
        parent.text = (parent.text or "") + tail
    element.tail = None
    parent.remove(element)


def _is_concealed(element: Element) -> bool:
    style = element.get("style") or ""
    if not style:
        return False
    if _CONCEALED.search(style):
        return True
    colours = {name.lower(): _colour(value) for name, value in _COLOURS.findall(style)}
    ground = colours.get("background-color", colours.get("background"))
    return ground is not None and colours.get("color") == ground


def _colour(value: str) -> str:
    plain = "".join(value.lower().split())
    return _NAMED.get(plain, plain)


@dataclass(slots=True)
class _Open:
    """An open element that decides what its text is."""

    element: Element
    kind: BlockKind
    level: int = 0
    prefix: str = ""


class _Walk:
    """Walks a tree without recursion and writes its blocks."""

    def __init__(self, builder: DocumentBuilder, *, drop_around: bool, forms: int) -> None:
        self._builder = builder
        self._drop_around = drop_around
        self._whole = forms
        self._text: list[str] = []
        self._open: list[_Open] = []
        self._counters: list[int | None] = []
        self._term = ""

    def write(self, root: Element) -> None:
        """Write the blocks of an element and all within it."""
        walker = etree.iterwalk(root, events=("start", "end"))
        for event, element in walker:
            if event == "start":
                if self._start(element, root):
                    walker.skip_subtree()
            else:
                self._end(element, root)
        self._flush()

    def _start(self, element: Element, root: Element) -> bool:
        """Begin an element; whether what is inside it is to be skipped."""
        tag = element.tag if isinstance(element.tag, str) else ""
        if element is not root and self._is_dropped(element, tag):
            return True
        if tag in _BLOCKS or tag == "pre":
            self._flush()
        if tag == "pre":
            self._builder.add(BlockKind.CODE, "".join(element.itertext()), verbatim=True)
            return True
        if tag == "table" and _is_data(element):
            self._table(element)
            return True
        self._enter(element, tag)
        if tag == "br":
            self._text.append(" ")
        self._text.append(element.text or "")
        return False

    def _enter(self, element: Element, tag: str) -> None:
        if tag in _HEADINGS:
            self._open.append(_Open(element, BlockKind.HEADING, level=_HEADINGS[tag]))
        elif tag in {"ul", "ol", "menu"}:
            start = element.get("start") or "1"
            number = int(start) if start.isdecimal() and len(start) < 9 else 1
            self._counters.append(number if tag == "ol" else None)
        elif tag == "li":
            self._open.append(_Open(element, BlockKind.LIST_ITEM, prefix=self._number()))
        elif tag == "dd":
            prefix = f"{self._term.rstrip(':')}: " if self._term else ""
            self._open.append(_Open(element, BlockKind.LIST_ITEM, prefix=prefix))
            self._term = ""
        elif tag == "dt":
            self._flush_term()
            self._open.append(_Open(element, BlockKind.LIST_ITEM))
        elif tag in {"figcaption", "caption"}:
            self._open.append(_Open(element, BlockKind.CAPTION))

    def _number(self) -> str:
        if not self._counters or self._counters[-1] is None:
            return ""
        number = self._counters[-1]
        self._counters[-1] = number + 1
        return f"{number}. "

    def _end(self, element: Element, root: Element) -> None:
        tag = element.tag if isinstance(element.tag, str) else ""
        if tag == "dt" and self._open and self._open[-1].element is element:
            self._term = fold_space("".join(self._text))
            self._text = []
        elif tag in _BLOCKS:
            self._flush()
        if tag in {"ul", "ol", "menu"} and self._counters and not self._is_skipped(element, root):
            self._counters.pop()
        if tag == "dl":
            self._flush_term()
        if self._open and self._open[-1].element is element:
            self._open.pop()
        if element is not root:
            self._text.append(element.tail or "")

    def _is_skipped(self, element: Element, root: Element) -> bool:
        return element is not root and self._is_dropped(element, element.tag)

    def _flush_term(self) -> None:
        if self._term:
            self._builder.add(BlockKind.LIST_ITEM, self._term)
            self._term = ""

    def _flush(self) -> None:
        text = fold_space("".join(self._text))
        self._text = []
        if not text:
            return
        here = self._open[-1] if self._open else None
        if here is None:
            self._builder.add(BlockKind.PARAGRAPH, text)
            return
        if here.kind is BlockKind.HEADING and here.level == 1 and not self._builder.title:
            self._builder.title = text
        self._builder.add(here.kind, here.prefix + text, level=here.level)
        here.prefix = ""

    def _is_dropped(self, element: Element, tag: str) -> bool:
        if tag in _NEVER or _is_hidden(element):
            return True
        if tag == "form":
            return 2 * len(_visible(element)) < self._whole
        if tag == "nav" or element.get("role") == "navigation" or _is_menu(element, tag):
            return True
        if not self._drop_around:
            return False
        around = tag in _AROUND or element.get("role") in _AROUND_ROLES
        return around and not _is_of_the_article(element, tag)

    def _table(self, table: Element) -> None:
        for caption in table.iter("caption"):
            self._builder.add(BlockKind.CAPTION, _visible(caption))
        rows = [row for row in _rows(table) if any(cell.text for cell in row)]
        header: tuple[str, ...] = ()
        first = next(iter(table.iter("tr")), None)
        if first is not None and len(rows) > 1 and _is_header(first):
            header = tuple(cell.text for cell in rows[0])
        elif rows:
            header = header_of(rows)
        for row in rows[bool(header) :]:
            text = render_row(header, [cell.text for cell in row])
            self._builder.add(BlockKind.TABLE_ROW, text)


def _is_menu(element: Element, tag: str) -> bool:
    """Whether an element is called a menu and holds hardly anything but links."""
    if tag not in {"div", "ul", "ol", "section", "details"}:
        return False
    if not _MENU.search(f"{element.get('id') or ''} {element.get('class') or ''}"):
        return False
    linked = sum(len(_visible(link)) for link in element.iter("a"))
    return linked >= 0.8 * len(_visible(element))


def _is_of_the_article(element: Element, tag: str) -> bool:
    """Whether a header or an aside belongs to the text rather than to the site."""
    if tag == "header" and element.find(".//h1") is not None:
        return True
    return any(parent.tag in {"article", "main"} for parent in element.iterancestors())


def _is_data(table: Element) -> bool:
    """Whether a table holds data rather than the layout of a page."""
    if table.find(".//table") is not None or table.get("role") == "presentation":
        return False
    if table.find(".//th") is not None:
        return True
    if next(table.iter("h1", "h2", "h3", "ul", "ol", "pre", "form"), None) is not None:
        return False
    rows = list(table.iter("tr"))
    widest = max((sum(cell.tag == "td" for cell in row) for row in rows), default=0)
    return len(rows) >= 2 and widest >= 2


def _is_header(row: Element) -> bool:
    cells = [cell for cell in row if cell.tag in {"td", "th"}]
    inside_head = any(parent.tag == "thead" for parent in row.iterancestors())
    return bool(cells) and (inside_head or all(cell.tag == "th" for cell in cells))


def _rows(table: Element) -> Iterator[list[Cell]]:
    """Yield the rows, cells that reach down repeated in the rows they reach."""
    hanging: dict[int, tuple[Cell, int]] = {}
    for row in table.iter("tr"):
        if _is_hidden(row):
            continue
        cells: list[Cell] = []
        for element in [cell for cell in row if cell.tag in {"td", "th"}]:
            _take_hanging(cells, hanging)
            first, down = _cell(element), _count(element, "rowspan")
            # A name stands above each column it spans; a value is told once.
            rest = first if element.tag == "th" else Cell("")
            for place in range(_count(element, "colspan")):
                cell = rest if place else first
                if down > 1:
                    hanging[len(cells)] = (cell, down - 1)
                cells.append(cell)
        _take_hanging(cells, hanging)
        yield cells


def _take_hanging(cells: list[Cell], hanging: dict[int, tuple[Cell, int]]) -> None:
    while (place := len(cells)) in hanging:
        cell, left = hanging.pop(place)
        cells.append(cell)
        if left > 1:
            hanging[place] = (cell, left - 1)


def _count(element: Element, name: str) -> int:
    span = element.get(name) or "1"
    return max(1, min(int(span), 60)) if span.isdecimal() and len(span) < 6 else 1


def _cell(element: Element) -> Cell:
    text = _spaced(element)
    strong = any(_visible(part) == text for part in element.iter("b", "strong"))
    return Cell(text, bold=element.tag == "th" or strong)


def _spaced(cell: Element) -> str:
    """Return a cell's text with a space wherever a block or a line inside it ends."""
    parts: list[str] = []
    for event, element in etree.iterwalk(cell, events=("start", "end")):
        tag = element.tag
        if tag in _BLOCKS or tag == "br":
            parts.append(" ")
        if event == "start" and tag not in _NEVER:
            parts.append(element.text or "")
        elif event == "end" and element is not cell:
            parts.append(element.tail or "")
    return fold_space("".join(parts))


def _metadata(root: Element) -> dict[str, MetadataValue]:
    metadata: dict[str, MetadataValue] = {}
    if root.get("lang"):
        metadata["language"] = root.get("lang")
    for meta in root.iter("meta"):
        name = (meta.get("name") or meta.get("property") or "").strip().lower()
        content = fold_space(meta.get("content") or "")
        if name in _META and content:
            metadata.setdefault(_META[name], content)
    return metadata
