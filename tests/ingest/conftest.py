"""A folder and its index, synced with parsers that count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ragkit_ingest.index import Index
from ragkit_ingest.plan import SyncPlan
from ragkit_ingest.report import IngestReport
from ragkit_ingest.sync import SyncSettings, plan_sync, sync
from tests.support.counting import CountingParsers
from tests.support.folder import Folder
from tests.support.hashing import HashingEmbedder


@dataclass
class Bench:
    """An index, its folder, and counts of what a sync cost.

    Attributes:
        index: The index under test.
        docs: The folder that `sync` syncs by default.
        parsers: Count the files that were parsed.
        now: The time that a sync goes by, in seconds since 1970.
    """

    index: Index
    docs: Folder
    parsers: CountingParsers = field(default_factory=CountingParsers)
    now: float = 1_800_000_000.5

    @property
    def embedder(self) -> HashingEmbedder:
        assert isinstance(self.index.embedder, HashingEmbedder)
        return self.index.embedder

    def sync(self, *paths: Path, known: bool = False, **settings: bool) -> IngestReport:
        """Sync the paths; the folder by default, with `known` what was ingested before."""
        self.parsers.parsed.clear()
        wanted = [] if known else list(paths) or [self.docs.path]
        options = SyncSettings(**settings)  # type: ignore[arg-type]
        return sync(self.index, wanted, options, parsers=self.parsers, clock=lambda: self.now)

    def plan(self, *paths: Path, known: bool = False, **settings: bool) -> SyncPlan:
        wanted = [] if known else list(paths) or [self.docs.path]
        options = SyncSettings(**settings)  # type: ignore[arg-type]
        return plan_sync(self.index, wanted, options, clock=lambda: self.now)

    def states(self) -> dict[str, str]:
        return {document.path: document.state for document in self.index.status().documents}

    def text(self, path: str) -> str:
        return self.index.show(path).text

    def find(self, words: str, k: int = 1) -> list[str]:
        """Return the texts that lie closest to the words."""
        with self.index.reader() as reading:
            found = self.index.dense(self.index.embedder.embed_query(words), k)
            stored = reading.chunks([id_ for id_, _ in found])
        return [stored[id_].text for id_, _ in found]


Open = Callable[..., Index]


@pytest.fixture
def bench(index: Index, docs: Folder) -> Bench:
    return Bench(index, docs)
