"""The records that ingestion passes on: a file becomes a Document, a Document becomes Chunks.

Every position in this module is an offset in characters (Python string indices) into
`Document.text`, half-open: `text[start:end]`. This module knows nothing of files, databases
or models.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

MetadataValue = str | int | float | bool
"""What a metadata field may hold. Dates are ISO 8601 strings, so that they sort."""


class BlockKind(StrEnum):
    """What a stretch of text is, so that an answer never mixes a heading into a sentence."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST_ITEM = "list_item"
    TABLE_ROW = "table_row"
    CODE = "code"
    CAPTION = "caption"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A place that a person would use to find a text: a page, a sheet, a slide, a message.

    Attributes:
        number: Counted from 1, in reading order.
        start: Offset of the first character.
        end: Offset after the last character; `start == end` for a page without text.
        label: The name shown to people, such as `"7"`, `"iv"` or `"Sheet2"`.
    """

    number: int
    start: int
    end: int
    label: str = ""

    def __post_init__(self) -> None:
        if self.number < 1:
            raise ValueError(f"a page number counts from 1, not {self.number}")
        _check_span(self.start, self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A heading, paragraph, list item, table row or code block of a document.

    Attributes:
        kind: What it is.
        start: Offset of the first character.
        end: Offset after the last character, more than `start`.
        level: For headings 1 (the outermost) to 6; 0 for every other kind.
    """

    kind: BlockKind
    start: int
    end: int
    level: int = 0

    def __post_init__(self) -> None:
        _check_span(self.start, self.end)
        if self.start == self.end:
            raise ValueError(f"a block holds text, but this one is empty at {self.start}")
        if (self.kind is BlockKind.HEADING) != (1 <= self.level <= 6):
            raise ValueError(f"a {self.kind.value} cannot have level {self.level}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file within a file, such as a mail's attachment, and what became of it.

    Attributes:
        name: Its path within the file: `"report.pdf"`, or `"forwarded.eml/report.pdf"` for the
            attachment of an attachment. No two in one file are the same.
        document: What it says, itself without attachments; None if it was not read.
        failure: Why it could not be read; empty if it was, or if nobody has tried.
    """

    name: str
    document: Document | None = None
    failure: str = ""

    def __post_init__(self) -> None:
        if not self.name.strip("/ "):
            raise ValueError(f"an attachment needs a name, not {self.name!r}")
        if self.document is not None and (self.failure or self.document.attachments):
            raise ValueError(f"the attachment {self.name} holds a failure or other attachments")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file's text with the positions of everything in it.

    Attributes:
        text: The normalised text, exactly as it is stored and cited.
        format: The parser's name for the format, such as `"pdf"` or `"markdown"`.
        title: The document's own title; empty if it has none.
        blocks: In reading order, without overlap; together they hold every character that is
            not white space.
        pages: In reading order, without overlap; empty for formats without pages.
        metadata: Front matter and document properties: keys in lower case, dates in ISO 8601.
        notices: Sentences about what the parser could not read ("page 3 has no text").
        attachments: The files within the file, each a document of its own, in order. A parser
            names them; `worker.ParserPool` reads them.
    """

    text: str
    format: str
    title: str = ""
    blocks: tuple[Block, ...] = ()
    pages: tuple[Page, ...] = ()
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()

    def __post_init__(self) -> None:
        _check_order("block", self.blocks, len(self.text))
        _check_order("page", self.pages, len(self.text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A stored piece of a document.

    Attributes:
        ordinal: Its place in the document, counted from 0.
        start: Offset of its first character in the document's text.
        end: Offset after its last character.
        text: `document.text[start:end]`, always.
        headings: The headings it stands under, outermost first.
        page: The number of the page on which it starts; None for formats without pages.
        header: What is embedded and indexed before the text to give it context (the title and
            the headings); not part of the text.
        tokens: Length of `embedded_text` in the embedder's own tokens.
    """

    ordinal: int
    start: int
    end: int
    text: str
    headings: tuple[str, ...] = ()
    page: int | None = None
    header: str = ""
    tokens: int = 0

    def __post_init__(self) -> None:
        if self.end - self.start != len(self.text):
            raise ValueError(
                f"a chunk of {len(self.text)} characters cannot span {self.start}:{self.end}"
            )

    @property
    def embedded_text(self) -> str:
        """The text that the embedder reads: the header, a line break, the text."""
        return embedded_text(self.header, self.text)


def embedded_text(header: str, text: str) -> str:
    """Return what the embedder reads of a text behind a header, which may be empty."""
    return f"{header}\n{text}" if header else text


def page_at(pages: Sequence[Page], offset: int) -> int | None:
    """Return the number of the page that holds the offset; None if there are no pages."""
    page = whole_page_at(pages, offset)
    return None if page is None else page.number


def whole_page_at(pages: Sequence[Page], offset: int) -> Page | None:
    """Return the page that holds the offset; None if none does."""
    return next((page for page in pages if page.start <= offset < page.end), None)


def _check_span(start: int, end: int) -> None:
    if not 0 <= start <= end:
        raise ValueError(f"a span needs 0 <= start <= end, not {start}:{end}")


def _check_order(name: str, spans: tuple[Page, ...] | tuple[Block, ...], length: int) -> None:
    position = 0
    for span in spans:
        if span.start < position:
            raise ValueError(f"the {name} at {span.start} begins before {position}, where one ends")
        position = span.end
    if position > length:
        raise ValueError(f"a {name} ends at {position}, after the text's end at {length}")
