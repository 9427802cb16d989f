"""What it takes to read vectors grows with how many are read, not with how many there are."""

from __future__ import annotations

from ragkit_ingest.catalog.reading import Reading
from ragkit_ingest.index import Index
from ragkit_ingest.sync import SyncSettings, sync
from tests.support.counting import CountingParsers
from tests.support.folder import Folder


def steps(index: Index, ids: list[int]) -> int:
    """Return how many instructions SQLite's machine took, in tens."""
    taken = 0

    def count() -> int:
        nonlocal taken
        taken += 1
        return 0

    index.connection.set_progress_handler(count, 10)
    Reading(index.connection).vectors(1, ids, 48)
    index.connection.set_progress_handler(None, 0)
    return taken


def test_twenty_vectors_of_many_cost_what_twenty_of_few_do(index: Index, docs: Folder) -> None:
    cost = []
    for start in (0, 40):
        docs.fill(40 if start == 0 else 260, start=start)
        sync(index, [docs.path], SyncSettings(), parsers=CountingParsers())
        cost.append(steps(index, index.reading.live_ids()[:20]))
    assert 0 < cost[1] < 1.5 * cost[0]
