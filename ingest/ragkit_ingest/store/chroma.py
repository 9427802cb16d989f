"""The default store: a Chroma folder with one collection of ids and vectors, nothing else.

Chroma is given vectors, never texts, and never an embedding function. A folder whose metadata
names one is refused before Chroma opens it, because opening it can run code that it names
(CVE-2026-45829).
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ragkit_ingest.embed.protocol import Vectors
from ragkit_ingest.errors import DamagedStoreError, StorageError
from ragkit_ingest.store.protocol import Batch

_COLLECTION = "chunks"
_ADD = 1000
_REMOVE = 1000
# Chroma writes its graph to disk each time this many changes have come together.
_SYNC_EVERY = 100_000
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
        self, *, max_neighbors: int = 24, ef_construction: int = 200, ef_search: int = 400
    ) -> None:
        self._hnsw = {
            "space": "ip",
            "max_neighbors": max_neighbors,
            "ef_construction": ef_construction,
            "ef_search": ef_search,
        }

    def build(self, folder: Path, batches: Iterable[Batch], *, dimension: int) -> int:
        """Write a new folder from all batches; return how many vectors it holds."""
        del dimension  # Chroma takes it from the first vector
        with _storage_errors(folder), _client(folder) as client:
            collection = client.create_collection(
                _COLLECTION,
                embedding_function=None,
                configuration={"hnsw": {**self._hnsw, "sync_threshold": _SYNC_EVERY}},
            )
            _add(collection, batches)
            count = int(collection.count())
        _fsync(folder)
        return count

    def derive(
        self, base: Path, folder: Path, added: Iterable[Batch], removed: Sequence[int]
    ) -> int:
        """Write a new folder that is `base` with ids removed, then others added."""
        _refuse_functions(base)
        with _storage_errors(folder):
            shutil.copytree(base, folder)
            with _client(folder) as client:
                collection = _collection(client, folder)
                for start in range(0, len(removed), _REMOVE):
                    batch = removed[start : start + _REMOVE]
                    collection.delete(ids=[str(id_) for id_ in batch])
                _add(collection, added)
                count = int(collection.count())
        _fsync(folder)
        return count

    def open(self, folder: Path) -> ChromaSearcher:
        """Open a built folder for reading."""
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


def _guarded(folder: Path, call: Any, *args: Any, **kwargs: Any) -> Any:
    """Call Chroma; whatever it raises on reading means that the folder is not intact."""
    try:
        return call(*args, **kwargs)
    except Exception as exc:  # noqa: BLE001 - Chroma raises bare Exception subclasses of its own
        raise DamagedStoreError(f"the Chroma folder {folder} cannot be read ({exc})") from exc


@contextmanager
def _storage_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except DamagedStoreError:
        raise
    except Exception as exc:
        raise StorageError(
            f"the vectors could not be written to {folder} ({exc}); free disk space or check its "
            "permissions, then run the same command again: nothing embedded is lost"
        ) from exc


def _refuse_functions(folder: Path) -> None:
    """Raise unless the folder's metadata names no embedding function."""
    path = folder / "chroma.sqlite3"
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute(
                "SELECT config_json_str, schema_str FROM collections"
            ).fetchall()
    except (sqlite3.Error, ValueError) as exc:
        raise DamagedStoreError(f"the Chroma folder {folder} cannot be read ({exc})") from exc
    for column in (column for row in rows for column in row if column):
        for name in _functions(json.loads(column)):
            if name not in _NO_FUNCTION:
                raise DamagedStoreError(
                    f"the Chroma folder {folder} names the embedding function {name!r}, which "
                    "ragkit never writes; it is not opened"
                )


def _functions(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "embedding_function" and isinstance(inner, dict):
                yield str(inner.get("name") or inner.get("type"))
            else:
                yield from _functions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _functions(inner)


def _fsync(folder: Path) -> None:
    """Have the disk confirm every file of the folder before the catalog points to it."""
    for path in [folder, *folder.rglob("*")]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        except OSError as exc:
            raise StorageError(f"the disk did not confirm {path} ({exc})") from exc
        finally:
            os.close(descriptor)
