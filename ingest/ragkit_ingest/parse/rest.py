"""reStructuredText: read by docutils, without including files, raw markup or settings.

Directives and roles of other tools (Sphinx) keep their text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.parse.builder import DocumentBuilder, fold_space
from ragkit_ingest.parse.extra import load
from ragkit_ingest.parse.opening import open_text
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.row import Cell, header_of, render_row
from ragkit_ingest.records import BlockKind, Document, MetadataValue

_DIRECTIVE = re.compile(
    r"^[ \t]*(?:\.\.|\|)[^\n]{0,200}?[ \t]([a-zA-Z][\w:+.-]{0,60})::(?:[ \t]|$)", re.MULTILINE
)
_ROLE = re.compile(r":([a-zA-Z][\w:+.-]{0,60}):`|`:([a-zA-Z][\w:+.-]{0,60}):")
_EXPLICIT = re.compile(r"^(.*?)\s*<[^<>]*>$", re.DOTALL)
_CODE_DIRECTIVES = frozenset(
    {"code-block", "sourcecode", "highlight", "prompt", "doctest", "testcode"}
)
_SILENT_DIRECTIVES = frozenset(
    {
        "toctree",
        "index",
        "only",
        "automodule",
        "autoclass",
        "autofunction",
        "currentmodule",
        "include",
    }
)
_SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 5,
    "halt_level": 5,
    "warning_stream": False,
    "input_encoding": "unicode",
    "syntax_highlight": "none",
    "doctitle_xform": True,
    "docinfo_xform": True,
    "line_length_limit": 1 << 20,
}
_HIDDEN = frozenset(
    {"comment", "system_message", "substitution_definition", "target", "raw", "pending", "docinfo",
     "decoration", "meta", "generated"}
)  # fmt: skip
_CODE = frozenset({"literal_block", "doctest_block", "math_block"})
_LEAVES = frozenset(
    {"paragraph", "attribution", "rubric", "term", "caption", "legend", "line_block"}
)
_DOCINFO = frozenset({"author", "date", "version", "revision", "organization"})


class RestParser:
    """Reads reStructuredText of docutils and Sphinx."""

    name = "rest"
    version = 1
    suffixes = frozenset({".rst", ".rest"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document.

        Raises:
            BrokenFileError: If the file is not text.
            MissingReaderError: If the extra `office` is not installed.
        """
        core = load("docutils.core", "reStructuredText files")
        builder, text = open_text("rest", source.path)
        _register(text)
        try:
            tree = core.publish_doctree(text, settings_overrides=_SETTINGS)
            _Walk(builder).write(tree, 0)
        # docutils raises many types on odd input, and recurses as deep as the text nests.
        except Exception as exc:
            raise BrokenFileError(f"the reStructuredText cannot be read: {exc}") from exc
        return builder.build(_metadata(tree))


def _register(text: str) -> None:
    """Teach docutils the names that this text uses and it does not know."""
    directives = load("docutils.parsers.rst.directives", "reStructuredText files")
    roles = load("docutils.parsers.rst.roles", "reStructuredText files")
    language = load("docutils.parsers.rst.languages.en", "reStructuredText files")
    for name in {match.group(1).lower() for match in _DIRECTIVE.finditer(text)}:
        if name not in language.directives and name not in directives._directives:
            directives.register_directive(name, _directive(name))
    for name in {(match.group(1) or match.group(2)).lower() for match in _ROLE.finditer(text)}:
        if name not in language.roles and name not in roles._roles:
            roles.register_local_role(name, _role)


def _directive(name: str) -> Any:
    """Return a directive that keeps its text, as code or as markup."""
    rst = load("docutils.parsers.rst", "reStructuredText files")
    nodes = load("docutils.nodes", "reStructuredText files")

    def run(self: Any) -> list[Any]:
        text = "\n".join(self.content)
        if name in _SILENT_DIRECTIVES and name != "only":
            return []
        if name in _CODE_DIRECTIVES:
            return [nodes.literal_block(text, text)]
        block = nodes.container()
        said = " ".join(self.arguments)
        if said and name != "only":
            block += nodes.paragraph("", said)
        self.state.nested_parse(self.content, self.content_offset, block)
        return [block]

    return type(
        "Unknown",
        (rst.Directive,),
        {
            "run": run,
            "has_content": True,
            "optional_arguments": 1,
            "final_argument_whitespace": True,
            "option_spec": _AnyOption(),
        },
    )


class _AnyOption(dict[str, Any]):
    """Options of a directive that is not known: all are taken and ignored."""

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, name: str) -> Any:
        return lambda value: value


def _role(_name: str, rawtext: str, text: str, *_: Any, **__: Any) -> tuple[list[Any], list[Any]]:
    """Return the text of a role that is not known, without the target it names."""
    nodes = load("docutils.nodes", "reStructuredText files")
    match = _EXPLICIT.match(text)
    shown = match.group(1) if match is not None and match.group(1) else text
    return [nodes.inline(rawtext, shown.lstrip("~!"))], []


class _Walk:
    """Writes the nodes of a tree as blocks."""

    def __init__(self, builder: DocumentBuilder) -> None:
        self._builder = builder

    def write(self, node: Any, level: int) -> None:
        """Write what is inside a node.

        Args:
            node: A part of the tree.
            level: How many sections it stands in.
        """
        for child in node.children:
            kind = type(child).__name__
            if kind in _HIDDEN:
                continue
            if kind in {"title", "subtitle"}:
                self._title(child, kind, level)
            elif kind in _CODE:
                self._builder.add(BlockKind.CODE, child.astext(), verbatim=True)
            elif kind in _LEAVES:
                block = BlockKind.CAPTION if kind == "caption" else BlockKind.PARAGRAPH
                self._builder.add(block, _words(child))
            else:
                self._structure(child, kind, level)

    def _structure(self, node: Any, kind: str, level: int) -> None:
        if kind == "section":
            self.write(node, level + 1)
        elif kind in {"bullet_list", "enumerated_list"}:
            self._list(node, kind == "enumerated_list", level)
        elif kind in {"definition_list_item", "field", "option_list_item"}:
            self._pair(node, level)
        elif kind == "table":
            self._table(node)
        elif kind in {"footnote", "citation"}:
            self._footnote(node)
        elif kind in _ADMONITIONS:
            self._item(node, f"{kind.title()}: ", BlockKind.PARAGRAPH, level)
        elif kind == "image":
            self._builder.add(BlockKind.CAPTION, node.get("alt", ""))
        else:
            self.write(node, level)

    def _title(self, node: Any, kind: str, level: int) -> None:
        if type(node.parent).__name__ == "table":
            self._builder.add(BlockKind.CAPTION, _words(node))
            return
        depth = level + 1 if kind == "title" else 2
        whole = type(node.parent).__name__ == "document" and kind == "title"
        if whole or not (self._builder.title or self._builder.length):
            self._builder.title = _words(node)
        self._builder.add(BlockKind.HEADING, _words(node), level=min(depth, 6))

    def _list(self, node: Any, numbered: bool, level: int) -> None:
        for number, item in enumerate(node.children, start=int(node.get("start", 1))):
            self._item(item, f"{number}. " if numbered else "", BlockKind.LIST_ITEM, level)

    def _item(self, node: Any, label: str, block: BlockKind, level: int) -> None:
        """Write a node whose first paragraph carries a label."""
        first, *rest = node.children or [None]
        if first is not None and type(first).__name__ == "paragraph":
            self._builder.add(block, label + _words(first))
            node.children = rest
        self.write(node, level)

    def _pair(self, node: Any, level: int) -> None:
        """Write a name and what is said of it: the first paragraph follows the name."""
        *names, told = node.children
        label = " ".join(_words(name) for name in names)
        first, *rest = told.children or [None]
        if first is not None and type(first).__name__ == "paragraph":
            self._builder.add(BlockKind.LIST_ITEM, f"{label}: {_words(first)}")
            told.children = rest
        else:
            self._builder.add(BlockKind.LIST_ITEM, label)
        self.write(told, level)

    def _footnote(self, node: Any) -> None:
        parts = [_words(child) for child in node.children]
        self._builder.add(BlockKind.PARAGRAPH, f"[{parts[0]}] {' '.join(parts[1:])}")

    def _table(self, node: Any) -> None:
        for child in node.children:
            if type(child).__name__ == "title":
                self._builder.add(BlockKind.CAPTION, _words(child))
        heads, bodies = list(_rows(node, "thead")), list(_rows(node, "tbody"))
        header: tuple[str, ...] = tuple(heads[-1]) if heads and bodies else ()
        rows = bodies if header else [*heads, *bodies]
        if not header:
            header = header_of([[Cell(cell) for cell in row] for row in rows])
            rows = rows[bool(header) :]
        for row in rows:
            self._builder.add(BlockKind.TABLE_ROW, render_row(header, row))


_ADMONITIONS = frozenset(
    {"note", "warning", "tip", "important", "caution", "danger", "hint", "attention", "error"}
)


def _rows(table: Any, part: str) -> Iterator[list[str]]:
    """Yield the rows of a table's head or body; a cell that reaches down is repeated."""
    for group in table.findall(lambda node: type(node).__name__ == part):
        above: dict[int, tuple[int, str]] = {}
        for row in group.children:
            cells: list[str] = []
            for entry in row.children:
                _take_above(cells, above)
                text = _words(entry)
                if entry.get("morerows"):
                    above[len(cells)] = (int(entry["morerows"]), text)
                cells += [text, *[""] * int(entry.get("morecols", 0))]
            _take_above(cells, above)
            yield cells


def _take_above(cells: list[str], above: dict[int, tuple[int, str]]) -> None:
    while (place := len(cells)) in above:
        left, text = above.pop(place)
        cells.append(text)
        if left > 1:
            above[place] = (left - 1, text)


def _words(node: Any) -> str:
    """Return a node's text; what docutils could not make sense of is shown as it is."""
    return fold_space(node.astext())


def _metadata(tree: Any) -> dict[str, MetadataValue]:
    metadata: dict[str, MetadataValue] = {}
    for info in tree.findall(lambda node: type(node).__name__ == "docinfo"):
        for node in info.children:
            name = type(node).__name__
            if name in _DOCINFO:
                metadata[name] = _words(node)
            elif name == "authors":
                metadata["author"] = ", ".join(_words(child) for child in node.children)
    return metadata
