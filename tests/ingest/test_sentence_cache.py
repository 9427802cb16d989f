"""Sentences kept in memory: the nearest is that of the catalog, whatever is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from ragkit_ingest.errors import DamagedIndexError
from ragkit_ingest.index import Index
from ragkit_ingest.sentence_cache import NONE, SentenceCache
from tests.ingest.conftest import Bench, Open
from tests.support.folder import Folder
from tests.support.hashing import HashingEmbedder, HashingSentences

TEXT = "Costs of the {n}th trip are paid. The form lies in room {n}; nobody signs it twice.\n"


@pytest.fixture
def bench(open_index: Open, docs: Folder) -> Bench:
    for n in range(20):
        docs.write(f"{n}.md", f"# Page {n}\n\n{TEXT.format(n=n)}")
    docs.write("short.md", "Tiny.\n")
    bench = Bench(open_index(embedder=HashingSentences()), docs)
    bench.sync()
    return bench


def exact(index: Index, vector: np.ndarray, ids: list[int]) -> list[float]:
    with index.reader() as reading:
        generation = reading.generation()
        assert generation is not None
        held = reading.sentences(generation.space_id, ids, generation.fingerprint.dimension)
    return [float((held[id_] @ vector).max()) if len(held[id_]) else NONE for id_ in ids]


@pytest.mark.parametrize("most", [0, 2_000, 1 << 20])
def test_the_nearest_sentence_of_each_chunk_is_found(bench: Bench, most: int) -> None:
    cache, chance = SentenceCache(most), np.random.default_rng(most)
    with bench.index.reader() as reading:
        generation = reading.generation()
        assert generation is not None
        ids = reading.live_ids()
        for round_ in range(40):
            vector = bench.embedder.embed_query(f"costs of room {round_}")
            wanted = chance.permutation(ids)[: int(chance.integers(1, len(ids) + 1))].tolist()
            found = cache.of(reading, generation, wanted).nearest(vector)
            assert found == pytest.approx(exact(bench.index, vector, wanted), abs=1e-5)


def test_a_text_without_sentences_is_nearest_to_nothing(bench: Bench) -> None:
    document = bench.index.find_document("short.md")
    with bench.index.reader() as reading:
        (id_,) = reading.chunk_ids([document.id])
    vector = bench.embedder.embed_query("tiny")
    assert bench.index.sentences([id_]).nearest(vector).tolist() == [NONE]


def test_an_embedder_that_tells_no_sentences_leaves_the_chunks_to_themselves(
    open_index: Open, docs: Folder
) -> None:
    docs.fill(5)
    bench = Bench(open_index(embedder=HashingEmbedder()), docs)
    bench.sync()
    with bench.index.reader() as reading:
        ids = reading.live_ids()
    vector = bench.embedder.embed_query("costs")
    assert bench.index.sentences(ids).nearest(vector).tolist() == [NONE] * len(ids)
    assert bench.index.connection.execute("SELECT count(*) FROM sentences").fetchone() == (0,)


def test_after_a_change_the_new_sentences_are_compared(bench: Bench) -> None:
    vector = bench.embedder.embed_query("purple dragons may sleep in the loft")
    with bench.index.reader() as reading:
        before = bench.index.sentences(reading.live_ids()).nearest(vector).max()
    bench.docs.write("3.md", "# Page 3\n\nPurple dragons may sleep in the loft. Others may not.\n")
    bench.sync()
    with bench.index.reader() as reading:
        after = bench.index.sentences(reading.live_ids()).nearest(vector).max()
    assert before < 0.6 < 0.9 < after


def test_sentences_go_with_the_text_they_belong_to(bench: Bench) -> None:
    count = "SELECT (SELECT count(*) FROM vectors), (SELECT count(*) FROM sentences)"
    assert bench.index.connection.execute(count).fetchone() == (21, 21)
    (bench.docs.path / "3.md").unlink()
    bench.sync()
    assert bench.index.connection.execute(count).fetchone() == (20, 20)


def test_a_sentence_that_was_altered_is_refused(bench: Bench) -> None:
    db = bench.index.connection
    db.execute("DROP TRIGGER sentences_updated")
    db.execute("UPDATE sentences SET vectors = zeroblob(length(vectors))")
    with bench.index.reader() as reading:
        ids = reading.live_ids()
    with pytest.raises(DamagedIndexError, match="verify"):
        bench.index.sentences(ids)
