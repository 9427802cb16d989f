"""Down to the disk: what was written there survives a loss of power."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from ragkit_ingest.errors import StorageError

_BINARY = getattr(os, "O_BINARY", 0)  # Windows alone has it


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk.

    Raises:
        OSError: If it cannot be opened, or the disk refuses.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def replacing(file: Path, *, mode: int = 0o666, lasting: bool = False) -> Iterator[BinaryIO]:
    """Write a file as a whole: whoever reads it finds the old one or the new, never a part.

    What is written stands beside the file, is flushed to the disk, and then takes the file's
    name. If the writer or the disk fails before that, the old file stays and nothing else is left.

    Args:
        file: New or not; its folder must exist.
        mode: Who may read and write it, less what the umask takes.
        lasting: Whether the new name is on the disk too when this returns; otherwise a loss of
            power soon after may bring back the old file.

    Raises:
        OSError: If the disk refuses.
    """
    aside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(file)
    except BaseException:
        with suppress(OSError):  # what failed first is what is told
            aside.unlink()
        raise
    if lasting:
        flush(file.parent)


def write_whole(file: Path, text: str, *, lasting: bool = False) -> None:
    """Write a text file as `replacing` does, in UTF-8; its folder is made if need be.

    A pipe or a device, such as /dev/stdout, is written to and not replaced.

    Args:
        file: New or not.
        text: Its lines end with LF, on every system.
        lasting: As of `replacing`.

    Raises:
        StorageError: If it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        special = file.exists() and not (file.is_file() or file.is_dir())
        with file.open("wb") if special else replacing(file, lasting=lasting) as stream:
            stream.write(text.encode())
    except OSError as exc:
        raise StorageError(f"{file} cannot be written ({exc.strerror or exc})") from exc


def append_line(descriptor: int, line: bytes) -> None:
    """Add a line at the end of a file, down to the disk.

    It begins on a line of its own, though the last one was cut off, and is added by one write, so
    that no other writer's line stands within it. An empty line may stand between two that were
    added at once. A disk that is full may take a part of the line.

    Args:
        descriptor: Of a file opened for reading and appending.
        line: With the line feed at its end.

    Raises:
        OSError: If the disk refuses.
    """
    size = os.fstat(descriptor).st_size
    if size:
        os.lseek(descriptor, size - 1, os.SEEK_SET)
        line = line if os.read(descriptor, 1) == b"\n" else b"\n" + line
    while line:
        line = line[os.write(descriptor, line) :]
    os.fsync(descriptor)
