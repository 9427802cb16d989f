"""`purge` leaves nothing of a deleted document in any file of the index."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ragkit_ingest.errors import IndexLockedError, StorageError
from ragkit_ingest.index import Index
from ragkit_ingest.lock import writer_lock
from ragkit_ingest.purge import purge
from ragkit_ingest.store.chroma import ChromaStore
from ragkit_ingest.store.exact import ExactStore
from ragkit_ingest.verify import verify
from tests.ingest.conftest import Bench, Open
from tests.ingest.test_sync import consistent
from tests.support.folder import Folder
from tests.support.hashing import HashingEmbedder

SECRET = "quixotryzzz"


def holding(folder: Path, needle: bytes) -> list[str]:
    """Return the files of the index that hold the bytes."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and needle in path.read_bytes()
    )


@pytest.mark.parametrize("store", [ExactStore, ChromaStore])
def test_nothing_of_a_deleted_document_is_left(open_index: Open, docs: Folder, store: type) -> None:
    bench = Bench(open_index(store=store()), docs)
    docs.fill(30)
    docs.write("secret.md", f"# The {SECRET} plan\n\nNobody must know of {SECRET}.")
    bench.sync()
    vector = secret_vector(bench.index)
    assert holding(bench.index.folder, SECRET.encode())
    assert holding(bench.index.folder, vector)
    (docs.path / "secret.md").unlink()
    docs.write("3.md", "# Another\n\nedit")  # so that the old vectors are taken over
    bench.sync()
    assert bench.find(SECRET)
    bench.embedder.embedded.clear()
    report = purge(bench.index)
    assert holding(bench.index.folder, SECRET.encode()) == []
    assert holding(bench.index.folder, vector) == []
    assert holding(bench.index.folder, b"secret.md") == []
    assert report.size_after <= report.size_before
    assert bench.embedder.embedded == []
    assert len(bench.find("costs", k=99)) == 30
    assert verify(bench.index).healed == ()
    assert len(list(bench.index.generations.iterdir())) == 1
    consistent(bench)


def secret_vector(index: Index) -> bytes:
    (blob,) = index.connection.execute(
        "SELECT v.vector FROM vectors v JOIN chunks c ON c.text_key = v.text_key"
        " WHERE c.text LIKE ?",
        (f"%{SECRET}%",),
    ).fetchone()
    assert len(blob) == 4 * 48
    assert np.isclose(np.linalg.norm(np.frombuffer(blob, "<f4")), 1.0)
    return bytes(blob[:64])  # Chroma may split a page, so that the whole is in two places


def test_what_a_killed_sync_staged_is_kept(bench: Bench) -> None:
    bench.docs.fill(3)
    bench.sync()
    bench.index.connection.execute("UPDATE revisions SET state = 'staged' WHERE file_id = 2")
    purge(bench.index)
    (staged,) = bench.index.connection.execute(
        "SELECT count(*) FROM revisions WHERE state = 'staged'"
    ).fetchone()
    (vectors,) = bench.index.connection.execute("SELECT count(*) FROM vectors").fetchone()
    assert (staged, vectors) == (1, 3)


def test_an_empty_index_may_be_purged(bench: Bench) -> None:
    assert purge(bench.index).generation == 0


def test_one_writer_at_a_time(bench: Bench) -> None:
    with writer_lock(bench.index.folder), pytest.raises(IndexLockedError, match="is writing"):
        purge(bench.index)


def test_a_reader_that_holds_the_old_state_is_said(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.docs.fill(3)
    bench.sync()
    monkeypatch.setattr("ragkit_ingest.catalog.schema.BUSY_S", 0.2)
    reader = Index(bench.index.folder, embedder=HashingEmbedder(), store=ExactStore())
    with reader.reader() as reading:
        assert len(reading.live_ids()) == 3
        with pytest.raises(StorageError, match="a reader still holds an older state"):
            purge(bench.index)
    reader.close()
    assert purge(bench.index).generation == 3
