"""One suite that every vector store passes."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from ragkit_ingest.embed.protocol import Vectors
from ragkit_ingest.errors import DamagedStoreError, StorageError
from ragkit_ingest.store.chroma import ChromaStore
from ragkit_ingest.store.exact import ExactStore, top
from ragkit_ingest.store.protocol import VectorStore

DIMENSION = 32


def unit(count: int, seed: int = 0) -> Vectors:
    rows = np.random.default_rng(seed).standard_normal((count, DIMENSION))
    vectors: Vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return vectors


@pytest.fixture(params=[ChromaStore, ExactStore], ids=["chroma", "exact"])
def store(request: pytest.FixtureRequest) -> VectorStore:
    made: VectorStore = request.param()
    return made


def build(store: VectorStore, folder: Path, ids: list[int], vectors: Vectors) -> Path:
    assert store.build(folder, [(ids, vectors)], dimension=DIMENSION, count=len(ids)) == len(ids)
    return folder


@pytest.fixture
def hundred(store: VectorStore, tmp_path: Path) -> Path:
    """Ids 1 to 100."""
    return build(store, tmp_path / "hundred", list(range(1, 101)), unit(100))


def test_what_was_built_is_what_is_read(store: VectorStore, hundred: Path) -> None:
    searcher = store.open(hundred)
    assert searcher.ids() == set(range(1, 101))
    np.testing.assert_allclose(searcher.vectors([7, 3, 100]), unit(100)[[6, 2, 99]], atol=1e-6)
    assert searcher.vectors([]).shape[0] == 0
    searcher.close()
    searcher.close()


def test_a_chunk_that_is_not_there_is_damage(store: VectorStore, hundred: Path) -> None:
    searcher = store.open(hundred)
    with pytest.raises(DamagedStoreError, match="101"):
        searcher.vectors([1, 101])
    searcher.close()


@pytest.mark.parametrize("k", [1, 10, 100, 1000])
def test_a_query_gives_the_most_similar_first(store: VectorStore, hundred: Path, k: int) -> None:
    searcher = store.open(hundred)
    question = unit(1, seed=9)[0]
    found = searcher.query(question, k)
    exact = top(np.arange(1, 101), unit(100) @ question, k)
    assert [id_ for id_, _ in found] == [id_ for id_, _ in exact]
    assert [score for _, score in found] == pytest.approx([score for _, score in exact], abs=1e-5)
    searcher.close()


def test_equal_similarities_are_ordered_by_id(store: VectorStore, tmp_path: Path) -> None:
    vectors = np.repeat(unit(1), 5, axis=0)
    folder = build(store, tmp_path / "ties", [50, 3, 7, 12, 1], vectors)
    searcher = store.open(folder)
    assert [id_ for id_, _ in searcher.query(vectors[0], 5)] == [1, 3, 7, 12, 50]
    searcher.close()


def test_an_empty_folder_is_searched_without_a_result(store: VectorStore, tmp_path: Path) -> None:
    folder = build(store, tmp_path / "empty", [], np.zeros((0, DIMENSION), np.float32))
    searcher = store.open(folder)
    assert searcher.ids() == set()
    assert searcher.query(unit(1)[0], 5) == []
    searcher.close()


def test_batches_come_together(store: VectorStore, tmp_path: Path) -> None:
    def batches() -> Iterator[tuple[list[int], Vectors]]:
        for start in range(0, 2500, 500):
            yield list(range(start, start + 500)), unit(2500)[start : start + 500]

    assert store.build(tmp_path / "many", batches(), dimension=DIMENSION) == 2500
    searcher = store.open(tmp_path / "many")
    assert searcher.ids() == set(range(2500))
    assert searcher.query(unit(2500)[1234], 1)[0][0] == 1234
    assert len(searcher.query(unit(1)[0], 1000)) == 1000
    searcher.close()


def test_derive_takes_away_and_adds(store: VectorStore, hundred: Path, tmp_path: Path) -> None:
    before = {path.name: path.stat().st_size for path in hundred.rglob("*")}
    added = unit(3, seed=5)
    count = store.derive(hundred, tmp_path / "next", [([200, 201, 202], added)], [1, 2])
    assert count == 101
    searcher = store.open(tmp_path / "next")
    assert searcher.ids() == set(range(3, 101)) | {200, 201, 202}
    assert searcher.query(added[1], 1)[0][0] == 201
    searcher.close()
    assert {path.name: path.stat().st_size for path in hundred.rglob("*")} == before
    old = store.open(hundred)
    assert old.ids() == set(range(1, 101))
    old.close()


def test_derive_again_and_again(store: VectorStore, tmp_path: Path) -> None:
    base = build(store, tmp_path / "0", [0], unit(1))
    for step in range(1, 6):
        folder = tmp_path / str(step)
        store.derive(base, folder, [([step], unit(1, seed=step))], [])
        base = folder
    searcher = store.open(base)
    assert searcher.ids() == set(range(6))
    np.testing.assert_allclose(
        searcher.vectors([5, 0]), [unit(1, seed=5)[0], unit(1)[0]], atol=1e-6
    )
    searcher.close()


def test_two_readers_of_one_folder_do_not_disturb_each_other(
    store: VectorStore, hundred: Path
) -> None:
    one, other = store.open(hundred), store.open(hundred)
    one.close()
    assert other.query(unit(100)[4], 1)[0][0] == 5
    other.close()
    again = store.open(hundred)
    assert again.query(unit(100)[4], 1)[0][0] == 5
    again.close()


def test_opening_a_folder_leaves_it_good(store: VectorStore, hundred: Path) -> None:
    for _ in range(3):
        searcher = store.open(hundred)
        searcher.query(unit(1)[0], 3)
        searcher.close()
    assert store.derive(hundred, hundred.with_name("next"), [], []) == 100


def test_the_path_may_be_relative(
    store: VectorStore, hundred: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(hundred.parent)
    searcher = store.open(Path(hundred.name))
    assert len(searcher.ids()) == 100
    searcher.close()


def files(store: VectorStore, folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize("damage", ["gone", "empty", "half", "one byte short"])
def test_damage_is_found(store: VectorStore, hundred: Path, tmp_path: Path, damage: str) -> None:
    for name in files(store, hundred):
        folder = tmp_path / f"{damage} {name.replace('/', ' ')}"
        shutil.copytree(hundred, folder)
        path = folder / name
        content = path.read_bytes()
        if damage == "gone":
            path.unlink()
        else:
            kept = {"empty": 0, "half": len(content) // 2, "one byte short": len(content) - 1}
            path.write_bytes(content[: kept[damage]])
        with pytest.raises(DamagedStoreError, match=r"intact|cannot be read"):
            store.open(folder).query(unit(1)[0], 3)


def test_flipped_bytes_in_the_vectors_are_found(
    store: VectorStore, hundred: Path, tmp_path: Path
) -> None:
    sealed = json.loads((hundred / "seal.json").read_text())
    assert sealed
    for number, name in enumerate(sealed):
        folder = tmp_path / f"flipped{number}"
        shutil.copytree(hundred, folder)
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(bytes(content))
        with pytest.raises(DamagedStoreError, match=Path(name).name):
            store.open(folder)
        with pytest.raises((DamagedStoreError, StorageError)):
            store.derive(folder, tmp_path / f"next{number}", [], [])


def test_a_missing_folder_is_damage(store: VectorStore, tmp_path: Path) -> None:
    with pytest.raises(DamagedStoreError):
        store.open(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_that_cannot_be_written_is_said_so(store: VectorStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError):
        store.build(tmp_path / "file" / "vectors", [], dimension=DIMENSION)


FUNCTIONS = [
    {"embedding_function": {"type": "known", "name": "sentence_transformer", "config": {}}},
    {"vector_index": {"hnsw": {}, "embedding_function": {"name": "openai"}}},
    {"keys": [{"embedding_function": "somebody.elses"}]},
]


@pytest.mark.parametrize("column", ["config_json_str", "schema_str"])
@pytest.mark.parametrize("value", FUNCTIONS, ids=["known", "nested", "plain"])
def test_a_chroma_folder_that_names_a_function_is_never_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, column: str, value: object
) -> None:
    folder = build(ChromaStore(), tmp_path / "vectors", [1], unit(1))
    with sqlite3.connect(folder / "chroma.sqlite3") as connection:
        connection.execute(f"UPDATE collections SET {column} = ?", (json.dumps(value),))
    connection.close()
    import chromadb

    def opened(*args: object, **kwargs: object) -> None:
        raise AssertionError("Chroma opened the folder")

    monkeypatch.setattr(chromadb, "PersistentClient", opened)
    for attempt in (
        lambda: ChromaStore().open(folder),
        lambda: ChromaStore().derive(folder, tmp_path / "next", [], []),
    ):
        with pytest.raises(DamagedStoreError, match="names the embedding function"):
            attempt()


def test_chroma_settings_that_are_no_json_are_damage(tmp_path: Path) -> None:
    folder = build(ChromaStore(), tmp_path / "vectors", [1], unit(1))
    with sqlite3.connect(folder / "chroma.sqlite3") as connection:
        connection.execute("UPDATE collections SET config_json_str = '{'")
    connection.close()
    with pytest.raises(DamagedStoreError, match="cannot be read"):
        ChromaStore().open(folder)


def test_chroma_saves_its_graph_once_and_opens_it_without_building_it_again(
    tmp_path: Path,
) -> None:
    folder = build(ChromaStore(), tmp_path / "vectors", list(range(600)), unit(600))
    assert list(folder.glob("*/index_metadata.pickle"))
    sealed = {name: (folder / name).read_bytes() for name in json.loads(seal(folder))}
    searcher = ChromaStore().open(folder)
    searcher.query(unit(1)[0], 5)
    searcher.close()
    assert {name: (folder / name).read_bytes() for name in sealed} == sealed


def seal(folder: Path) -> str:
    return (folder / "seal.json").read_text(encoding="utf-8")


def test_chroma_agrees_with_the_exact_store(tmp_path: Path) -> None:
    ids, vectors = list(range(1500)), unit(1500)
    chroma = ChromaStore().open(build(ChromaStore(), tmp_path / "chroma", ids, vectors))
    exact = ExactStore().open(build(ExactStore(), tmp_path / "exact", ids, vectors))
    for question in unit(20, seed=3):
        wanted = {id_ for id_, _ in exact.query(question, 10)}
        assert len(wanted & {id_ for id_, _ in chroma.query(question, 10)}) >= 9
    chroma.close()
    exact.close()
