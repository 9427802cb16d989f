"""Opening files that may be anything: only plain files are read, and never waited for."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ragkit_ingest.errors import BrokenFileError, ParserLimitError, UnreadableFileError

MAX_BYTES = 2 * 1024**3


def read_bytes(path: Path, limit_bytes: int = MAX_BYTES) -> bytes:
    """Return a plain file's bytes.

    Args:
        path: The file.
        limit_bytes: The size above which the file is refused.

    Raises:
        UnreadableFileError: If it is missing, forbidden or not a plain file.
        ParserLimitError: If it is too large.
    """
    check_plain(path, limit_bytes)
    try:
        return path.read_bytes()
    except OSError as exc:
        raise UnreadableFileError(f"the file cannot be read: {exc.strerror}") from exc


def check_plain(path: Path, limit_bytes: int = MAX_BYTES) -> int:
    """Return the size in bytes of a plain file that can be opened and holds something.

    Raises:
        UnreadableFileError: If it is missing, forbidden or not a plain file (a named pipe or a
            device would block or never end).
        BrokenFileError: If it is empty.
        ParserLimitError: If it is larger than the limit.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as exc:
        raise UnreadableFileError(f"the file cannot be opened: {exc.strerror}") from exc
    try:
        state = os.fstat(handle)
    finally:
        os.close(handle)
    if not stat.S_ISREG(state.st_mode):
        raise UnreadableFileError("this is not a plain file")
    check_size(state.st_size, limit_bytes)
    if state.st_size == 0:
        raise BrokenFileError("the file is empty")
    return state.st_size


def check_size(size: int, limit_bytes: int = MAX_BYTES) -> None:
    """Refuse a file by its size alone, before anything of it is read.

    Raises:
        ParserLimitError: If it is larger than the limit.
    """
    if size > limit_bytes:
        raise ParserLimitError(f"the file has {size} bytes; the limit is {limit_bytes}")
