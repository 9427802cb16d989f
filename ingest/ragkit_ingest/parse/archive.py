"""Zip containers (office files, books): refused before reading when they hold too much."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from ragkit_ingest.errors import BrokenFileError, ParserLimitError, PasswordError
from ragkit_ingest.parse.file import check_plain

MAX_UNPACKED_BYTES = 512 * 1024**2
MAX_RATIO = 200
MAX_MEMBERS = 50_000
_SMALL_BYTES = 8 * 1024**2
_ENCRYPTED = 0x1


def check_archive(file: Path | BinaryIO, needed: str) -> None:
    """Check that a file is a zip container of reasonable size that holds a member.

    Args:
        file: The file, or its bytes as an open file, which is left at its start.
        needed: Name of a member that the format always has; empty if there is none.

    Raises:
        BrokenFileError: If it is no zip container, is damaged, or lacks the member.
        ParserLimitError: If it states more than 512 MiB unpacked, more than 200 times its
            packed size, or more than 50,000 members.
    """
    with open_archive(file, needed):
        pass
    if not isinstance(file, Path):
        file.seek(0)


def open_archive(file: Path | BinaryIO, needed: str = "") -> zipfile.ZipFile:
    """Return a zip container, checked as `check_archive` does.

    Raises:
        BrokenFileError: If it is no zip container, is damaged, or lacks the member.
        ParserLimitError: If it states too many members, too many bytes or too high a ratio.
    """
    if isinstance(file, Path):
        check_plain(file)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as exc:
        raise BrokenFileError("the file is damaged: it is not a zip container") from exc
    try:
        _check_members(archive.infolist(), needed)
    except BaseException:
        archive.close()
        raise
    return archive


def read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """Return a member's bytes.

    Raises:
        BrokenFileError: If there is no such member or it is damaged.
        PasswordError: If it is encrypted.
    """
    try:
        info = archive.getinfo(name)
        if info.flag_bits & _ENCRYPTED:
            raise PasswordError("the file's parts are encrypted; save it without a password")
        return archive.read(info)
    except KeyError as exc:
        raise BrokenFileError(f"the file is damaged: it has no {name}") from exc
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as exc:
        raise BrokenFileError(f"the file is damaged: {name} cannot be unpacked: {exc}") from exc


def _check_members(members: list[zipfile.ZipInfo], needed: str) -> None:
    if len(members) > MAX_MEMBERS:
        raise ParserLimitError(f"the file has {len(members)} parts; the limit is {MAX_MEMBERS}")
    unpacked = sum(member.file_size for member in members)
    packed = sum(member.compress_size for member in members)
    if unpacked > MAX_UNPACKED_BYTES:
        raise ParserLimitError(
            f"the file would unpack to {unpacked} bytes; the limit is {MAX_UNPACKED_BYTES}"
        )
    if unpacked > _SMALL_BYTES and unpacked > MAX_RATIO * max(packed, 1):
        raise ParserLimitError(
            f"the file would unpack to {unpacked // max(packed, 1)} times its size; "
            f"the limit is {MAX_RATIO}"
        )
    if needed and needed not in {member.filename for member in members}:
        raise BrokenFileError(f"the file is not what its name says: it has no {needed}")
