"""A sync in a process of its own, which ends, waits or is killed where the test wants it.

    python -m tests.support.sync_process INDEX DOCS HOW

HOW is "whole"; "embed:N", killed at the Nth batch of texts; "publish", killed after the vectors
were built and before they are published; "publish-real", the same with the real pool of parsers;
or "hold", which says "holding" while it has the lock,
and waits for a line on its standard input.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from ragkit_ingest.embed.protocol import Vectors
from ragkit_ingest.index import Index
from ragkit_ingest.report import Progress
from ragkit_ingest.store.exact import ExactSearcher, ExactStore
from ragkit_ingest.sync import SyncSettings, sync
from tests.support.counting import CountingParsers
from tests.support.hashing import HashingEmbedder


class KilledEmbedder(HashingEmbedder):
    """Ends the process, without any warning, when it is given its Nth batch."""

    def __init__(self, last: int) -> None:
        super().__init__()
        self._last = last

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        if self.calls + 1 == self._last:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().embed_documents(texts)


class KilledStore(ExactStore):
    """Ends the process when the new folder is complete, but not yet published."""

    def open(self, folder: Path) -> ExactSearcher:
        os.kill(os.getpid(), signal.SIGKILL)
        return super().open(folder)


def hold(progress: Progress) -> None:
    """Stop at the first sign of life until the test says so."""
    if progress.stage == "scan":
        print("holding", flush=True)
        sys.stdin.readline()


def main(index: str, docs: str, how: str) -> None:
    """Run the sync."""
    batch = int(how.removeprefix("embed:")) if how.startswith("embed:") else 0
    opened = Index(
        Path(index),
        embedder=KilledEmbedder(batch),
        store=KilledStore() if how.startswith("publish") else ExactStore(),
        create=True,
    )
    progress = hold if how == "hold" else None
    parsers = None if how == "publish-real" else CountingParsers()
    sync(opened, [Path(docs)], SyncSettings(), progress, parsers=parsers)


if __name__ == "__main__":
    main(*sys.argv[1:])
