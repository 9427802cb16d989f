"""What parent and worker say to each other: frames of JSON, never pickles.

A worker that has read a hostile file may say anything, so the parent builds records from
plain values, and their own checks hold.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any, BinaryIO

from ragkit_ingest import errors
from ragkit_ingest.errors import BrokenFileError, SourceError
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.records import Attachment, Block, BlockKind, Document, MetadataValue, Page

BEGUN = b'{"begun":true}'
"""What a worker says when it opens a file: from then on, its death is the file's doing."""

_LENGTH = struct.Struct(">Q")
_ERRORS: dict[str, type[SourceError]] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, SourceError)
}


class FrameTooLongError(Exception):
    """A frame states more bytes than the reader accepts."""


def write_frame(stream: BinaryIO, message: object) -> None:
    """Write one message and flush it."""
    payload = json.dumps(message, separators=(",", ":")).encode("ascii")
    stream.write(_LENGTH.pack(len(payload)))
    stream.write(payload)
    stream.flush()


def read_frame(stream: BinaryIO, limit_bytes: int) -> bytes | None:
    """Return the next message's bytes, None if the stream ended.

    Raises:
        FrameTooLongError: If the message is longer than the limit.
    """
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > limit_bytes:
        raise FrameTooLongError(f"{length} bytes, the limit is {limit_bytes}")
    payload = stream.read(length)
    return payload if len(payload) == length else None


def source_to_json(source: Source) -> dict[str, Any]:
    """Return a source as plain values."""
    return {
        "path": str(source.path),
        "passwords": list(source.passwords),
        "ocr": source.ocr,
        "member": list(source.member),
    }


def source_from_json(value: dict[str, Any]) -> Source:
    """Return the source that `source_to_json` described."""
    return Source(
        path=Path(value["path"]),
        passwords=tuple(value["passwords"]),
        ocr=bool(value["ocr"]),
        member=tuple(value["member"]),
    )


def document_to_json(document: Document) -> dict[str, Any]:
    """Return a document as plain values; of its attachments, the names."""
    return {
        "text": document.text,
        "format": document.format,
        "title": document.title,
        "blocks": [[b.kind.value, b.start, b.end, b.level] for b in document.blocks],
        "pages": [[p.number, p.start, p.end, p.label] for p in document.pages],
        "metadata": dict(document.metadata),
        "notices": list(document.notices),
        "attachments": [attachment.name for attachment in document.attachments],
    }


def error_to_json(error: SourceError) -> dict[str, Any]:
    """Return an error as plain values."""
    return {"error": type(error).__name__, "message": str(error)}


def outcome_from_json(payload: bytes) -> Document | SourceError:
    """Return the Document or the error that a worker answered with."""
    try:
        value = json.loads(payload)
        if "error" in value:
            return _ERRORS.get(value["error"], BrokenFileError)(str(value["message"]))
        return _document(value)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        return BrokenFileError(f"the parser's answer cannot be read: {exc}")


def _document(value: dict[str, Any]) -> Document:
    return Document(
        text=_text(value["text"]),
        format=_text(value["format"]),
        title=_text(value["title"]),
        blocks=tuple(
            Block(kind=BlockKind(kind), start=int(start), end=int(end), level=int(level))
            for kind, start, end, level in value["blocks"]
        ),
        pages=tuple(
            Page(number=int(number), start=int(start), end=int(end), label=_text(label))
            for number, start, end, label in value["pages"]
        ),
        metadata={_text(key): _value(item) for key, item in value["metadata"].items()},
        notices=tuple(_text(notice) for notice in value["notices"]),
        attachments=tuple(Attachment(name=_text(name)) for name in value["attachments"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text was expected, not {type(value).__name__}")
    return value


def _value(value: object) -> MetadataValue:
    if not isinstance(value, str | int | float | bool):
        raise TypeError(f"a metadata value was expected, not {type(value).__name__}")
    return value
