"""Zip containers (office files): refused before reading when they would unpack to too much."""

from __future__ import annotations

import zipfile
from pathlib import Path

from ragkit_ingest.errors import BrokenFileError, ParserLimitError, PasswordError
from ragkit_ingest.parse.file import check_plain

MAX_UNPACKED_BYTES = 512 * 1024**2
MAX_RATIO = 200
_SMALL_BYTES = 8 * 1024**2
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def check_archive(path: Path, needed: str) -> None:
    """Check that a file is a zip container of reasonable size that holds a member.

    Args:
        path: The file.
        needed: Name of a member that the format always has.

    Raises:
        BrokenFileError: If it is no zip container, is damaged, or lacks the member.
        PasswordError: If it is an encrypted office file.
        ParserLimitError: If it states more than 512 MiB unpacked, or more than 200 times its
            packed size.
    """
    check_plain(path)
    with path.open("rb") as file:
        start = file.read(4096)
        if start.startswith(_OLE):
            _refuse_ole(start + file.read(1 << 20))
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as exc:
        raise BrokenFileError("the file is damaged: it is not a zip container") from exc
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
    if needed not in {member.filename for member in members}:
        raise BrokenFileError(f"the file is not what its name says: it has no {needed}")


def _refuse_ole(start: bytes) -> None:
    if "EncryptedPackage".encode("utf-16-le") in start:
        raise PasswordError("the file is encrypted; save it without a password to read it")
    raise BrokenFileError("this is an old binary office file; save it in the newer format")
