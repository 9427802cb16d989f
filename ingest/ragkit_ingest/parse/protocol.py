"""What a parser is. One format a module; `registry` knows them all; `worker` isolates them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from ragkit_ingest.records import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file to parse, with what a parser may need to know.

    Attributes:
        path: Where the bytes are.
        passwords: Tried in order on an encrypted file.
        ocr: Whether images, and pages that are images, are read with OCR.
        member: The names that lead from the file to one within it (an attachment, then one of
            its attachments), which is then the file to parse; none for the file itself.
    """

    path: Path
    passwords: Sequence[str] = ()
    ocr: bool = False
    member: tuple[str, ...] = ()


class Parser(Protocol):
    """Turns the files of one format into Documents.

    A parser is a pure function of the bytes: same bytes, same Document. It raises nothing but
    the `SourceError` family; foreign exceptions are translated where the library is called.

    Attributes:
        name: The format's name, stored as `Document.format`.
        version: Raised whenever the same bytes would give another Document, which makes every
            file of the format count as edited.
        suffixes: The file name endings it reads, in lower case with the dot.
    """

    name: str
    version: int
    suffixes: frozenset[str]

    def parse(self, source: Source) -> Document:
        """Return the file's Document.

        Raises:
            SourceError: If the file cannot become one; the message says why, without the path
                (the caller adds it).
        """
        ...


@runtime_checkable
class Container(Protocol):
    """A parser whose files hold other files, which its Documents name as `attachments`."""

    def attachment(self, source: Source, name: str) -> bytes:
        """Return the bytes of an attachment.

        Args:
            source: The file.
            name: As the file's Document names it.

        Raises:
            SourceError: If the file cannot be read or holds no such attachment.
        """
        ...
