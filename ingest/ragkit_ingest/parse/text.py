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
_LEVELS = {"#": 1, "=": 1, "-": 2, "~": 3, "^": 4}
_TITLE_CHARS = 60
_TITLE_WORDS = 9
_BODY_CHARS = 80


class TextParser:
    """Reads plain text in any encoding."""

    name = "text"
    version = 1
    suffixes = frozenset({".txt", ".text", ".log"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document.

        Raises:
            BrokenFileError: If the file is binary.
        """
        decoded = decode(read_bytes(source.path))
        builder = DocumentBuilder("text")
        add_plain_text(builder, decoded.text)
        builder.title = _title_of(builder)
        builder.notice(*decoded.notices)
        return builder.build()


def _title_of(builder: DocumentBuilder) -> str:
    """Return the first block's text if it is a heading, without the line drawn around it."""
    first = builder.first_heading()
    return " ".join(line for line in first.split("\n") if not _UNDERLINE.match(line))


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Lines `first` to `last - 1` of a text, as one block."""

    kind: BlockKind
    first: int
    last: int
    level: int = 0


def add_plain_text(builder: DocumentBuilder, text: str, *, titles: bool = True) -> None:
    """Add a text's blocks to a document that keeps the text's own white space.

    Args:
        builder: Receives the blocks.
        text: With any line ends; it need not be clean.
        titles: Whether a short line before a long paragraph is a heading; in letters and mails
            it is a name or a greeting.
    """
    lines = clean(text).replace("\f", "\n").split("\n")
    lines = [line.rstrip() for line in lines]
    position = 0
    empty = builder.length == 0
    for stretch in _stretches(lines, titles):
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


def _stretches(lines: Sequence[str], titles: bool) -> Iterator[_Stretch]:
    paragraphs = list(_paragraphs(lines))
    for index, (first, last) in enumerate(paragraphs):
        following = paragraphs[index + 1] if index + 1 < len(paragraphs) else None
        body = " ".join(lines[following[0] : following[1]]) if following and titles else ""
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
    size, level = _heading_lines(lines, first, last)
    if size:
        yield _Stretch(BlockKind.HEADING, first, first + size, level)
    yield from _items(lines, first + size, last)


def _heading_lines(lines: Sequence[str], first: int, last: int) -> tuple[int, int]:
    """Return how many lines at a paragraph's start are its heading, and the level."""
    here = lines[first:last]
    if len(here) >= 3 and _UNDERLINE.match(here[0]) and _is_underlined(here[1], here[2]):
        return 3, 1
    if len(here) >= 2 and _is_underlined(here[0], here[1]):
        return 2, _LEVELS.get(here[1].strip()[0], 5)
    capitals = next((i for i, line in enumerate(here) if not _is_capitals(line)), 0)
    return (capitals, 2) if 0 < capitals <= 3 else (0, 0)


def _items(lines: Sequence[str], first: int, last: int) -> Iterator[_Stretch]:
    start = first
    for index in range(first + 1, last + 1):
        if index == last or _ITEM.match(lines[index]):
            if start < index:
                item = bool(_ITEM.match(lines[start]))
                yield _Stretch(BlockKind.LIST_ITEM if item else BlockKind.PARAGRAPH, start, index)
            start = index


def _is_underlined(line: str, below: str) -> bool:
    mark = _UNDERLINE.match(below)
    if mark is None or _UNDERLINE.match(line) or len(line.strip()) > 100:
        return False
    return len(below.strip()) >= 0.6 * len(line.strip())


def _is_capitals(line: str) -> bool:
    letters = [char for char in line if char.isalpha()]
    return len(letters) >= 3 and len(line.strip()) <= 80 and "".join(letters).isupper()


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
