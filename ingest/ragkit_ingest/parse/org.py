"""Org mode: headings, lists, tables and source blocks, without the signs of markup."""

from __future__ import annotations

import re

from ragkit_ingest.parse.builder import DocumentBuilder, fold_space
from ragkit_ingest.parse.lines import LineWriter
from ragkit_ingest.parse.opening import open_text
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.records import BlockKind, Document, MetadataValue

_HEADING = re.compile(
    r"^(\*+)\s+(?:(?:TODO|DONE|NEXT|WAITING)\s+)?(?:\[#\w\]\s+)?(\S.*?)(?:\s+:[\w@:]+:)?\s*$"
)
_BEGIN = re.compile(r"^\s*#\+begin_(\w+)(.*)$", re.IGNORECASE)
_KEYWORD = re.compile(r"^\s*#\+(\w+):\s*(.*)$")
_ITEM = re.compile(r"^\s*(?:([-+])|\s\*|(\d{1,4}|[a-zA-Z])[.)])\s+(?:\[[ xX-]\]\s+)?(.*)$")
_DRAWER = re.compile(r"^\s*:([\w-]+):\s*$")
_RULE = re.compile(r"^\s*\|[-+|]+\s*$")
_LINK = re.compile(r"\[\[([^\]\[]{1,500})\](?:\[([^\]\[]{1,500})\])?\]")
_MARK = re.compile(r"(?<![\w*/_=~+])([*/_=~+])(\S(?:[^\n]{0,300}?\S)?)\1(?![\w*/=~+])")
_NOTE = re.compile(r"\[fn:([\w-]{1,40})\]")
_CODE = frozenset({"src", "example", "export"})
_HIDDEN = frozenset({"comment", "export"})
_FIELDS = {
    "author": "author",
    "date": "date",
    "description": "description",
    "language": "language",
    "keywords": "keywords",
}


class OrgParser:
    """Reads Org files; what others include is not read."""

    name = "org"
    version = 1
    suffixes = frozenset({".org"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document.

        Raises:
            BrokenFileError: If the file is not text.
        """
        builder, text = open_text("org", source.path)
        reader = _Reader(builder)
        reader.read(text.split("\n"))
        return builder.build(reader.metadata)


class _Reader:
    """Goes through the lines once."""

    def __init__(self, builder: DocumentBuilder) -> None:
        self._writer = LineWriter(builder)
        self._builder = builder
        self._until = ""
        self._inside: list[str] = []
        self._rows: list[list[str]] = []
        self._ruled = False
        self.metadata: dict[str, MetadataValue] = {}

    def read(self, lines: list[str]) -> None:
        """Write the blocks of a text."""
        for line in lines:
            if self._until:
                self._within(line)
            elif line.lstrip().startswith("|"):
                self._row(line)
            else:
                self._end_table()
                self._line(line)
        self._end_inside()
        self._end_table()
        self._writer.flush()

    def _line(self, line: str) -> None:
        heading, begin, keyword = _HEADING.match(line), _BEGIN.match(line), _KEYWORD.match(line)
        item = _ITEM.match(line)
        if not line.strip():
            self._writer.flush()
        elif heading is not None:
            self._writer.heading(_inline(heading.group(2)), len(heading.group(1)))
        elif begin is not None:
            self._begin(begin.group(1).lower())
        elif keyword is not None:
            self._keyword(keyword.group(1).lower(), keyword.group(2))
        elif _DRAWER.match(line):
            self._writer.flush()
            self._until = ":end:"
        elif line.lstrip().startswith(("# ", ": ")) or line.strip() in {"#", ":"}:
            self._fixed(line.lstrip())
        elif item is not None:
            number, text = item.group(2), item.group(3)
            self._writer.item(f"{number}. {_inline(text)}" if number else _inline(text))
        elif not re.fullmatch(r"\s*-{5,}\s*", line):
            self._writer.line(_inline(line))

    def _fixed(self, line: str) -> None:
        if line.startswith(":"):
            self._writer.block(BlockKind.CODE, line[2:])

    def _begin(self, kind: str) -> None:
        if kind in _CODE or kind in _HIDDEN:
            self._writer.flush()
            self._until = f"#+end_{kind}"

    def _keyword(self, name: str, value: str) -> None:
        if name == "title":
            self._writer.heading(_inline(value), 1)
        elif name == "caption":
            self._writer.block(BlockKind.CAPTION, _inline(value))
        elif name in _FIELDS and value.strip():
            self.metadata[_FIELDS[name]] = fold_space(value)

    def _within(self, line: str) -> None:
        if line.strip().lower() == self._until:
            self._end_inside()
        else:
            self._inside.append(line)

    def _end_inside(self) -> None:
        if self._until.removeprefix("#+end_") in _CODE - _HIDDEN:
            self._writer.block(BlockKind.CODE, "\n".join(self._inside))
        self._until, self._inside = "", []

    def _row(self, line: str) -> None:
        self._writer.flush()
        if _RULE.match(line):
            self._ruled = self._ruled or len(self._rows) == 1
            return
        self._rows.append([_inline(cell) for cell in line.strip().strip("|").split("|")])

    def _end_table(self) -> None:
        rows, self._rows = self._rows, []
        ruled, self._ruled = self._ruled, False
        if rows:
            self._writer.table(rows, header=ruled)


def _inline(text: str) -> str:
    """Return a line's text as a reader sees it."""
    text = _LINK.sub(lambda match: match.group(2) or match.group(1), text)
    text = _NOTE.sub(r"[\1]", text)
    return fold_space(_MARK.sub(r"\2", text))
