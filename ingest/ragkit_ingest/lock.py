"""The writer's lock: one process at a time may write to an index; any number may read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ragkit_ingest.errors import IndexLockedError, StorageError
from ragkit_ingest.failpoint import failpoint

_LOCK = "lock"
_OWNER = "lock.owner"


@contextmanager
def writer_lock(folder: Path, *, wait_s: float = 0.5) -> Iterator[None]:
    """Hold the index's writer lock; the system frees it even if the process is killed.

    Args:
        folder: The index folder, which must exist.
        wait_s: How long to wait for another writer to finish.

    Raises:
        IndexLockedError: If another process holds it; the message names its pid.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / _LOCK, timeout=wait_s, poll_interval=0.05)
    try:
        lock.acquire()
    except Timeout as exc:
        raise IndexLockedError(
            f"another process{_owner(folder)} is writing to the index at {folder}; wait until it "
            "has finished, then run the command again"
        ) from exc
    except OSError as exc:
        raise StorageError(
            f"the index at {folder} cannot be written ({exc.strerror or exc}); check its "
            "permissions and the free disk space"
        ) from exc
    try:
        # Only a courtesy to people: an unwritable owner file must not stop a sync.
        with suppress(OSError):
            (folder / _OWNER).write_text(json.dumps({"pid": os.getpid()}), encoding="utf-8")
        failpoint("lock.taken")
        yield
    finally:
        with suppress(OSError):
            (folder / _OWNER).unlink(missing_ok=True)
        lock.release()


def _owner(folder: Path) -> str:
    try:
        owner = json.loads((folder / _OWNER).read_text(encoding="utf-8"))
        return f" (pid {int(owner['pid'])})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
