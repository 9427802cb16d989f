"""An open index: its catalog, its published vectors, and the embedder that made them.

Readers look at the catalog before every search; when another process has published a new
generation they move to it. What a search finds in the vectors counts only if the catalog still
holds it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock

import numpy as np

from ragkit_ingest.catalog import schema
from ragkit_ingest.catalog.reading import DocumentFacts, Generation, Reading, StoredDocument
from ragkit_ingest.catalog.staging import Staging, readable
from ragkit_ingest.embed.protocol import Embedder, Vectors
from ragkit_ingest.errors import (
    DamagedStoreError,
    EmbedderMismatchError,
    UsageError,
)
from ragkit_ingest.status import IndexStatus, StoredText
from ragkit_ingest.store.exact import ExactSearcher, top
from ragkit_ingest.store.protocol import VectorSearcher, VectorStore
from ragkit_ingest.vector_cache import VectorCache

_GENERATIONS = "generations"


class Index:
    """An index, open for reading; `sync` writes to it through a connection of its own.

    May be shared between threads: one search runs at a time, whatever is being written.

    Args:
        folder: The index folder.
        embedder: Must be the one that made the index.
        store: Builds and opens the vectors.
        create: Whether to make the index if there is none.

    Raises:
        NoIndexError: If there is none and `create` is false.
        NotAnIndexError: If the folder holds something else.
        DamagedIndexError: If the catalog is corrupt.
        EmbedderMismatchError: If another embedder made the index.
    """

    def __init__(
        self, folder: Path, *, embedder: Embedder, store: VectorStore, create: bool = False
    ) -> None:
        self.folder = folder
        self.embedder = embedder
        self.store = store
        opened = schema.create(folder) if create else schema.open_existing(folder)
        self.connection: sqlite3.Connection = opened
        self.reading = Reading(self.connection)
        self._lock = RLock()
        self._searcher: VectorSearcher | None = None
        self._searcher_generation = 0
        self._vectors = VectorCache()
        self._facts: tuple[Generation | None, list[DocumentFacts]] | None = None
        self.store_damage = ""
        """Why the published vectors are not used; empty while they are."""
        try:
            self.check_embedder()
        except BaseException:
            self.connection.close()
            raise

    def close(self) -> None:
        """Release files and memory; a second call does nothing."""
        with self._lock:
            self._close_searcher()
            self._vectors.clear()
            self._facts = None
            self.connection.close()

    @contextmanager
    def reader(self) -> Iterator[Reading]:
        """Give a consistent view of the catalog: one state of it, whatever others publish."""
        with self._lock, schema.translated(self.folder):
            if self.connection.in_transaction:
                yield self.reading
                return
            with schema.snapshot(self.connection):
                yield self.reading

    @property
    def generations(self) -> Path:
        """The folder that holds a folder of vectors for each generation."""
        return self.folder / _GENERATIONS

    def check_embedder(self) -> Generation | None:
        """Return the live generation after comparing its embedder with ours.

        Raises:
            EmbedderMismatchError: If they differ.
        """
        with self.reader() as reading:
            generation = reading.generation()
        if generation is None:
            return None
        made, ours = generation.fingerprint, self.embedder.fingerprint
        if made.digest != ours.digest:
            raise EmbedderMismatchError(
                f"the index at {self.folder} was made by the embedder {made.name} "
                f"({made.digest[:12]}, {made.dimension} dimensions), but {ours.name} "
                f"({ours.digest[:12]}, {ours.dimension} dimensions) was asked for; vectors of two "
                f"embedders are never mixed: use {made.name}, or choose a new folder with --index"
            )
        return generation

    def dense(
        self, vector: Vectors, k: int, *, among: Sequence[int] | None = None
    ) -> list[tuple[int, float]]:
        """Return at most k (chunk id, cosine similarity) of live chunks, most similar first.

        Args:
            vector: The question's unit vector, shape (dimension,).
            k: How many.
            among: Compare exactly these live chunks instead of all.
        """
        with self.reader() as reading:
            generation = self.check_embedder()
            if generation is None or k < 1:
                return []
            if among is not None:
                return self._dense_among(reading, generation, vector, k, among)
            return self._dense_everywhere(reading, generation, vector, k)

    def vectors(self, chunk_ids: Sequence[int]) -> Vectors:
        """Return the unit vectors of live chunks, shape (len(chunk_ids), dimension), in order."""
        with self.reader() as reading:
            generation = self.check_embedder()
            if generation is None or not chunk_ids:
                return np.empty((0, self.embedder.fingerprint.dimension), np.float32)
            return self._vectors.vectors(reading, generation, chunk_ids)

    def facts(self) -> Sequence[DocumentFacts]:
        """Return what filters may ask of every live document, by path.

        Read once a generation: only a publication changes what is live, or gives another path.
        """
        with self.reader() as reading:
            generation = reading.generation()
            if self._facts is None or self._facts[0] != generation:
                self._facts = generation, reading.facts()
            return self._facts[1]

    def document(self, document_id: int) -> StoredDocument | None:
        """Return a live document, or None if it is not (or no longer) there."""
        with self.reader() as reading:
            return reading.document(document_id)

    def find_document(self, path: str) -> StoredDocument:
        """Return the live document that the index shows as `path`, or whose path ends so.

        Raises:
            UsageError: If there is none, or more than one.
        """
        with self.reader() as reading:
            found = self._ids_for(reading, path)
            if len(found) > 1:
                raise UsageError(
                    f"{len(found)} documents end in {path!r}; give more of the path "
                    "(ragkit status lists them)"
                )
            document = reading.document(found[0]) if found else None
        if document is None:
            raise UsageError(f"the index holds no document {path!r}; ragkit status lists them")
        return document

    def show(self, path: str, span: tuple[int, int] | None = None) -> StoredText:
        """Return a stretch of a document's stored text, or all of it.

        Raises:
            UsageError: If there is no such document, or the span is not within it.
        """
        document = self.find_document(path)
        length = len(document.text)
        start, end = span or (0, length)
        if not 0 <= start <= end <= length:
            raise UsageError(
                f"the span {start}:{end} is not within {document.path}, which has {length} "
                "characters; give START:END with 0 <= START <= END"
            )
        touched = [p for p in document.pages if p.start < max(end, start + 1) and p.end > start]
        return StoredText(
            path=document.path,
            text=document.text[start:end],
            start=start,
            end=end,
            page=touched[0].number if touched else None,
            page_label=touched[0].label if touched else "",
            pages=tuple((p.number, p.label, p.start, p.end) for p in touched),
            length=length,
        )

    def status(self) -> IndexStatus:
        """Return what the index holds and what failed."""
        with self.reader() as reading:
            generation = reading.generation()
            documents = tuple(reading.statuses())
            staging = Staging(self.connection)
            roots = tuple(str(root.path) for root in staging.roots())
            sources = tuple(str(root.path) for root in staging.sources())
        made = generation.fingerprint if generation else None
        return IndexStatus(
            index=str(self.folder),
            generation=generation.id if generation else 0,
            embedder=made.name if made else "",
            fingerprint=made.digest if made else "",
            store=generation.store if generation else self.store.name,
            roots=roots,
            documents=documents,
            chunks=generation.chunks if generation else 0,
            size_bytes=size_bytes(self.folder),
            sources=sources,
        )

    def _dense_among(
        self,
        reading: Reading,
        generation: Generation,
        vector: Vectors,
        k: int,
        among: Sequence[int],
    ) -> list[tuple[int, float]]:
        if not among:
            return []
        stored = self._vectors.vectors(reading, generation, among)
        return top(np.asarray(among, np.int64), stored @ vector, k)

    def _dense_everywhere(
        self, reading: Reading, generation: Generation, vector: Vectors, k: int
    ) -> list[tuple[int, float]]:
        """Search the published vectors; where they are damaged, compare the catalog's own.

        That takes longer and finds the same. The next sync builds the published ones again.
        """
        try:
            return self._open_searcher(generation).query(vector, k)
        except DamagedStoreError as exc:
            self._close_searcher()
            self.store_damage = str(exc)
            ids = reading.live_ids()
            stored = reading.vectors(generation.space_id, ids, generation.fingerprint.dimension)
            self._searcher = ExactSearcher(np.asarray(ids, np.int64), stored)
            return self._searcher.query(vector, k)

    def _open_searcher(self, generation: Generation) -> VectorSearcher:
        if self._searcher is None or self._searcher_generation != generation.id:
            self._close_searcher()
            self.store_damage = ""
            self._searcher_generation = generation.id
            self._searcher = self._open_folder(generation)
        return self._searcher

    def _open_folder(self, generation: Generation) -> VectorSearcher:
        folder = self.generations / generation.folder
        if generation.store != self.store.name:
            raise DamagedStoreError(
                f"the vectors in {folder} were built by {generation.store}, not {self.store.name}"
            )
        if not folder.is_dir():
            raise DamagedStoreError(f"the vectors in {folder} are missing")
        return self.store.open(folder)

    def _close_searcher(self) -> None:
        if self._searcher is not None:
            self._searcher.close()
            self._searcher = None

    @staticmethod
    def _ids_for(reading: Reading, path: str) -> list[int]:
        shown = readable(path)
        for candidate in (shown, shown.removeprefix("./")):
            if found := reading.document_ids(candidate):
                return found
        return _ids_by_location(reading, path)


def _ids_by_location(reading: Reading, path: str) -> list[int]:
    """Find a document by where its file lies on disk."""
    try:
        location = os.fsencode(os.path.abspath(path))  # noqa: PTH100 - keeps links
    except ValueError:  # half characters or a NUL: no file has such a name
        return []
    return reading.document_ids_at(location)


def size_bytes(folder: Path) -> int:
    """Return the bytes of all files beneath; one that a writer takes away meanwhile is left out."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total
