"""Named moments of a sync at which a test can end the process, as a power cut would.

    failpoint("stage.after")                     in the code: does nothing, unless a test asked
    RAGKIT_FAILPOINT=stage.after ragkit ingest   kills the process when it first gets there
    RAGKIT_FAILPOINT=stage.after:3 ragkit ingest when it gets there for the third time

`POINTS` lists them all, so that a test can prove that each is reached.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

VARIABLE = "RAGKIT_FAILPOINT"

POINTS = (
    # the catalog is made
    "create.before",
    "create.after",
    # the writer has the lock; what changed is known; it is noted
    "lock.taken",
    "scan.before",
    "scan.after",
    "plan.inside",
    "plan.after",
    # each file: its staged revision, or its failure
    "stage.before",
    "stage.inside",
    "stage.after",
    "fail.inside",
    "fail.after",
    # each batch of texts
    "embed.before",
    "embed.after",
    "embed.inside",
    "embed.stored",
    # the new folder of vectors
    "build.before",
    "build.batch",
    "derive.copied",
    "derive.removed",
    "build.written",
    "scan.written",
    "seal.before",
    "seal.inside",
    "seal.after",
    "build.after",
    "check.after",
    # the publishing transaction
    "publish.before",
    "publish.begun",
    "publish.removed",
    "publish.live",
    "publish.words",
    "publish.ready",
    "publish.after",
    # what is not needed any more
    "sweep.before",
    "sweep.each",
    "sweep.after",
    # another embedder's vectors, built beside and swapped in
    "aside.inside",
    "aside.after",
    "swap.before",
    "swap.places",
    "swap.ready",
    "swap.judged",
    "swap.after",
    # damage is mended
    "verify.before",
    "verify.documents",
    "verify.vectors",
    "verify.words",
    "verify.published",
    "verify.after",
    # deleted bytes are erased
    "purge.before",
    "purge.words",
    "purge.published",
    "purge.compacted",
    "purge.after",
)

_arrived: Callable[[str], None] | None = None


def failpoint(name: str) -> None:
    """Mark a moment; `name` is one of `POINTS`."""
    if _arrived is not None:
        _arrived(name)


@contextmanager
def watched(arrived: Callable[[str], None]) -> Iterator[None]:
    """Have every failpoint of this process call `arrived` with its name, within the body."""
    global _arrived  # noqa: PLW0603 - one seam of the process, which only tests use
    before, _arrived = _arrived, arrived
    try:
        yield
    finally:
        _arrived = before


def killer(wanted: str) -> Callable[[str], None]:
    """Return what kills this process at a failpoint.

    Args:
        wanted: Its name, or NAME:N for the Nth arrival there.

    Raises:
        ValueError: If there is no such failpoint, or N is not 1 or more.
    """
    name, _, count = wanted.partition(":")
    if name not in POINTS or not (count or "1").isdecimal() or int(count or 1) < 1:
        raise ValueError(f"{VARIABLE}={wanted} is not NAME or NAME:N; see ragkit_ingest.failpoint")
    left = int(count or 1)

    def arrived(reached: str) -> None:
        nonlocal left
        if reached == name:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return arrived


if _asked := os.environ.get(VARIABLE):
    _arrived = killer(_asked)
