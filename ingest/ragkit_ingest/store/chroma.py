"""The default store: a Chroma folder with one collection of ids and vectors, nothing else.

Chroma is given vectors, never texts, and never an embedding function. A folder whose metadata
names one is refused before Chroma opens it, because opening it can run code that it names
(CVE-2026-45829).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ragkit_ingest.disk import flush
from ragkit_ingest.embed.protocol import Vectors
from ragkit_ingest.errors import DamagedStoreError, IndexStateError, StorageError
from ragkit_ingest.failpoint import failpoint
from ragkit_ingest.memory import give_back
from ragkit_ingest.store.protocol import Batch
from ragkit_ingest.store.seal import check_seal, write_seal

_COLLECTION = "chunks"
_ADD = 1000
_REMOVE = 1000
# Later changes that may wait in Chroma's queue, to be put into the graph at each opening.
_QUEUED_SHARE = 8
_QUEUED_LEAST = 500
_SAVED_AT_LEAST = 4000
_SAVES = 5
_SAVED_EVERY = 1000  # where it is not known how many there will be
_ROWS = "rows.sha256"
# What Chroma writes into whenever it opens a folder.
_UNSETTLED = frozenset({"acquire_write", "maintenance_log"})
_NO_FUNCTION = frozenset({"legacy", "unknown"})


class ChromaStore:
    """Builds and opens Chroma folders.

    Args:
        max_neighbors: Links of a vector in the HNSW graph; more finds better and costs memory.
        ef_construction: Candidates looked at when a vector is linked.
        ef_search: Candidates looked at by a query; at least the number of results wanted.
    """

    name = "chroma"

    def __init__(
        self, *, max_neighbors: int = 16, ef_construction: int = 100, ef_search: int = 100
    ) -> None:
        self._hnsw = {
            "space": "ip",
            "max_neighbors": max_neighbors,
            "ef_construction": ef_construction,
            "ef_search": ef_search,
        }

    def build(
        self, folder: Path, batches: Iterable[Batch], *, dimension: int, count: int = 0
    ) -> int:
        """Write a new folder from all batches; return how many vectors it holds.

        Chroma saves its graph each time `sync_threshold` changes have come together, and builds
        what was not saved again at every opening. What waits costs several times the memory of
        what is saved. So it is told to save a few times, and the last time at the last vector.
        """
        del dimension  # Chroma takes it from the first vector
        threshold, step = _saving(count) if count else (_SAVED_EVERY, _ADD)
        give_back()  # what parsing and embedding left, before the graph needs as much
        with _storage_errors(folder), _client(folder) as client:
            collection = client.create_collection(
                _COLLECTION,
                embedding_function=None,
                configuration={
                    "hnsw": {
                        **self._hnsw,
                        "sync_threshold": threshold,
                    }
                },
            )
            _add(collection, _cut(batches, step))
            held = int(collection.count())
            queued = max(_QUEUED_LEAST, held // _QUEUED_SHARE)
            with warnings.catch_warnings():
                # Chroma warns of its own default, a collection without an embedding function.
                warnings.simplefilter("ignore", DeprecationWarning)
                collection.modify(configuration={"hnsw": {"sync_threshold": queued}})
        failpoint("build.written")
        _finish(folder)
        give_back()  # the graph; it is opened once more to be verified
        return held

    def derive(
        self, base: Path, folder: Path, added: Iterable[Batch], removed: Sequence[int]
    ) -> int:
        """Write a new folder that is `base` with ids removed, then others added."""
        check_seal(base)
        _refuse_functions(base)
        with _storage_errors(folder):
            shutil.copytree(base, folder)
            failpoint("derive.copied")
            with _client(folder) as client:
                collection = _collection(client, folder)
                for start in range(0, len(removed), _REMOVE):
                    batch = removed[start : start + _REMOVE]
                    collection.delete(ids=[str(id_) for id_ in batch])
                failpoint("derive.removed")
                _add(collection, added)
                held = int(collection.count())
        failpoint("build.written")
        _finish(folder)
        return held

    def check(self, folder: Path) -> None:
        """Compare the rows of Chroma's SQLite file with what they were when it was built."""
        check_seal(folder)
        if _rows_digest(folder) != (folder / _ROWS).read_text(encoding="ascii"):
            raise DamagedStoreError(
                f"the vectors in {folder} are not intact (chroma.sqlite3 changed since it was "
                "written)"
            )

    def open(self, folder: Path) -> ChromaSearcher:
        """Open a built folder for reading."""
        check_seal(folder)
        _refuse_functions(folder)
        client = _open_client(folder)
        try:
            return ChromaSearcher(client, _collection(client, folder), folder)
        except BaseException:
            client.close()
            raise


class ChromaSearcher:
    """A Chroma collection, open for reading."""

    def __init__(self, client: Any, collection: Any, folder: Path) -> None:
        self._client = client
        self._collection = collection
        self._folder = folder
        self._count = _guarded(folder, collection.count)

    def query(self, vector: Vectors, k: int) -> list[tuple[int, float]]:
        """Return at most k (chunk id, cosine similarity), most similar first."""
        if not self._count:
            return []
        found = _guarded(
            self._folder,
            self._collection.query,
            query_embeddings=[vector],
            n_results=min(k, self._count),
            include=["distances"],
        )
        hits = [
            (int(id_), 1.0 - float(distance))
            for id_, distance in zip(found["ids"][0], found["distances"][0], strict=True)
        ]
        return sorted(hits, key=lambda hit: (-hit[1], hit[0]))

    def ids(self) -> set[int]:
        """Return every chunk id in the folder."""
        found = _guarded(self._folder, self._collection.get, include=[])
        return {int(id_) for id_ in found["ids"]}

    def vectors(self, ids: Sequence[int]) -> Vectors:
        """Return the stored vectors of the ids, in that order."""
        if not ids:
            return np.zeros((0, 0), np.float32)
        names = [str(id_) for id_ in ids]
        found = _guarded(self._folder, self._collection.get, ids=names, include=["embeddings"])
        rows = dict(zip(found["ids"], found["embeddings"], strict=True))
        missing = next((name for name in names if name not in rows), None)
        if missing is not None:
            raise DamagedStoreError(f"the vectors in {self._folder} lack chunk {missing}")
        return np.asarray([rows[name] for name in names], np.float32)

    def close(self) -> None:
        """Release files and memory; a second call does nothing."""
        if self._client is not None:
            self._client.close()
            self._client = None


def _open_client(folder: Path) -> Any:
    os.environ["ANONYMIZED_TELEMETRY"] = "False"
    import chromadb
    from chromadb.config import Settings

    settings = Settings(anonymized_telemetry=False, allow_reset=False)
    return _guarded(folder, chromadb.PersistentClient, str(folder), settings=settings)


@contextmanager
def _client(folder: Path) -> Iterator[Any]:
    client = _open_client(folder)
    try:
        yield client
    finally:
        client.close()


def _collection(client: Any, folder: Path) -> Any:
    return _guarded(folder, client.get_collection, _COLLECTION, embedding_function=None)


def _add(collection: Any, batches: Iterable[Batch]) -> None:
    for ids, vectors in batches:
        for start in range(0, len(ids), _ADD):
            names = [str(id_) for id_ in ids[start : start + _ADD]]
            collection.add(ids=names, embeddings=vectors[start : start + _ADD])


def _saving(count: int) -> tuple[int, int]:
    """Return after how many vectors Chroma saves, and how many to add at once.

    It looks only after each addition, and each time writes the whole graph. All additions but the
    last are of one size, so that as many of them come before each save, the last one at the end.
    """
    saves = min(-(-count // _SAVED_AT_LEAST), _SAVES)
    additions = -(-count // (saves * _ADD))
    step = -(-count // (saves * additions))
    lacking = saves * additions * step - count
    return max(additions * step - lacking, 2), step


def _cut(batches: Iterable[Batch], step: int) -> Iterator[Batch]:
    """Yield the same vectors in the same order, `step` at once."""
    ids: list[int] = []
    waiting: list[Vectors] = []
    for names, vectors in batches:
        ids += names
        waiting.append(vectors)
        if len(ids) >= step:
            held = np.concatenate(waiting)
            whole = len(ids) - len(ids) % step
            for start in range(0, whole, step):
                yield ids[start : start + step], held[start : start + step]
            ids, waiting = ids[whole:], [held[whole:]]
    if ids:
        yield ids, np.concatenate(waiting)


def _guarded(folder: Path, call: Any, *args: Any, **kwargs: Any) -> Any:
    """Call Chroma; whatever it raises on reading means that the folder is not intact."""
    try:
        return call(*args, **kwargs)
    except BaseException as exc:
        if not _is_chromas(exc):
            raise
        raise DamagedStoreError(f"the Chroma folder {folder} cannot be read ({exc})") from exc


def _is_chromas(exc: BaseException) -> bool:
    """Return whether Chroma may have raised it.

    It raises bare Exception subclasses of its own; and where its native code meets damage that it
    does not expect, it panics, which is no Exception and has no name that can be imported.
    """
    return isinstance(exc, Exception) or type(exc).__name__ == "PanicException"


@contextmanager
def _storage_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except (StorageError, IndexStateError):  # the latter of the catalog that gives the vectors
        raise
    except BaseException as exc:
        if not _is_chromas(exc):
            raise
        raise StorageError(
            f"the vectors could not be written to {folder} ({exc}); free disk space or check its "
            "permissions, then run the same command again: nothing embedded is lost"
        ) from exc


def _refuse_functions(folder: Path) -> None:
    """Raise unless the folder's metadata names no embedding function."""
    path = (folder / "chroma.sqlite3").absolute()
    _check_length(path)
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute(
                "SELECT config_json_str, schema_str FROM collections"
            ).fetchall()
        settings = [json.loads(column) for row in rows for column in row if column]
    except (sqlite3.Error, ValueError) as exc:
        raise DamagedStoreError(f"the Chroma folder {folder} cannot be read ({exc})") from exc
    named = next((name for name in _functions(settings) if name not in _NO_FUNCTION), None)
    if named is not None:
        raise DamagedStoreError(
            f"the Chroma folder {folder} names the embedding function {named!r}, which ragkit "
            "never writes; it is not opened"
        )


def _check_length(path: Path) -> None:
    """Raise if the SQLite file was cut short; SQLite itself notices only missing pages.

    Source: "Database File Format" (sqlite.org/fileformat.html), the header's offsets 16 and 28.
    """
    try:
        with path.open("rb") as file:
            header = file.read(100)
            length = os.fstat(file.fileno()).st_size
    except OSError as exc:
        raise DamagedStoreError(f"the vectors in {path.parent} are not intact ({exc})") from exc
    page_bytes = int.from_bytes(header[16:18], "big")
    page_bytes = 65536 if page_bytes == 1 else page_bytes
    wanted = max(page_bytes * int.from_bytes(header[28:32], "big"), 100)
    if length < wanted:
        raise DamagedStoreError(
            f"the vectors in {path.parent} are not intact ({path.name} has {length} bytes, not "
            f"{wanted})"
        )


def _functions(value: Any) -> Iterator[str]:
    """Yield the name of every embedding function that the settings hold, however nested."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "embedding_function" and isinstance(inner, dict):
                yield str(inner.get("name") or inner.get("type"))
            elif key == "embedding_function" and inner is not None:
                yield str(inner)
            else:
                yield from _functions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _functions(inner)


def _finish(folder: Path) -> None:
    """Seal the graph, and have the disk confirm everything before the catalog points to it.

    Chroma's own SQLite file is left out of the seal, because opening it already changes it; its
    rows are sealed instead. A graph that was never saved is rewritten at each opening, so that
    there is nothing to seal either.
    """
    saved = sorted(folder.glob("*/index_metadata.pickle"))
    graph = [path for metadata in saved for path in metadata.parent.iterdir()]
    with _storage_errors(folder):
        (folder / _ROWS).write_text(_rows_digest(folder), encoding="ascii")
        write_seal(folder, [folder / _ROWS, *graph])
        for path in [folder.parent, folder, *folder.rglob("*")]:
            flush(path)


def _rows_digest(folder: Path) -> str:
    """Return the SHA-256 of all rows that stay as they are; SQLite's own check comes first."""
    path = (folder / "chroma.sqlite3").absolute()
    total = hashlib.sha256()
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            connection.text_factory = bytes
            (found,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            if found != b"ok":
                raise DamagedStoreError(f"the vectors in {folder} are not intact ({path.name})")
            tables = connection.execute(
                "SELECT name, sql FROM sqlite_schema WHERE type = 'table' ORDER BY name"
            ).fetchall()
            for name, sql in tables:
                total.update(sql)
                table = name.decode()
                if table in _UNSETTLED or b"VIRTUAL TABLE" in sql:
                    continue
                for row in connection.execute(f'SELECT * FROM "{table}"'):
                    total.update(repr(row).encode())
    except (sqlite3.Error, UnicodeDecodeError) as exc:
        raise DamagedStoreError(f"the Chroma folder {folder} cannot be read ({exc})") from exc
    return total.hexdigest()
