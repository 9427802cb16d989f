"""An index of many small shards finds what one store finds, and mends one shard alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import numpy as np
import pytest

import ragkit_ingest.build
import ragkit_ingest.generation
from ragkit_ingest.catalog.reading import Generation
from ragkit_ingest.failpoint import watched
from ragkit_ingest.index import Index
from ragkit_ingest.published import scan_folder, vectors_folder
from ragkit_ingest.purge import purge
from ragkit_ingest.store.chroma import ChromaStore
from ragkit_ingest.store.exact import ExactSearcher, ExactStore
from ragkit_ingest.verify import verify
from tests.ingest.conftest import Bench, Open
from tests.ingest.test_sync import consistent
from tests.support.folder import Folder, word

SHARD = 10


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ragkit_ingest.generation, "SHARD_CHUNKS", SHARD)
    monkeypatch.setattr(ragkit_ingest.generation, "SCANNED_FROM", 0)


@pytest.fixture(params=[ExactStore, ChromaStore], ids=["exact", "chroma"])
def sharded(request: pytest.FixtureRequest, open_index: Open, docs: Folder) -> Bench:
    """35 chunks in four shards."""
    docs.fill(35)
    bench = Bench(open_index(store=request.param()), docs)
    bench.sync()
    assert [shard.chunks for shard in generation(bench.index).shards] == [10, 10, 10, 5]
    return bench


def generation(index: Index) -> Generation:
    with index.reader() as reading:
        found = reading.generation()
    assert found is not None
    return found


def folders(index: Index) -> list[str]:
    return [shard.folder for shard in generation(index).shards]


def like_one_store(index: Index) -> None:
    """Compare every kind of search with the catalog's own vectors and words."""
    with index.reader() as reading:
        ids = reading.live_ids()
        live = reading.generation()
        assert live is not None
        stored = reading.vectors(live.space_id, ids, 48)
        everything = ExactSearcher(np.asarray(ids, np.int64), stored)
        for number in range(8):
            question = f"the {word(number)} costs {number} euro"
            vector = index.embedder.embed_query(question)
            for k in (1, 7, len(ids), 1000):
                same(index.dense(vector, k), everything.query(vector, k))
            same(index.lexical(question, 9), reading.lexical(matches(question), 9, (1.0, 1.0, 1.0)))
            some = ids[number :: number + 1]
            kept = np.isin(everything.all_ids, some)
            among = ExactSearcher(everything.all_ids[kept], everything.all_vectors[kept])
            same(index.dense(vector, 5, among=some), among.query(vector, 5))
            wanted = reading.lexical(matches(question), 5, (1.0, 1.0, 1.0), some)
            same(index.lexical(question, 5, among=some), wanted)
        assert np.array_equal(index.vectors(ids[::-1]), stored[::-1])
        words = ["cost", "euro", word(3), "nowhere"]
        assert index.frequencies(words) == reading.document_frequencies(words)


def matches(question: str) -> str:
    from ragkit_ingest.lexical import match_query

    return match_query(question)


def same(found: list[tuple[int, float]], wanted: list[tuple[int, float]]) -> None:
    assert [id_ for id_, _ in found] == [id_ for id_, _ in wanted]
    assert [score for _, score in found] == pytest.approx([s for _, s in wanted], abs=1e-5)


def test_many_shards_find_what_one_store_finds(sharded: Bench) -> None:
    like_one_store(sharded.index)
    assert sharded.index.store_damage == ""


def test_any_history_finds_what_one_store_finds(open_index: Open, docs: Folder) -> None:
    chance = np.random.default_rng(3)
    bench = Bench(open_index(store=ExactStore()), docs)
    for step in range(12):
        for number in chance.integers(0, 60, 14).tolist():
            path = docs.path / f"{number}.md"
            if chance.random() < 0.35 and path.exists():
                path.unlink()
            else:
                docs.write(path.name, f"# Note {word(number)}\n\nthe {word(number)} costs {step}")
        bench.sync(allow_mass_delete=True)
        consistent(bench)
        like_one_store(bench.index)


def test_a_small_change_leaves_the_other_shards_as_they_are(sharded: Bench) -> None:
    before = folders(sharded.index)
    stamps = times(sharded.index, before[:1] + before[2:3])
    with sharded.index.reader() as reading:
        path = next(iter(reading.chunks([15]).values())).path
    sharded.docs.write(path, "# Note\n\nthe kettle costs nothing at all")
    sharded.sync()
    after = folders(sharded.index)
    assert (after[0], after[2]) == (before[0], before[2])
    assert not {after[1], after[3]} & set(before)
    assert times(sharded.index, before[:1] + before[2:3]) == stamps
    consistent(sharded)
    like_one_store(sharded.index)
    assert len(list(sharded.index.generations.iterdir())) == 6  # those of the one before, too
    purge(sharded.index)
    assert len(list(sharded.index.generations.iterdir())) == len(folders(sharded.index)) == 4
    like_one_store(sharded.index)


def times(index: Index, names: list[str]) -> dict[str, int]:
    """Return when each file was written; but Chroma's own, which it touches when it opens it."""
    return {
        str(path): path.stat().st_mtime_ns
        for name in names
        for path in (index.generations / name).rglob("*")
        if path.is_file() and path.name != "chroma.sqlite3"
    }


@pytest.mark.parametrize("what", ["shard", "vectors", "scan"])
@pytest.mark.parametrize("heal", [lambda bench: verify(bench.index), Bench.sync])
def test_damage_to_one_shard_is_worked_around_and_mended_there_alone(
    sharded: Bench, open_index: Open, what: str, heal: Callable[[Bench], object]
) -> None:
    sharded.index.close()
    before = folders(opened := open_index(store=sharded.index.store))
    opened.close()
    broken = sharded.index.generations / before[1]
    inner = {"shard": broken, "vectors": vectors_folder(broken), "scan": scan_folder(broken)}
    shutil.rmtree(inner[what])
    bench = Bench(open_index(store=sharded.index.store), sharded.docs)
    like_one_store(bench.index)
    assert broken.name in bench.index.store_damage
    built: list[str] = []
    with watched(built.append):
        heal(bench)
    assert built.count("build.after") == 1
    assert bench.embedder.embedded == sharded.embedder.embedded
    after = folders(bench.index)
    assert [name for name in after if name not in before] == [after[1]]
    like_one_store(bench.index)
    assert bench.index.store_damage == ""


def test_a_filter_on_many_chunks_is_answered_by_the_graphs_only_if_they_know(
    sharded: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ragkit_ingest.index._COMPARED_AT_MOST", 3)
    like_one_store(sharded.index)


def test_large_shards_are_built_in_processes_of_their_own(
    open_index: Open, docs: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ragkit_ingest.generation, "_APART_AT", SHARD)
    docs.fill(35)
    bench = Bench(open_index(store=ExactStore()), docs)
    here: list[str] = []
    with watched(here.append):
        bench.sync()
    assert here.count("build.before") == 1  # the last shard is small
    consistent(bench)
    like_one_store(bench.index)


def test_what_fails_in_another_process_is_said_and_leaves_nothing(
    open_index: Open, docs: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ragkit_ingest.errors import DamagedIndexError

    monkeypatch.setattr(ragkit_ingest.generation, "_APART_AT", SHARD)
    docs.fill(20)
    bench = Bench(open_index(store=ExactStore()), docs)
    bench.sync()
    bench.index.connection.execute("DROP TRIGGER vectors_updated")
    bench.index.connection.execute("UPDATE vectors SET vector = zeroblob(length(vector))")
    shutil.rmtree(bench.index.generations)
    with pytest.raises(DamagedIndexError, match="vector of a passage is damaged"):
        bench.sync()
    assert list(bench.index.generations.iterdir()) == []


def test_an_index_that_grows_gets_what_is_scanned(
    open_index: Open, docs: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ragkit_ingest.generation, "SCANNED_FROM", 20)
    docs.fill(15)
    bench = Bench(open_index(store=ExactStore()), docs)
    bench.sync()
    assert [shard.scanned for shard in generation(bench.index).shards] == [False, False]
    docs.fill(25)
    bench.sync()
    assert all(shard.scanned for shard in generation(bench.index).shards)
    consistent(bench)
    like_one_store(bench.index)


def test_a_small_index_is_searched_without_the_store(open_index: Open, docs: Folder) -> None:
    docs.fill(12)
    Bench(open_index(store=ExactStore()), docs).sync()
    index = open_index(store=ExactStore(), exact_at_most=12)
    shutil.rmtree(index.generations)
    vector = index.embedder.embed_query(f"the {word(3)} costs")
    assert len(index.dense(vector, 99)) == 12
    assert index.store_damage == ""
    large = open_index(store=ExactStore(), exact_at_most=11)
    assert len(large.dense(vector, 99)) == 12
    assert "missing" in large.store_damage
