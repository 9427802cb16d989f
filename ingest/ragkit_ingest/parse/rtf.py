"""Rich text (.rtf): paragraphs, headings by their style, lists, tables, notes.

Source:
    Rich Text Format Specification 1.9.1, Microsoft 2008.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field, replace

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.parse.builder import DocumentBuilder, fold_space
from ragkit_ingest.parse.file import read_bytes
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.row import Cell, header_of, render_row
from ragkit_ingest.records import BlockKind, Document, MetadataValue

_TOKEN = re.compile(
    r"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\(.)|([{}])|[\r\n]+|([^\\{}\r\n]+)",
    re.DOTALL,
)
_HIDDEN_NAMES = """
    pict objdata colortbl themedata colorschememapping datastore header headerl headerr headerf
    footer footerl footerr footerf ftnsep ftnsepc ftncn nonshppict falt sp listtable
    listoverridetable rsidtbl generator xmlnstbl fldinst filetbl revtbl pgptbl private xe tc
"""
_HIDDEN = frozenset(_HIDDEN_NAMES.split())
_STARRED = frozenset({"shpinst", "footnote"})
_TOLD = frozenset({"title", "author", "subject", "keywords"})
_TABLES = frozenset({"fonttbl", "stylesheet", "info"})
_SIGNS = {
    "tab": "\t", "line": "\n", "emdash": "\u2014", "endash": "\u2013", "emspace": " ",
    "enspace": " ", "qmspace": " ", "bullet": "\u2022", "lquote": "\u2018", "rquote": "\u2019",
    "ldblquote": "\u201c", "rdblquote": "\u201d",
}  # fmt: skip
_SYMBOLS = {"~": "\u00a0", "_": "\u2011", "\\": "\\", "{": "{", "}": "}", "\t": "\t"}
_CHARSETS = {
    0: "cp1252", 77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gbk",
    136: "big5", 161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256",
    186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437",
}  # fmt: skip
_MAX_DEPTH = 2000


class RtfParser:
    """Reads rich text of any version."""

    name = "rtf"
    version = 1
    suffixes = frozenset({".rtf"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document.

        Raises:
            BrokenFileError: If the file is no rich text, or nested too deeply.
        """
        data = read_bytes(source.path)
        if not data.lstrip().startswith(b"{\\rtf"):
            raise BrokenFileError("this is not rich text: it does not begin with {\\rtf")
        builder = DocumentBuilder("rtf")
        reader = _Reader(builder)
        reader.read(data)
        builder.title = str(reader.told.get("title", "")) or builder.title
        return builder.build(reader.told)


def rtf_text(data: bytes) -> str:
    """Return the text of rich text within another file.

    Raises:
        BrokenFileError: If it is nested too deeply.
    """
    builder = DocumentBuilder("rtf")
    _Reader(builder).read(data)
    return builder.build().text


@dataclass(slots=True)
class _Group:
    """What holds between two braces."""

    codec: str
    fallback: int = 1
    hidden: bool = False
    vanished: bool = False
    into: str = ""
    bold: bool = False


@dataclass(slots=True)
class _Paragraph:
    """What is known of the paragraph that is being read."""

    parts: list[str] = field(default_factory=list)
    label: list[str] = field(default_factory=list)
    style: int = 0
    outline: int = 9
    listed: bool = False
    in_table: bool = False


class _Reader:
    """Goes through the tokens once; every token costs the same."""

    def __init__(self, builder: DocumentBuilder) -> None:
        self._builder = builder
        self._codec = "cp1252"
        self._group = _Group("cp1252")
        self._stack: list[_Group] = []
        self._fonts: dict[int, str] = {}
        self._font = 0
        self._levels: dict[int, int] = {}
        self._style = _Paragraph()
        self._here = _Paragraph()
        self._bytes = bytearray()
        self._skip = 0
        self._starred = False
        self._cells: list[Cell] = []
        self._rows: list[list[Cell]] = []
        self._marked = False
        self._notes: list[str] = []
        self._note_count = 0
        self._gathered: list[str] = []
        self.told: dict[str, MetadataValue] = {}

    def read(self, data: bytes) -> None:
        """Write the blocks of a rich text.

        Raises:
            BrokenFileError: If it is nested too deeply.
        """
        text = data.decode("latin-1")
        place = 0
        while (match := _TOKEN.search(text, place)) is not None:
            place = match.end()
            word, number, code, symbol, brace, plain = match.groups()
            if code is not None:
                self._byte(int(code, 16))
            elif plain is not None:
                self._plain(plain)
            elif word is not None:
                self._decode()
                if word == "bin":
                    place += max(int(number or 0), 0)
                else:
                    self._word(word, None if number is None else int(number))
            elif brace is not None:
                self._decode()
                self._open() if brace == "{" else self._close()
            elif symbol is not None:
                self._symbol(symbol)
        self._decode()
        self._end_paragraph()
        self._end_table()

    # -- characters --------------------------------------------------------------------------

    def _byte(self, code: int) -> None:
        if self._skip:
            self._skip -= 1
        else:
            self._bytes.append(code)

    def _plain(self, text: str) -> None:
        if self._skip:
            text, self._skip = text[self._skip :], max(self._skip - len(text), 0)
        if text.isascii():
            self._decode()
            self._text(text)
        else:
            self._bytes += text.encode("latin-1")

    def _decode(self) -> None:
        if self._bytes:
            data, self._bytes = bytes(self._bytes), bytearray()
            self._text(data.decode(self._group.codec, "replace"))

    def _symbol(self, symbol: str) -> None:
        self._decode()
        if symbol == "*":
            self._starred = True
        elif symbol in "\r\n":
            self._end_paragraph()
        elif self._skip:
            self._skip -= 1
        else:
            self._text(_SYMBOLS.get(symbol, ""))

    def _text(self, text: str) -> None:
        group = self._group
        if group.hidden or group.vanished or not text:
            return
        if group.into == "":
            self._here.parts.append(text)
        elif group.into == "label":
            self._here.label.append(text)
        else:
            self._gathered.append(text)

    # -- groups ------------------------------------------------------------------------------

    def _open(self) -> None:
        if len(self._stack) >= _MAX_DEPTH:
            raise BrokenFileError("the rich text is nested too deeply to read")
        self._stack.append(self._group)
        self._group = replace(self._group)
        self._starred = False

    def _close(self) -> None:
        if not self._stack:
            return
        closed, self._group = self._group, self._stack.pop()
        if closed.into == self._group.into or closed.hidden:
            return
        words = fold_space("".join(self._gathered))
        if closed.into == "note":
            self._notes.append(words)
        elif closed.into in _TOLD and words:
            self.told[closed.into] = words
        elif closed.into == "style":
            self._name_style(words)
            return
        if closed.into != "label":
            self._gathered = []

    def _name_style(self, name: str) -> None:
        match = re.match(r"(?:heading|\u00fcberschrift|titre) (\d)", name.lower())
        if match is not None:
            self._levels[self._style.style] = min(max(int(match.group(1)), 1), 6)
        elif name.lower().rstrip(";") == "title":
            self._levels[self._style.style] = 1
        elif self._style.outline < 6:
            self._levels.setdefault(self._style.style, self._style.outline + 1)
        self._gathered = []
        self._style = _Paragraph()

    def _destination(self, word: str) -> bool:
        """Enter a group that is not part of the running text; whether this is one."""
        group = self._group
        if word in {"listtext", "pntext"}:
            group.into = "label"
            self._here.listed = True
        elif word == "footnote" and not group.into:
            self._note_count += 1
            self._here.parts.append(f"[{self._note_count}]")
            group.into = "note"
            self._gathered = []
        elif word in _TABLES or (group.into == "info" and word in _TOLD):
            group.into = word
        elif word in _HIDDEN or (self._starred and word not in _STARRED):
            group.hidden = True
        else:
            return False
        return True

    # -- control words -----------------------------------------------------------------------

    def _word(self, word: str, number: int | None) -> None:
        starred = self._starred
        if self._group.hidden or self._destination(word):
            self._starred = False
            return
        self._starred = False
        if word == "htmlrtf":
            self._group.vanished = number != 0
        elif starred:
            return
        elif self._group.into == "fonttbl":
            self._font_word(word, number)
        elif self._group.into in {"stylesheet", "style"}:
            self._style_word(word, number)
        elif word in _SIGNS:
            self._text(_SIGNS[word])
        elif word == "u" and number is not None:
            self._skip = 0
            self._text(_character(number))
            self._skip = self._group.fallback
        elif not self._group.into:
            self._running_word(word, number)
        else:
            self._character_word(word, number)

    def _font_word(self, word: str, number: int | None) -> None:
        if word == "f":
            self._font = number or 0
        elif word == "fcharset":
            self._fonts[self._font] = _CHARSETS.get(number or 0, self._codec)

    def _style_word(self, word: str, number: int | None) -> None:
        if word == "s":
            self._group.into = "style"
            self._gathered = []
            self._style = _Paragraph(style=number or 0)
        elif word == "outlinelevel":
            self._style.outline = 9 if number is None else number

    def _character_word(self, word: str, number: int | None) -> None:
        group = self._group
        if word == "f":
            group.codec = self._fonts.get(number or 0, self._codec)
        elif word == "uc":
            group.fallback = min(max(number or 0, 0), 8)
        elif word in {"v", "deleted"}:
            group.vanished = number != 0
        elif word == "b":
            group.bold = number != 0
        elif word == "plain":
            group.vanished = group.bold = False
        elif word == "ansicpg" and number and _is_codec(f"cp{number}"):
            self._codec = group.codec = "utf-8" if number == 65001 else f"cp{number}"

    def _running_word(self, word: str, number: int | None) -> None:
        here = self._here
        if word in {"par", "sect", "page"}:
            self._end_paragraph()
        elif word == "pard":
            here.style, here.outline, here.in_table = 0, 9, False
        elif word == "s":
            here.style = number or 0
        elif word == "outlinelevel":
            here.outline = 9 if number is None else number
        elif word == "intbl":
            here.in_table = True
        elif word in {"cell", "nestcell"}:
            self._end_cell()
        elif word in {"row", "nestrow"}:
            self._end_row()
        elif word == "trhdr":
            self._marked = self._marked or not self._rows
        else:
            self._character_word(word, number)

    # -- blocks ------------------------------------------------------------------------------

    def _end_paragraph(self) -> None:
        here = self._here
        if here.in_table:
            here.parts.append(" ")
            return
        text = _joined(here.parts)
        if text:
            self._end_table()
            self._block(text, here)
        self._here = _Paragraph(style=here.style, outline=here.outline)
        for note in self._notes:
            number = self._note_count - len(self._notes) + 1
            self._notes = self._notes[1:]
            self._builder.add(BlockKind.PARAGRAPH, f"[{number}] {note}")

    def _block(self, text: str, here: _Paragraph) -> None:
        level = self._levels.get(here.style, 0) or (here.outline + 1 if here.outline < 6 else 0)
        label = fold_space("".join(here.label))
        if label and any(map(str.isalnum, label)):
            text = f"{label} {text}"
        if level:
            if level == 1 and not self._builder.title:
                self._builder.title = text
            self._builder.add(BlockKind.HEADING, text, level=level)
        elif here.listed:
            self._builder.add(BlockKind.LIST_ITEM, text)
        else:
            self._builder.add(BlockKind.PARAGRAPH, text)

    def _end_cell(self) -> None:
        here = self._here
        label = fold_space("".join(here.label))
        words = _joined([*([f"{label} "] if label.isalnum() else []), *here.parts])
        self._cells.append(Cell(words, bold=self._group.bold))
        self._here = _Paragraph(style=here.style, outline=here.outline, in_table=True)

    def _end_row(self) -> None:
        if any(cell.text for cell in self._cells):
            self._rows.append(self._cells)
        self._cells = []
        self._here.in_table = False

    def _end_table(self) -> None:
        if self._cells:
            self._end_row()
        rows, self._rows = self._rows, []
        marked, self._marked = self._marked, False
        if not rows:
            return
        if marked and len(rows) > 1:
            header = tuple(cell.text for cell in rows[0])
        else:
            header = header_of(rows, marked=True)
        for row in rows[bool(header) :]:
            self._builder.add(BlockKind.TABLE_ROW, render_row(header, [cell.text for cell in row]))


def _joined(parts: list[str]) -> str:
    """Return the text of parts; characters beyond the first 65,536 come as two halves."""
    text = "".join(parts).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return fold_space(text)


def _character(number: int) -> str:
    code = number + 65536 if number < 0 else number
    return chr(code) if 0 < code < 0x110000 else ""


def _is_codec(name: str) -> bool:
    try:
        codecs.lookup("utf-8" if name == "cp65001" else name)
    except LookupError:
        return False
    return True
