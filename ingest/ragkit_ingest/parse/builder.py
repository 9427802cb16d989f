"""Assembles a Document piece by piece, so that every position is exact by construction.

All parsers write through `DocumentBuilder`; none computes an offset of its own. Blocks are
separated by an empty line, table rows and list items of one run by a line break.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from ragkit_ingest.records import Attachment, Block, BlockKind, Document, MetadataValue, Page

_TIGHT = frozenset({BlockKind.LIST_ITEM, BlockKind.TABLE_ROW})
_KEPT = frozenset("\n\t")
# Invisible characters that hide text from a reader, or a reader from a text.
_INVISIBLE = dict.fromkeys(
    [
        *(0x00AD, 0x034F, 0x061C, 0x180E, 0x200B, 0x200E, 0x200F, 0xFEFF),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
        *range(0xFFF9, 0xFFFC),
        *range(0xE0000, 0xE0080),
    ]
)
# A letter takes one variation selector; a run of them only hides bytes.
_SELECTORS = re.compile(
    "([\ufe00-\ufe0f\U000e0100-\U000e01ef])[\ufe00-\ufe0f\U000e0100-\U000e01ef]+"
)


def clean(text: str) -> str:
    r"""Return the text in NFC, without control and invisible characters, line breaks as "\n"."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_INVISIBLE)
    text = unicodedata.normalize("NFC", _SELECTORS.sub(r"\1", text))
    odd = {char for char in set(text) if not char.isprintable()} - _KEPT
    wrong = [ord(char) for char in odd if unicodedata.category(char) in {"Cc", "Cs", "Cn"}]
    return text.translate(dict.fromkeys(wrong, " ")) if wrong else text


def fold_space(text: str) -> str:
    """Return the text with every run of white space made one space, and none at the ends."""
    return " ".join(text.split())


class DocumentBuilder:
    """Collects blocks and pages in reading order, then builds the Document.

    Args:
        format: The parser's name for the format.
    """

    def __init__(self, format: str) -> None:
        self._format = format
        self._parts: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._pages: list[Page] = []
        self._page_start: int | None = None
        self._page_label = ""
        self._notices: list[str] = []
        self._attachments: list[str] = []
        self.title = ""

    @property
    def length(self) -> int:
        """Characters written so far."""
        return self._length

    def first_heading(self) -> str:
        """Return the first block's text if that block is a heading, else an empty text."""
        if not self._blocks or self._blocks[0].kind is not BlockKind.HEADING:
            return ""
        return self._parts[0]

    def page(self, label: str = "") -> None:
        """Begin the next page (or sheet, slide, message); the one before ends here."""
        self._close_page()
        self._page_start = self._length
        self._page_label = label

    def label_page(self, label: str) -> None:
        """Name the page that was begun last, once its name is known."""
        self._page_label = fold_space(clean(label))

    def add(
        self,
        kind: BlockKind,
        text: str,
        *,
        level: int = 0,
        verbatim: bool = False,
        gap: str | None = None,
    ) -> None:
        """Append a block; text without any visible character adds nothing.

        Args:
            kind: What it is.
            text: Its text.
            level: For headings, 1 to 6.
            verbatim: Keep line breaks and indentation (code, plain text).
            gap: The white space that stands before it in the file, for formats whose own text
                is kept; by default an empty line, or a line break within a list or a table.

        Raises:
            ValueError: If the gap holds a visible character, or nothing between two blocks.
        """
        cleaned = clean(text)
        cleaned = cleaned.strip("\n").rstrip() if verbatim else fold_space(cleaned)
        if not cleaned.strip():
            return
        if self._blocks:
            both_tight = kind is self._blocks[-1].kind and kind in _TIGHT
            usual = "\n" if both_tight else "\n\n"
            self._write(usual if gap is None else _checked(gap))
        if self._page_start is not None and not self._page_has_text():
            self._page_start = self._length
        start = self._length
        self._write(cleaned)
        self._blocks.append(Block(kind=kind, start=start, end=self._length, level=level))

    def notice(self, *sentences: str) -> None:
        """Record what could not be read."""
        self._notices.extend(sentences)

    def attach(self, name: str) -> None:
        """Name a file within the file; its parser is a `protocol.Container` and hands it out."""
        self._attachments.append(name)

    def build(self, metadata: Mapping[str, MetadataValue] | None = None) -> Document:
        """Return the finished Document."""
        self._close_page()
        return Document(
            text="".join(self._parts),
            format=self._format,
            title=fold_space(clean(self.title)),
            blocks=tuple(self._blocks),
            pages=tuple(self._pages),
            metadata={key: _plain(value) for key, value in (metadata or {}).items()},
            notices=tuple(self._notices),
            attachments=tuple(Attachment(name=name) for name in self._attachments),
        )

    def _page_has_text(self) -> bool:
        return bool(self._blocks) and self._blocks[-1].start >= (self._page_start or 0)

    def _close_page(self) -> None:
        if self._page_start is None:
            return
        number = len(self._pages) + 1
        label = self._page_label or str(number)
        self._pages.append(
            Page(number=number, start=self._page_start, end=self._length, label=label)
        )
        self._page_start = None

    def _write(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)


def _checked(gap: str) -> str:
    if not gap or gap.strip():
        raise ValueError(f"a gap between blocks is white space, not {gap!r}")
    return gap


def _plain(value: MetadataValue) -> MetadataValue:
    return fold_space(clean(value)) if isinstance(value, str) else value
