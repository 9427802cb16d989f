"""Opens a file that is text through and through."""

from __future__ import annotations

from pathlib import Path

from ragkit_ingest.parse.builder import DocumentBuilder, clean
from ragkit_ingest.parse.encoding import decode
from ragkit_ingest.parse.file import read_bytes


def open_text(format: str, path: Path) -> tuple[DocumentBuilder, str]:
    """Return a builder that holds what is to be said of the decoding, and the text, cleaned.

    Args:
        format: The Document's.
        path: The file.

    Raises:
        BrokenFileError: If the file is not text.
    """
    decoded = decode(read_bytes(path))
    builder = DocumentBuilder(format)
    builder.notice(*decoded.notices)
    return builder, clean(decoded.text)
