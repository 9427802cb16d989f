"""`verify` finds what is damaged, mends what can be mended, and says the rest."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from ragkit_ingest.catalog import schema
from ragkit_ingest.errors import DamagedIndexError, IndexLockedError
from ragkit_ingest.lock import writer_lock
from ragkit_ingest.published import vectors_folder
from ragkit_ingest.store.chroma import ChromaStore
from ragkit_ingest.store.exact import ExactStore
from ragkit_ingest.verify import verify
from tests.ingest.conftest import Bench, Open
from tests.ingest.test_sync import consistent
from tests.support.folder import Folder, word
from tests.support.hashing import HashingEmbedder, HashingSentences

STORES = [ExactStore, ChromaStore]


def alter(bench: Bench, table: str, change: str) -> None:
    """Change rows as a failing disk would: their digests stay as they are."""
    with closing(sqlite3.connect(bench.index.folder / schema.FILE_NAME)) as connection:
        name = f"{table}_updated"
        (sql,) = connection.execute(
            "SELECT sql FROM sqlite_schema WHERE name = ?", (name,)
        ).fetchone()
        connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(f"UPDATE {table} SET {change}").rowcount
        connection.execute(sql)
        connection.commit()


@pytest.mark.parametrize("store", STORES)
def test_a_sound_index_is_found_sound_and_left_alone(
    open_index: Open, docs: Folder, store: type
) -> None:
    bench = Bench(open_index(store=store()), docs)
    docs.fill(8)
    bench.sync()
    docs.write("2.md", "# Note 2\n\nedited")  # taken over from the first generation
    bench.sync()
    for _ in range(2):
        assert bench.find("edited")
        report = verify(bench.index)
        assert report.sound
        assert (report.healed, report.notes, report.generation) == ((), (), 2)
        assert (report.documents, report.chunks, report.vectors) == (8, 8, 8)


def test_an_empty_index_is_sound(bench: Bench) -> None:
    report = verify(bench.index)
    assert (report.sound, report.generation, report.chunks) == (True, 0, 0)


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("revisions", "text = replace(text, 'euro', 'eury') WHERE file_id = 3"),
        ("revisions", "pages = '[[1,0,5,\"1\"]]' WHERE file_id = 3"),
        ("revisions", "title = 'Another' WHERE file_id = 3"),
        ("chunks", "text = replace(text, 'euro', 'eury') WHERE id = 3"),
        ("chunks", "start = start + 1 WHERE id = 3"),
        ("chunks", "headings = '[\"Other\"]' WHERE id = 3"),
    ],
)
def test_an_altered_document_is_never_shown_and_read_again(
    bench: Bench, table: str, change: str
) -> None:
    bench.docs.fill(6)
    bench.sync()
    alter(bench, table, change)
    use = partial(bench.text, "2.md") if table == "revisions" else partial(bench.find, "costs", 10)
    with pytest.raises(DamagedIndexError, match="run ragkit verify"):
        use()
    report = verify(bench.index)
    assert not report.sound
    assert report.reread == ("2.md",)
    assert len(bench.find("costs", k=10)) == 5
    assert bench.states()["2.md"] == "failed"
    assert not verify(bench.index).reread  # said once, and sound without it
    bench.embedder.embedded.clear()
    assert bench.sync().files.indexed == 1
    assert bench.embedder.embedded == []
    assert word(2) in bench.text("2.md")
    assert verify(bench.index).sound
    consistent(bench)


def test_an_altered_path_is_never_shown(bench: Bench) -> None:
    bench.docs.fill(4)
    bench.sync()
    alter(bench, "files", "path = '7.md' WHERE path = '1.md'")
    for use in (lambda: bench.find("costs", k=10), lambda: bench.text("7.md")):
        with pytest.raises(DamagedIndexError, match="the entry of a file is damaged"):
            use()
    assert not verify(bench.index).sound
    assert len(bench.find("costs", k=10)) == 3
    bench.sync()
    assert set(bench.states()) == {"0.md", "1.md", "2.md", "3.md"}
    assert verify(bench.index).sound
    consistent(bench)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("embedder", [HashingEmbedder, HashingSentences])
def test_a_damaged_vector_is_taken_from_the_published_ones(
    open_index: Open, docs: Folder, store: type, embedder: type
) -> None:
    bench = Bench(open_index(store=store(), embedder=embedder()), docs)
    docs.fill(8)
    bench.sync()
    before = vectors(bench)
    sentences = list(bench.index.connection.execute("SELECT * FROM sentences"))
    alter(bench, "vectors", "vector = zeroblob(length(vector)) WHERE space_id = 1")
    bench.embedder.embedded.clear()
    report = verify(bench.index)
    assert report.sound
    assert (report.reembedded, bench.embedder.embedded) == (0, [])
    assert any("taken from the published ones" in line for line in report.healed)
    assert vectors(bench) == before
    assert list(bench.index.connection.execute("SELECT * FROM sentences")) == sentences
    consistent(bench)


@pytest.mark.parametrize("change", ["damaged", "missing"])
def test_a_vector_that_is_nowhere_else_is_embedded_again(bench: Bench, change: str) -> None:
    bench.docs.fill(5)
    bench.sync()
    before = vectors(bench)
    shutil.rmtree(bench.index.generations)
    (key,) = bench.index.connection.execute("SELECT text_key FROM chunks WHERE id = 2").fetchone()
    if change == "damaged":
        alter(bench, "vectors", f"vector = zeroblob(192) WHERE text_key = x'{key.hex()}'")
    else:
        bench.index.connection.execute("DELETE FROM vectors WHERE text_key = ?", (key,))
    bench.embedder.embedded.clear()
    report = verify(bench.index)
    assert report.sound
    assert report.reembedded == len(bench.embedder.embedded) == 1
    assert any("re-embedded 1" in line for line in report.healed)
    assert vectors(bench) == before
    consistent(bench)


def vectors(bench: Bench) -> list[tuple[bytes, bytes]]:
    return list(bench.index.connection.execute("SELECT text_key, vector FROM vectors"))


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE words_content SET c2 = 'altered' WHERE id = 2",
        "UPDATE words_data SET block = zeroblob(length(block)) WHERE id > 10",
        "DELETE FROM words_docsize WHERE id = 3",
        "DELETE FROM words WHERE rowid = 4",
    ],
)
def test_damaged_words_are_indexed_again(bench: Bench, damage: str) -> None:
    bench.docs.fill(6)
    bench.sync()
    bench.index.connection.execute(damage)
    report = verify(bench.index)
    assert report.sound
    assert report.healed == ("the full-text index was damaged: built again",)
    with bench.index.reader() as reading:
        for number in range(6):
            assert len(reading.lexical(f'"{word(number)}"', 9, (1.0, 1.0, 1.0))) == 1
    assert verify(bench.index).healed == ()


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("damage", ["gone", "flipped", "cut", "another's"])
def test_published_vectors_are_built_again(
    open_index: Open, docs: Folder, store: type, damage: str
) -> None:
    docs.fill(20)
    bench = Bench(open_index(store=store()), docs)
    bench.sync()
    wanted = bench.find("costs", k=20)
    (folder,) = bench.index.generations.iterdir()
    bench.index.close()
    if damage == "gone":
        shutil.rmtree(folder)
    elif damage == "another's":
        harm_ids(folder)
    else:
        largest = max(folder.rglob("*.*"), key=lambda path: path.stat().st_size)
        content = bytearray(largest.read_bytes())
        for place in range(len(content) // 3, len(content) // 2):
            content[place] ^= 255
        largest.write_bytes(content if damage == "flipped" else content[: len(content) // 2])
    bench = Bench(open_index(store=store()), docs)
    report = verify(bench.index)
    assert report.sound
    assert (report.generation, report.reembedded) == (2, 0)
    assert any("built again from the catalog" in line for line in report.healed)
    assert bench.find("costs", k=20) == wanted
    assert bench.embedder.embedded == [] or len(bench.embedder.embedded) == 20
    consistent(bench)


def harm_ids(folder: Path) -> None:
    """Change what Chroma calls a vector, or the ids of the exact store."""
    folder = vectors_folder(folder)
    if (folder / "chroma.sqlite3").exists():
        with closing(sqlite3.connect(folder / "chroma.sqlite3")) as connection:
            connection.execute("UPDATE embeddings SET embedding_id = '999' WHERE id = 3")
            connection.commit()
        return
    path = folder / "ids.npy"
    path.write_bytes(path.read_bytes()[:-8] + (999).to_bytes(8, "little"))


def test_a_damaged_index_of_the_catalog_is_built_again(bench: Bench) -> None:
    bench.docs.fill(20)
    bench.sync()
    db = bench.index.connection
    (page,) = db.execute(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'chunks_by_text'"
    ).fetchone()
    (key,) = db.execute("SELECT text_key FROM chunks WHERE id = 7").fetchone()
    (size,) = db.execute("PRAGMA page_size").fetchone()
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    bench.index.close()
    path = bench.index.folder / schema.FILE_NAME
    content = bytearray(path.read_bytes())
    place = content.index(key, (page - 1) * size, page * size)
    content[place] ^= 1
    path.write_bytes(content)
    index = type(bench.index)(bench.index.folder, embedder=bench.embedder, store=bench.index.store)
    with closing(index):
        report = verify(index)
        assert report.sound
        assert report.healed[0] == "indices of the catalog were damaged: built again"
        assert report.chunks == 20


@pytest.mark.parametrize(
    "change", ["DROP TRIGGER chunks_updated", "DROP INDEX chunks_by_text", "DROP TABLE words"]
)
def test_altered_definitions_are_said(bench: Bench, change: str) -> None:
    bench.docs.fill(2)
    bench.sync()
    bench.index.connection.execute(change)
    report = verify(bench.index)
    assert not report.sound
    assert "definitions of its tables were altered" in report.damaged[0]
    assert "run ragkit verify" not in report.damaged[0]


def test_a_lost_row_is_said(bench: Bench) -> None:
    bench.docs.fill(4)
    bench.sync()
    bench.index.connection.execute("DELETE FROM chunks WHERE id = 2")
    report = verify(bench.index)
    assert "4 chunks were published, but 3 are there" in report.damaged[0]


@pytest.mark.parametrize("table", ["roots", "spaces", "generations", "shards"])
def test_the_small_tables_are_said(bench: Bench, table: str) -> None:
    bench.docs.fill(2)
    bench.sync()
    columns = {"roots": "label", "spaces": "fingerprint", "generations": "store"}
    column = columns.get(table, "folder")
    alter(bench, table, f"{column} = {column} || 'x'")
    try:
        report = verify(bench.index)
    except DamagedIndexError as error:
        assert "generation is damaged" in str(error)  # noqa: PT017 - either way is right
    else:
        assert f"its table of {table} was altered" in report.damaged[0]


def test_damaged_vectors_before_the_first_publication_are_embedded_by_the_next_sync(
    bench: Bench,
) -> None:
    bench.docs.fill(3)
    bench.sync()
    db = bench.index.connection
    db.execute("DELETE FROM shards")
    db.execute("DELETE FROM generations")
    db.execute("UPDATE revisions SET state = 'staged'")
    db.execute("UPDATE files SET outcome = 'staged'")
    db.execute("DELETE FROM words")
    alter(bench, "vectors", "vector = zeroblob(192) WHERE space_id = 1")
    report = verify(bench.index)
    assert report.sound
    assert "embedded again by the next ingest" in report.healed[0]
    bench.sync()
    assert len(bench.find("costs", k=9)) == 3


def test_verify_waits_for_no_writer(bench: Bench) -> None:
    with writer_lock(bench.index.folder), pytest.raises(IndexLockedError, match="is writing"):
        verify(bench.index)


@pytest.mark.parametrize("change", ["damaged", "missing"])
def test_vectors_of_sentences_are_made_again(open_index: Open, docs: Folder, change: str) -> None:
    bench = Bench(open_index(embedder=HashingSentences()), docs)
    docs.fill(8)
    bench.sync()
    count = "SELECT space_id, text_key, vectors FROM sentences"
    before = list(bench.index.connection.execute(count))
    (key,) = bench.index.connection.execute("SELECT text_key FROM chunks WHERE id = 2").fetchone()
    if change == "damaged":
        this = f"text_key = x'{key.hex()}'"
        alter(bench, "sentences", f"vectors = zeroblob(length(vectors)) WHERE {this}")
    else:
        bench.index.connection.execute("DELETE FROM sentences WHERE text_key = ?", (key,))
    bench.embedder.embedded.clear()
    report = verify(bench.index)
    assert report.sound
    assert report.reembedded == len(bench.embedder.embedded) == 1
    assert any("re-embedded 1" in line for line in report.healed)
    assert list(bench.index.connection.execute(count)) == before
    assert not verify(bench.index).healed
    consistent(bench)
