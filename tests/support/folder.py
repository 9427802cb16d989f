"""A folder of documents that a test writes, edits and takes away again."""

from __future__ import annotations

import os
from pathlib import Path

_SECOND = 1_000_000_000


class Folder:
    """Writes files whose time stamps always move on, as those of real edits do.

    Args:
        path: Made if it is not there.
        start_s: Seconds added to every time stamp.
    """

    def __init__(self, path: Path, *, start_s: int = 0) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self._now = (1_700_000_000 + start_s) * _SECOND

    def write(self, name: str | bytes, text: str | bytes) -> Path:
        """Write a file, with its folders, and return where it is."""
        path = self.path / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self.touch(path)

    def touch(self, path: Path) -> Path:
        """Give a file a new time stamp."""
        self._now += _SECOND
        os.utime(path, ns=(self._now, self._now))
        return path

    def fill(self, count: int, *, start: int = 0) -> list[Path]:
        """Write files of one sentence each: `0.md`, `1.md` and so on."""
        return [
            self.write(f"{n}.md", f"# Note {n}\n\nThe {word(n)} costs {n} euro.\n")
            for n in range(start, start + count)
        ]


def word(number: int) -> str:
    """Return a made-up word that no other number gives."""
    letters = "bcdfghjklm"
    return "z" + "".join(f"{letters[int(digit)]}o" for digit in str(number))
