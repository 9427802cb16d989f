"""What a sync stores of a parsed file: the document with its title and its chunks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ragkit_ingest.records import Chunk, Document
from ragkit_ingest.split import CountTokens, SplitSettings, split


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A document, ready to be stored.

    Attributes:
        document: With a title, and without attachments.
        chunks: In reading order.
        named: Whether the title is made of the file's name, and so changes with it.
    """

    document: Document
    chunks: tuple[Chunk, ...]
    named: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Enclosed:
    """An attachment, ready to be stored with the file that holds it.

    Attributes:
        name: Its path within the file.
        recipe: Parser and settings that read it.
        content: What it says; None if it could not be read.
        failure: Why it could not.
    """

    name: str
    recipe: str
    content: Content | None = None
    failure: str = ""


def content_of(
    document: Document, untitled: str, count_tokens: CountTokens, settings: SplitSettings
) -> Content:
    """Return a parsed document as it is stored.

    Args:
        document: As parsed; its attachments are left out.
        untitled: Its title if it has none of its own.
        count_tokens: Of the embedder.
        settings: How long chunks may be.
    """
    titled = replace(document, title=document.title or untitled, attachments=())
    chunks = split(titled, count_tokens, settings)
    return Content(document=titled, chunks=chunks, named=not document.title)


def texts_of(contents: Sequence[Content]) -> list[str]:
    """Return what the embedder reads of the contents."""
    return [chunk.embedded_text for content in contents for chunk in content.chunks]
