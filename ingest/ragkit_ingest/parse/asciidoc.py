"""AsciiDoc: headings, lists, tables and blocks, without the signs of markup.

Nothing is included or evaluated; attributes that the file itself sets are filled in.
"""

from __future__ import annotations

import re

from ragkit_ingest.parse.builder import DocumentBuilder, fold_space
from ragkit_ingest.parse.lines import LineWriter
from ragkit_ingest.parse.opening import open_text
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.records import BlockKind, Document, MetadataValue

_HEADING = re.compile(r"^(={1,6}|#{1,6})\s+(\S.*?)(?:\s+\1)?\s*$")
_ATTRIBUTE = re.compile(r"^:(!?[\w-]+!?):(?:\s+(.*))?$")
_STYLE = re.compile(r"^\[(.*)\]\s*$")
_ITEM = re.compile(r"^\s*(?:(\*{1,5}|-)|(\.{1,5})|(\d{1,4})\.)\s+(?:\[[ xX*]\]\s+)?(\S.*)$")
_TERM = re.compile(r"^\s*(\S.*?)(?:::{1,3}|;;)(?:\s+(.*))?$")
_FENCE = re.compile(r"^(-{4,}|\.{4,}|={4,}|\*{4,}|_{4,}|/{4,}|\+{4,}|```\w*|--)\s*$")
_TABLE = re.compile(r"^([|,:!])={3,}\s*$")
_MACRO = re.compile(r"^(?:include|image|video|audio|toc|ifdef|ifndef|ifeval|endif)::\S*\[.*\]\s*$")
_ADMONITION = re.compile(r"^(NOTE|TIP|IMPORTANT|WARNING|CAUTION):\s+")
_CELL = re.compile(r"(?:(?:\d+(?:\.\d+)?|\.\d+)[+*])?[<^>.]{0,4}[adehlmsv]?\|")
_LINK = re.compile(r"(?:link:|xref:|mailto:)?((?:https?://)?[^\s\[\]<>]{1,500})\[([^\]]{1,500})\]")
_REFERENCE = re.compile(r"<<([^,>]{1,200})(?:,\s*([^>]{1,300}))?>>")
_MARK = re.compile(r"(?<!\w)([*_`#+]{1,2})(\S(?:[^\n]{0,300}?\S)?)\1(?!\w)")
_USED = re.compile(r"\{([\w-]{1,60})\}")
_ANCHOR = re.compile(r"\[\[[^\]]{0,200}\]\]|\[#[\w-]{1,100}\]|\[\.[\w-]{1,100}\](?=[#*_`])")
_VERBATIM = frozenset("-.`+")
_FIELDS = {
    "author": "author",
    "revdate": "date",
    "description": "description",
    "keywords": "keywords",
    "lang": "language",
}


class AsciiDocParser:
    """Reads AsciiDoc files; what others include is not read."""

    name = "asciidoc"
    version = 1
    suffixes = frozenset({".adoc", ".asciidoc"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document.

        Raises:
            BrokenFileError: If the file is not text.
        """
        builder, text = open_text("asciidoc", source.path)
        reader = _Reader(builder)
        reader.read(text.split("\n"))
        return builder.build(reader.metadata)


class _Reader:
    """Goes through the lines once."""

    def __init__(self, builder: DocumentBuilder) -> None:
        self._writer = LineWriter(builder)
        self._builder = builder
        self._attributes: dict[str, str] = {}
        self._style = ""
        self._fence = ""
        self._inside: list[str] = []
        self._numbers: dict[int, int] = {}
        self.metadata: dict[str, MetadataValue] = {}

    def read(self, lines: list[str]) -> None:
        """Write the blocks of a text."""
        for index, line in enumerate(lines):
            if self._fence:
                self._within(line)
            elif not line.strip():
                self._writer.flush()
            elif not (self._directive(line) or self._opens(line) or self._structure(line)):
                if self._is_underline(lines, index):
                    continue
                self._text(line)
        self._end_inside()
        self._writer.flush()

    def _directive(self, line: str) -> bool:
        """Take a line that is not shown; whether it was one."""
        attribute, style = _ATTRIBUTE.match(line), _STYLE.match(line)
        if attribute is not None:
            name, value = attribute.group(1).lower(), fold_space(attribute.group(2) or "")
            self._attributes[name] = value
            if name in _FIELDS and value:
                self.metadata[_FIELDS[name]] = value
        elif style is not None and not line.startswith("[["):
            self._writer.flush()
            self._style = style.group(1).lower()
        elif line.startswith("//") and not _FENCE.match(line):
            return True
        elif _MACRO.match(line) or line.strip() in {"'''", "<<<", "+"} or line.startswith("[["):
            self._writer.flush()
        else:
            return False
        return True

    def _opens(self, line: str) -> bool:
        """Begin a delimited block; whether the line does so."""
        table, fence = _TABLE.match(line), _FENCE.match(line)
        if table is not None:
            self._writer.flush()
            self._fence = line.strip()
            return True
        if fence is None:
            return False
        mark = fence.group(1)
        self._writer.flush()
        if (mark[0] in _VERBATIM and mark != "--") or mark[0] == "/":
            self._fence = "```" if mark.startswith("```") else mark
        return True

    def _structure(self, line: str) -> bool:
        heading, item, term = _HEADING.match(line), _ITEM.match(line), _TERM.match(line)
        if heading is not None:
            self._writer.heading(self._inline(heading.group(2)), len(heading.group(1)))
            self._numbers.clear()
        elif item is not None:
            self._item(item)
        elif term is not None:
            told = self._inline(term.group(2) or "")
            self._writer.item(f"{self._inline(term.group(1))}: {told}".rstrip())
        elif re.match(r"^\.[^\s.]", line):
            self._writer.block(BlockKind.CAPTION, self._inline(line[1:]))
        else:
            return False
        return True

    def _item(self, item: re.Match[str]) -> None:
        bullet, dots, number, text = item.groups()
        if dots:
            depth = len(dots)
            self._numbers = {d: n for d, n in self._numbers.items() if d <= depth}
            self._numbers[depth] = self._numbers.get(depth, 0) + 1
            number = str(self._numbers[depth])
        elif bullet and len(bullet) == 1:
            self._numbers.clear()
        words = self._inline(text)
        self._writer.item(f"{number}. {words}" if number else words)

    def _is_underline(self, lines: list[str], index: int) -> bool:
        """Whether a line is the title of old style, or the line drawn beneath it."""
        line = lines[index]
        if index and re.fullmatch(r"([=\-~^+])\1{2,}\s*", line) and lines[index - 1].strip():
            return abs(len(line) - len(lines[index - 1])) <= 2
        below = lines[index + 1] if index + 1 < len(lines) else ""
        drawn = re.fullmatch(r"([=\-~^+])\1{2,}\s*", below)
        if drawn is None or abs(len(below.rstrip()) - len(line.rstrip())) > 2:
            return False
        self._writer.heading(self._inline(line), "=-~^+".index(drawn.group(1)) + 1)
        return True

    def _text(self, line: str) -> None:
        line = _ADMONITION.sub(lambda match: f"{match.group(1).title()}: ", line)
        self._writer.line(self._inline(line.removesuffix(" +")))

    def _within(self, line: str) -> None:
        if line.strip() == self._fence:
            self._end_inside()
        else:
            self._inside.append(line)

    def _end_inside(self) -> None:
        fence, inside = self._fence, self._inside
        style, self._style = self._style, ""
        self._fence, self._inside = "", []
        if not fence or fence[0] == "/":
            return
        if _TABLE.match(fence):
            self._table(inside, style, fence[0])
        else:
            self._writer.block(BlockKind.CODE, "\n".join(inside))

    def _table(self, lines: list[str], style: str, mark: str) -> None:
        header = "header" in style
        filled = [index for index, line in enumerate(lines) if line.strip()]
        if len(filled) > 1 and filled[0] == 0 and filled[1] == 2:
            header = True
        if mark != "|" or "format=" in style:
            rows = [
                [self._inline(c) for c in line.split("," if mark in ",|" else mark)]
                for line in lines
            ]
        else:
            rows = self._cells(lines, style)
        self._writer.table(rows, header=header)

    def _cells(self, lines: list[str], style: str) -> list[list[str]]:
        """Return the rows: as many cells as there are columns, wherever the lines end."""
        cells: list[str] = []
        first = 0
        for line in lines:
            parts = _CELL.split(line) if line.strip() else []
            if parts and parts[0].strip() and cells:
                cells[-1] = f"{cells[-1]} {parts[0]}"
            cells += parts[1:]
            first = first or len(cells)
        width = _columns(style) or max(first, 1)
        words = [self._inline(cell) for cell in cells]
        return [words[start : start + width] for start in range(0, len(words), width)]

    def _inline(self, text: str) -> str:
        """Return a line's text as a reader sees it."""
        text = _USED.sub(
            lambda match: self._attributes.get(match.group(1).lower(), match.group()), text
        )
        text = _ANCHOR.sub("", text)
        text = _REFERENCE.sub(lambda match: match.group(2) or match.group(1), text)
        text = _LINK.sub(r"\2", text)
        return fold_space(_MARK.sub(r"\2", text))


def _columns(style: str) -> int:
    """Return how many columns a table says it has, 0 if it does not say."""
    match = re.search(r"cols\s*=\s*(?:\"([^\"]{1,300})\"|([^,\]]{1,20}))", style)
    if match is None:
        return 0
    count = 0
    for spec in re.split(r"[,;]", match.group(1) or match.group(2)):
        times = re.match(r"\s*(\d{1,3})\*", spec)
        count += int(times.group(1)) if times else 1
    return count
