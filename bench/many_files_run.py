"""One sync in a process of its own; `bench.many_files` starts it and reads what it prints.

python -m bench.many_files_run DOCS INDEX cheap|seldom|minilm
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from bench.cheap import CheapEmbedder, SeldomEmbedder
from bench.process import memory_bytes
from ragkit_ingest.embed.minilm import MiniLM
from ragkit_ingest.errors import SourceError
from ragkit_ingest.index import Index
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.worker import ParserPool
from ragkit_ingest.records import Document
from ragkit_ingest.store.chroma import ChromaStore
from ragkit_ingest.sync import SyncSettings, sync

_WORKERS = 2


class _Counter:
    """Counts the files that parsing began with."""

    parsed = 0

    def begun(self, source: Source, pid: int) -> None:  # noqa: ARG002
        self.parsed += 1

    def ended(self, source: Source, outcome: Document | SourceError) -> None:
        """Care only about beginnings."""


def main(docs: str, index: str, name: str) -> None:
    """Sync, and print what it took."""
    counter = _Counter()
    embedder = {"minilm": MiniLM, "seldom": SeldomEmbedder, "cheap": CheapEmbedder}[name]()
    opened = Index(Path(index), embedder=embedder, store=ChromaStore(), create=True)
    report = sync(
        opened,
        [Path(docs)],
        SyncSettings(workers=_WORKERS),
        parsers=lambda workers: ParserPool(workers, watch=counter),
    )
    opened.close()
    print(
        json.dumps(
            {
                "seconds": report.seconds,
                "embedded": report.embedded,
                "parsed": counter.parsed,
                "generation": report.generation,
                "chunks": report.chunks.total,
                "main": memory_bytes(os.getpid())[1],
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
