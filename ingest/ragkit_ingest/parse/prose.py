"""XML that holds a text (DocBook, JATS, TEI, DITA, FictionBook): chapters, paragraphs, tables."""

from __future__ import annotations

from collections.abc import Iterator

from ragkit_ingest.parse.builder import DocumentBuilder, fold_space
from ragkit_ingest.parse.row import Cell, header_of, render_row
from ragkit_ingest.parse.tree import Element, local_name
from ragkit_ingest.records import BlockKind, MetadataValue

_ROOTS = frozenset(
    {"FictionBook", "article", "book", "chapter", "TEI", "TEI.2", "refentry", "dtbook", "topic",
     "concept", "task", "reference", "dita", "part", "section"}
)  # fmt: skip
_PARAGRAPHS = frozenset(
    {"p", "para", "simpara", "v", "l", "text-author", "attrib", "shortdesc", "cmd", "aff", "dt",
     "mixed-citation", "element-citation", "bibliomixed", "subtitle", "contrib", "author", "term"}
)  # fmt: skip
_TITLES = frozenset({"title", "head", "article-title", "book-title"})
_ITEMS = frozenset({"listitem", "list-item", "item", "li", "step", "dd", "def"})
_CODE = frozenset({"programlisting", "screen", "literallayout", "codeblock", "preformat", "code"})
_TABLES = frozenset({"table", "informaltable", "tgroup", "simpletable"})
_SECTIONS = frozenset(
    {"section", "sec", "sect1", "sect2", "sect3", "sect4", "sect5", "chapter", "appendix", "part",
     "div", "div1", "div2", "div3", "body", "topic", "concept", "task", "reference", "abstract",
     "ack", "ref-list", "preface", "refsect1", "refsect2", "bibliography", "glossary"}
)  # fmt: skip
_CHAPTERS = frozenset({"chapter", "appendix", "preface"})
_DROPPED = frozenset(
    {
        "binary",
        "genre",
        "journal-id",
        "stylesheet",
        "indexterm",
        "coverpage",
        "journal-meta",
        "permissions",
        "publish-info",
        "document-info",
        "history",
        "custom-meta-group",
        "article-id",
    }
)
_MAX_DEPTH = 200


def is_prose(root: Element) -> bool:
    """Whether the XML is of a vocabulary for texts, and holds paragraphs."""
    if local_name(root) not in _ROOTS:
        return False
    return next(root.iter("{*}p", "{*}para", "{*}simpara"), None) is not None


def add_prose(builder: DocumentBuilder, root: Element) -> dict[str, MetadataValue]:
    """Write the blocks of a text; chapters of books are pages.

    Returns:
        What the text states about itself, as a Document's metadata.
    """
    _Walk(builder).write(root, 0, 0)
    return _metadata(root)


class _Walk:
    """Goes through the elements; depth is bounded, since the XML reader bounds it."""

    def __init__(self, builder: DocumentBuilder) -> None:
        self._builder = builder

    def write(self, element: Element, level: int, depth: int) -> None:
        """Write what is inside an element.

        Args:
            element: Part of the tree.
            level: How many sections it stands in.
            depth: How many elements it stands in.
        """
        for child in element:
            name = local_name(child)
            if not name or name in _DROPPED or depth > _MAX_DEPTH:
                continue
            if name in _TITLES:
                self._title(child, level)
            elif name in _CODE:
                self._builder.add(BlockKind.CODE, "".join(child.itertext()), verbatim=True)
            elif name in _TABLES:
                self._table(child)
            elif name in _ITEMS:
                self._item(child, level, depth)
            elif name in _PARAGRAPHS or _is_text(child):
                self._builder.add(BlockKind.PARAGRAPH, _words(child))
            else:
                self._container(child, name, level, depth)

    def _container(self, element: Element, name: str, level: int, depth: int) -> None:
        if _is_chapter(element, name):
            title = next((c for c in element if local_name(c) in _TITLES), None)
            self._builder.page("" if title is None else _words(title))
        deeper = name in _SECTIONS and name != "body"
        self.write(element, level + deeper, depth + 1)

    def _title(self, element: Element, level: int) -> None:
        text = _words(element)
        if not self._builder.title:
            self._builder.title = text
        self._builder.add(BlockKind.HEADING, text, level=min(level + 1, 6))

    def _item(self, element: Element, level: int, depth: int) -> None:
        blocks = [child for child in element if local_name(child) in _PARAGRAPHS]
        if not blocks:
            self._builder.add(BlockKind.LIST_ITEM, _words(element))
            return
        first = True
        for child in element:
            if first and child is blocks[0]:
                self._builder.add(BlockKind.LIST_ITEM, _words(child))
                first = False
            elif local_name(child) in _PARAGRAPHS:
                self._builder.add(BlockKind.PARAGRAPH, _words(child))
            else:
                self.write(_Alone(child), level, depth + 1)

    def _table(self, table: Element) -> None:
        for title in table.iterfind("{*}title"):
            self._builder.add(BlockKind.CAPTION, _words(title))
        for caption in table.iterfind("{*}caption"):
            self._builder.add(BlockKind.CAPTION, _words(caption))
        heads: list[list[Cell]] = []
        rows: list[list[Cell]] = []
        for row in table.iter("{*}tr", "{*}row", "{*}strow", "{*}sthead"):
            cells = list(_cells(row))
            above = {local_name(parent) for parent in row.iterancestors()}
            (heads if "thead" in above or local_name(row) == "sthead" else rows).append(cells)
        header: tuple[str, ...] = tuple(cell.text for cell in heads[-1]) if heads and rows else ()
        if not header:
            rows = [*heads, *rows]
            header = header_of(rows)
            rows = rows[bool(header) :]
        for row in rows:
            self._builder.add(BlockKind.TABLE_ROW, render_row(header, [cell.text for cell in row]))


class _Alone(list[Element]):
    """An element as the only child of nothing."""

    def __init__(self, element: Element) -> None:
        super().__init__([element])


def _cells(row: Element) -> Iterator[Cell]:
    for cell in row:
        if local_name(cell):
            yield Cell(_words(cell), bold=local_name(cell) == "th")


def _is_chapter(element: Element, name: str) -> bool:
    if name in _CHAPTERS:
        return True
    parent = element.getparent()
    top = (
        parent is not None
        and local_name(parent) == "body"
        and local_name(parent.getparent()) == "FictionBook"
    )
    return top and name == "section"


def _is_text(element: Element) -> bool:
    """Whether an element holds text of its own, and not only other elements."""
    own = [element.text, *(child.tail for child in element)]
    return any(text and text.strip() for text in own)


def _words(element: Element) -> str:
    """Return an element's text, with a space between the elements of a list of names."""
    if _is_text(element):
        return fold_space("".join(element.itertext()))
    return fold_space(" ".join(_words(child) for child in element if local_name(child)))


def _metadata(root: Element) -> dict[str, MetadataValue]:
    metadata: dict[str, MetadataValue] = {}
    authors = [
        _words(author)
        for author in root.iter("{*}author")
        if local_name(author.getparent()) in {"title-info", "info", "articleinfo", "bookinfo"}
    ]
    if any(authors):
        metadata["author"] = ", ".join(author for author in authors if author)
    language = root.get("{http://www.w3.org/XML/1998/namespace}lang") or root.get("lang")
    if language:
        metadata["language"] = fold_space(language)
    return metadata
