"""The contents of files on the server's disk: whole or not there, and gone when they expire."""

from __future__ import annotations

import secrets
import shutil
import string
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from ragkit.tune.serve.ledger import Ledger
from ragkit.tune.serve.record import StoredFile
from ragkit_ingest.disk import replacing

_ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str) -> str:
    """Return an id that is new, such as "file-" and 24 letters and digits."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(24))


class Vault:
    """Files by id. Threads may share it.

    A content is flushed to the disk before the ledger names it, and the ledger forgets it before
    it is deleted; what neither names was left by a crash and is swept away at the start.

    Args:
        folder: Where contents lie; made if it is not there.
        ledger: What names them.
        clock: Seconds since 1970.
    """

    def __init__(
        self, folder: Path, ledger: Ledger, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._ledger = ledger
        self._clock = clock
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        known = {file.id for file in ledger.all(StoredFile)}
        for path in folder.iterdir():
            if path.name not in known:
                path.unlink()

    def put(
        self,
        content: BinaryIO,
        *,
        filename: str,
        purpose: str = "fine-tune",
        expires_after_s: int | None = None,
    ) -> StoredFile:
        """Store a content and name it in the ledger.

        Raises:
            OSError: If the disk refuses; nothing is stored then.
        """
        name = new_id("file-")
        with replacing(self._folder / name, mode=0o600, lasting=True) as file:
            shutil.copyfileobj(content, file, 1 << 20)
            size = file.tell()
        now = self.now()
        stored = StoredFile(
            id=name,
            created_at=now,
            size_bytes=size,
            filename=filename,
            purpose=purpose,
            expires_at=None if expires_after_s is None else now + expires_after_s,
        )
        self._ledger.add(stored)
        return stored

    def now(self) -> int:
        """Return the time, in whole seconds since 1970."""
        return int(self._clock())

    def get(self, name: str) -> StoredFile | None:
        """Return a file that is there and has not expired."""
        stored = self._ledger.get(StoredFile, name)
        return stored if stored is not None and self.there(stored) else None

    def path(self, stored: StoredFile) -> Path:
        """Return where its content lies."""
        return self._folder / stored.id

    def there(self, stored: StoredFile) -> bool:
        """Return whether a file has not expired."""
        return stored.expires_at is None or stored.expires_at > self._clock()

    def drop(self, stored: StoredFile) -> None:
        """Delete a file."""
        self._ledger.drop(StoredFile, stored.id)
        self.path(stored).unlink(missing_ok=True)

    def expire(self) -> None:
        """Delete the files that have expired."""
        for stored in self._ledger.all(StoredFile):
            if not self.there(stored):
                self.drop(stored)
