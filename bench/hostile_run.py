"""One ingest of a folder, in a process that may be killed; `bench.hostile` starts and watches it.

    python -m bench.hostile_run FOLDER INDEX [--workers N] [--passwords FILE] [--timeout S]
                                [--embedder cheap|minilm]

Prints JSON Lines: one for each sign of life, then one with everything that was found.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

from bench.cheap import CheapEmbedder
from bench.process import memory_bytes
from bench.watch import CostWatch
from ragkit_ingest.catalog.schema import FILE_NAME
from ragkit_ingest.catalog.staging import readable
from ragkit_ingest.embed.minilm import MiniLM
from ragkit_ingest.errors import NothingToIngestError
from ragkit_ingest.index import Index
from ragkit_ingest.parse.worker import ParserPool
from ragkit_ingest.report import Progress
from ragkit_ingest.store.exact import ExactStore
from ragkit_ingest.sync import SyncSettings, sync
from tests.support.odd.file import LEAK


def main() -> None:
    """Ingest, and print what was found."""
    options = _options()
    lines = options.passwords.read_text(encoding="utf-8").splitlines() if options.passwords else []
    embedder = MiniLM() if options.embedder == "minilm" else CheapEmbedder()
    settings = SyncSettings(workers=options.workers, passwords=tuple(filter(None, lines)))
    index = Index(options.index, embedder=embedder, store=ExactStore(), create=True)
    with CostWatch() as watch:
        parsers = partial(ParserPool, watch=watch, timeout_s=options.timeout)
        try:
            report = sync(index, [options.folder], settings, _alive, parsers=parsers)
        except NothingToIngestError as exc:
            raise SystemExit(f"bench.hostile_run: {exc}") from exc
    documents = {
        document.path: {"state": document.state, "reason": document.reason}
        for document in index.status().documents
    }
    index.close()
    costs = {
        readable(path.relative_to(options.folder).as_posix()): {
            "seconds": cost.seconds,
            "peak_bytes": cost.peak_bytes,
            "kind": cost.kind,
        }
        for path, cost in watch.costs.items()
    }
    _tell(
        {
            "documents": documents,
            "skipped": dict(report.skipped),
            "costs": costs,
            "leaks": _leaks(options.index),
            "main_peak_bytes": memory_bytes(os.getpid())[1],
            "seconds": report.seconds,
            "chunks": report.chunks.total,
        }
    )


def _leaks(index: Path) -> list[str]:
    """Return the documents that hold what only a file outside the folder says."""
    query = "SELECT f.path FROM revisions r JOIN files f ON f.id = r.file_id WHERE r.text LIKE ?"
    with closing(sqlite3.connect(index / FILE_NAME)) as connection:
        return [path for (path,) in connection.execute(query, (f"%{LEAK}%",))]


def _alive(progress: Progress) -> None:
    _tell({"stage": progress.stage, "done": progress.done, "path": progress.path})


def _tell(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.hostile_run", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("index", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--passwords", type=Path)
    parser.add_argument("--timeout", type=float, default=120.0)
    parser.add_argument("--embedder", choices=("cheap", "minilm"), default="cheap")
    return parser.parse_args()


if __name__ == "__main__":
    main()
