"""Vectors kept in memory are those of the catalog, whatever is asked for, and only while live."""

from __future__ import annotations

import numpy as np
import pytest

from ragkit_ingest.embed.protocol import Vectors
from ragkit_ingest.errors import DamagedIndexError
from ragkit_ingest.index import Index
from ragkit_ingest.sync import SyncSettings, sync
from ragkit_ingest.vector_cache import VectorCache
from tests.support.counting import CountingParsers
from tests.support.folder import Folder

ROW = 4 * 48  # bytes of a vector of the hashing embedder


@pytest.fixture
def full(index: Index, docs: Folder) -> Index:
    docs.fill(30)
    sync(index, [docs.path], SyncSettings(), parsers=CountingParsers())
    return index


def stored(index: Index, ids: list[int]) -> Vectors:
    with index.reader() as reading:
        generation = reading.generation()
        assert generation is not None
        return reading.vectors(generation.space_id, ids, generation.fingerprint.dimension)


@pytest.mark.parametrize("rows", [0, 1, 7, 29, 30, 1000])
def test_it_gives_what_the_catalog_holds_however_small_it_is(full: Index, rows: int) -> None:
    cache = VectorCache(rows * ROW)
    chance = np.random.default_rng(rows)
    with full.reader() as reading:
        generation = reading.generation()
        assert generation is not None
        ids = reading.live_ids()
        for _ in range(60):
            wanted = chance.choice(ids, size=int(chance.integers(0, 40))).tolist()
            assert np.array_equal(cache.vectors(reading, generation, wanted), stored(full, wanted))
            assert len(cache) <= rows


def test_what_was_read_is_not_read_again(full: Index) -> None:
    with full.reader() as reading:
        generation = reading.generation()
        assert generation is not None
        ids = reading.live_ids()
        cache = VectorCache()
        wanted = cache.vectors(reading, generation, ids)
        found = cache.vectors(None, generation, ids[::-1])  # type: ignore[arg-type]
    assert np.array_equal(found, wanted[::-1])


def test_what_is_given_may_be_changed_without_harm(full: Index) -> None:
    ids = [hit for hit, _ in full.dense(full.embedder.embed_query("costs"), 5)]
    full.vectors(ids)[:] = 0.0
    assert np.array_equal(full.vectors(ids), stored(full, ids))


def test_a_publication_is_followed(full: Index, docs: Folder) -> None:
    with full.reader() as reading:
        before = reading.live_ids()
    full.vectors(before)
    (gone,) = [item.id for item in full.facts() if item.path == "3.md"]
    docs.write("3.md", "# Note\n\nquite another text")
    sync(full, [docs.path], SyncSettings(), parsers=CountingParsers())
    with full.reader() as reading:
        after = reading.live_ids()
        (lost,) = set(before) - set(after)
    assert np.array_equal(full.vectors(after), stored(full, after))
    with pytest.raises(DamagedIndexError, match="list of vectors"):
        full.vectors([lost])
    assert [item.id for item in full.facts() if item.path == "3.md"] == [gone]
    (docs.path / "3.md").unlink()
    sync(full, [docs.path], SyncSettings(), parsers=CountingParsers())
    assert "3.md" not in {item.path for item in full.facts()}
