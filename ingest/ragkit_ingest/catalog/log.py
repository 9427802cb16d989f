"""Reads the catalog's write-ahead log for damage, of which SQLite says nothing.

SQLite takes the log up to its first entry that does not fit its checksum, and treats the rest as
if it had never been written. That is right for an entry that a killed process did not finish,
and silent about one that was flipped on the disk later.

Source: "WAL-mode File Format" (sqlite.org/walformat.html), sections 1 and 4.
"""

from __future__ import annotations

import struct
import sys
from array import array
from dataclasses import dataclass
from pathlib import Path

_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_LITTLE, _BIG = 0x377F0682, 0x377F0683
_WORD = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class LogState:
    """What a log holds.

    Attributes:
        entries: Pages that SQLite takes from it.
        lost: Whether finished entries stand behind one that cannot be read: they are lost.
        unfinished: Whether it ends in an entry that was begun and not finished, or was damaged:
            the two cannot be told apart.
    """

    entries: int = 0
    lost: bool = False
    unfinished: bool = False


def read_log(path: Path) -> LogState:
    """Return the state of a log; an absent or empty one has no entries.

    Raises:
        OSError: If it cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return LogState()
    if not content:
        return LogState()
    header = _sound_header(content)
    if header is None:
        return LogState(lost=len(content) > _HEADER.size, unfinished=True)
    magic, _, page_bytes, _, *salts, first, second = header
    step = _FRAME.size + page_bytes
    order = "little" if magic == _LITTLE else "big"
    sums, entries, at = (first, second), 0, _HEADER.size
    while at + step <= len(content):
        frame = _FRAME.unpack_from(content, at)
        data = content[at : at + 8] + content[at + _FRAME.size : at + step]
        following = _checksum(data, order, sums)
        if [frame[2], frame[3]] != salts or following != frame[4:]:
            break
        sums, entries, at = following, entries + 1, at + step
    return LogState(
        entries=entries,
        lost=_committed_behind(content, at + step, step, salts),
        unfinished=_begun(content, at, salts),
    )


def _sound_header(content: bytes) -> tuple[int, ...] | None:
    if len(content) < _HEADER.size:
        return None
    header = _HEADER.unpack_from(content)
    if header[0] not in (_LITTLE, _BIG):
        return None
    order = "little" if header[0] == _LITTLE else "big"
    return header if _checksum(content[:24], order, (0, 0)) == header[6:] else None


def _committed_behind(content: bytes, at: int, step: int, salts: list[int]) -> bool:
    """Return whether an entry of this round that ends a transaction stands at `at` or later."""
    for start in range(at, len(content) - step + 1, step):
        _, committed, *found = _FRAME.unpack_from(content, start)
        if committed and found[:2] == salts:
            return True
    return False


def _begun(content: bytes, at: int, salts: list[int]) -> bool:
    if at + _FRAME.size > len(content):
        return at < len(content)
    return list(_FRAME.unpack_from(content, at)[2:4]) == salts


def _checksum(data: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    words = array("I", data)
    if order != sys.byteorder:
        words.byteswap()
    first, second = sums
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & _WORD
        second = (second + odd + first) & _WORD
    return first, second
