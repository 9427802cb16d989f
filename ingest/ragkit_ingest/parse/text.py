"""Plain text: the file's own characters are kept, blocks are recognised within them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragkit_ingest.parse.builder import DocumentBuilder, clean
from ragkit_ingest.parse.encoding import decode
from ragkit_ingest.parse.file import read_bytes
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.records import BlockKind, Document

_ITEM = re.compile(r"^\s*(?:[-*+\u2022\u2013]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+\S")
_UNDERLINE = re.compile(r"^\s*([=\-~*#^])\1{2,}\s*$")
_TITLE_CHARS = 60
_TITLE_WORDS = 9
_BODY_CHARS = 80


class TextParser:
    """Reads plain text in any encoding."""

    name = "text"
    version = 1
    suffixes = frozenset({".txt", ".text", ".log", ".rst", ".adoc", ".asciidoc", ".org"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document.

        Raises:
            BrokenFileError: If the file is binary.
        """
        decoded = decode(read_bytes(source.path))
        builder = DocumentBuilder("text")
        add_plain_text(builder, decoded.text)
        for notice in decoded.notices:
            builder.notice(notice)
        return builder.build()


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Lines `first` to `last - 1` of a text, as one block."""

    kind: BlockKind
    first: int
    last: int
    level: int = 0


def add_plain_text(builder: DocumentBuilder, text: str) -> None:
    """Add a text's blocks to a document that keeps the text's own white space.

    Args:
        builder: Receives the blocks.
        text: With any line ends; it need not be clean.
    """
    lines = clean(text).replace("\f", "\n").split("\n")
    lines = [line.rstrip() for line in lines]
    position = 0
    empty = builder.length == 0
    for stretch in _stretches(lines):
        indent = _indent(lines[stretch.first])
        gap = "\n" * (stretch.first - position + 1) + indent
        block = "\n".join(lines[stretch.first : stretch.last])[len(indent) :]
        builder.add(
            stretch.kind,
            block,
            level=stretch.level,
            verbatim=True,
            gap=None if empty or position == 0 else gap,
        )
        position = stretch.last
        empty = False


def _indent(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _stretches(lines: Sequence[str]) -> Iterator[_Stretch]:
    paragraphs = list(_paragraphs(lines))
    for index, (first, last) in enumerate(paragraphs):
        following = paragraphs[index + 1] if index + 1 < len(paragraphs) else None
        body = " ".join(lines[following[0] : following[1]]) if following else ""
        yield from _parts(lines, first, last, body)


def _paragraphs(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    first: int | None = None
    for index, line in enumerate(lines):
        if line and first is None:
            first = index
        elif not line and first is not None:
            yield first, index
            first = None
    if first is not None:
        yield first, len(lines)


def _parts(lines: Sequence[str], first: int, last: int, body: str) -> Iterator[_Stretch]:
    """Yield a paragraph's headings, list items and remaining text."""
    if last - first == 1 and _is_title(lines[first], body):
        yield _Stretch(BlockKind.HEADING, first, last, 2)
        return
    start = first
    if last - first >= 2 and _is_underlined(lines[first], lines[first + 1]):
        level = 1 if lines[first + 1].lstrip().startswith(("=", "#")) else 2
        yield _Stretch(BlockKind.HEADING, first, first + 2, level)
        start = first + 2
    elif last - first >= 2 and _is_capitals(lines[first]) and not _is_capitals(lines[first + 1]):
        yield _Stretch(BlockKind.HEADING, first, first + 1, 2)
        start = first + 1
    yield from _items(lines, start, last)


def _items(lines: Sequence[str], first: int, last: int) -> Iterator[_Stretch]:
    start = first
    for index in range(first + 1, last + 1):
        if index == last or _ITEM.match(lines[index]):
            if start < index:
                item = bool(_ITEM.match(lines[start]))
                yield _Stretch(
                    BlockKind.LIST_ITEM if item else BlockKind.PARAGRAPH, start, index
                )
            start = index


def _is_underlined(line: str, below: str) -> bool:
    mark = _UNDERLINE.match(below)
    if mark is None or _UNDERLINE.match(line) or len(line.strip()) > 100:
        return False
    return len(below.strip()) >= 0.6 * len(line.strip())


def _is_capitals(line: str) -> bool:
    letters = [char for char in line if char.isalpha()]
    return len(letters) >= 4 and len(line.strip()) <= 80 and "".join(letters).isupper()


def _is_title(line: str, body: str) -> bool:
    """Whether a line on its own is a heading: capitals, or short before a longer paragraph."""
    stripped = line.strip()
    if _ITEM.match(line):
        return False
    if _is_capitals(line) and body:
        return not stripped.endswith((",", ";"))
    if len(stripped) > _TITLE_CHARS or len(stripped.split()) > _TITLE_WORDS:
        return False
    if stripped[-1] in ".,;:!?\u2026)>|" or not (stripped[0].isupper() or stripped[0].isdigit()):
        return False
    return len(body) >= _BODY_CHARS and any(char.isalpha() for char in stripped)
