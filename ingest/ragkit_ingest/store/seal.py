"""Seals a folder once it is built, so that any later change to its files is noticed.

Not a protection against an attacker, who could write a new seal; it tells a file that was cut
short or altered by a failing disk from one that is as it was built.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from ragkit_ingest.errors import DamagedStoreError
from ragkit_ingest.failpoint import failpoint

FILE_NAME = "seal.json"


def write_seal(folder: Path, files: Iterable[Path]) -> None:
    """Write the SHA-256 of the files, all within the folder, beside them, down to the disk."""
    failpoint("seal.before")
    digests = {path.relative_to(folder).as_posix(): _sha256(path) for path in files}
    with (folder / FILE_NAME).open("w", encoding="utf-8") as file:
        failpoint("seal.inside")
        json.dump(digests, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    failpoint("seal.after")


def check_seal(folder: Path) -> None:
    """Compare every sealed file with what it was when the seal was written.

    Raises:
        DamagedStoreError: If the seal or a file is missing, or a file differs.
    """
    try:
        digests = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        wrong = [name for name, digest in digests.items() if _sha256(folder / name) != digest]
    except (OSError, ValueError, AttributeError) as exc:
        raise DamagedStoreError(f"the vectors in {folder} are not intact ({exc})") from exc
    if wrong:
        raise DamagedStoreError(
            f"the vectors in {folder} are not intact ({', '.join(sorted(wrong))} changed since "
            "they were written)"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
