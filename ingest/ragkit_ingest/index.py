"""An open index: its catalog, its published vectors, and the embedder that made them.

Readers look at the catalog before every search; when another process has published a new
generation they move to it. What a search finds in the vectors counts only if the catalog still
holds it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import RLock
from typing import TypeVar

import numpy as np

from ragkit_ingest import lexical
from ragkit_ingest.catalog import schema
from ragkit_ingest.catalog.reading import DocumentFacts, Generation, Reading, StoredDocument
from ragkit_ingest.catalog.space import Spaces
from ragkit_ingest.catalog.staging import Staging, readable
from ragkit_ingest.embed.protocol import Embedder, Vectors
from ragkit_ingest.errors import (
    DamagedStoreError,
    EmbedderMismatchError,
    UsageError,
)
from ragkit_ingest.published import Published, Scans, open_published, open_scans
from ragkit_ingest.sentence_cache import SentenceCache, Sentences
from ragkit_ingest.shard import SMALL_INDEX, Ids, Shard, shares
from ragkit_ingest.status import IndexStatus, SpaceStatus, StoredText
from ragkit_ingest.store.exact import ExactSearcher, top
from ragkit_ingest.store.protocol import VectorSearcher, VectorStore
from ragkit_ingest.vector_cache import VectorCache

GENERATIONS = "generations"
_COMPARED_AT_MOST = 100_000  # of the chunks that a filter leaves; this takes 50 ms
_FETCHED = (
    1.3  # times what a graph should be asked for, were the filter independent of the question
)
_FACTS_KEPT = 100_000  # documents; 60 MB
_CHOSEN_BYTES = 16 << 20
_Found = TypeVar("_Found")


class Index:
    """An index, open for reading; `sync` writes to it through a connection of its own.

    May be shared between threads: one search runs at a time, whatever is being written.

    Args:
        folder: The index folder.
        embedder: Must be the one that made the index.
        store: Builds and opens the vectors.
        create: Whether to make the index if there is none.
        exact_at_most: Up to so many chunks, the catalog's own vectors are compared, every one, and
            the store is not opened.
        embedder_name: Chooses the embedder; a sync notes it, so that the index can be opened
            without being told. Empty if the embedder was given as an object.
        connection: Read through this one, within its transaction, instead of one of its own; the
            caller closes it.

    Raises:
        NoIndexError: If there is none and `create` is false.
        NotAnIndexError: If the folder holds something else.
        DamagedIndexError: If the catalog is corrupt.
        EmbedderMismatchError: If another embedder made the index.
    """

    def __init__(
        self,
        folder: Path,
        *,
        embedder: Embedder,
        store: VectorStore,
        create: bool = False,
        exact_at_most: int = SMALL_INDEX,
        embedder_name: str = "",
        connection: sqlite3.Connection | None = None,
    ) -> None:
        self.folder = folder
        self.embedder = embedder
        self.embedder_name = embedder_name
        self.store = store
        self._borrowed = connection is not None
        opened = connection
        if opened is None:
            opened = schema.create(folder) if create else schema.open_existing(folder)
        self.connection: sqlite3.Connection = opened
        self.reading = Reading(self.connection)
        self._lock = RLock()
        self._exact_at_most = exact_at_most
        self._searcher: Published | None = None
        self._searcher_generation = 0
        self._scans: tuple[int, Scans | None] | None = None
        self._vectors = VectorCache()
        self._sentences = SentenceCache()
        self._facts: tuple[Generation | None, list[DocumentFacts]] | None = None
        self._chosen_of: Generation | None = None
        self._chosen: dict[Hashable, Ids] = {}
        self.store_damage = ""
        """Why the published vectors are not used; empty while they are."""
        try:
            self.check_embedder()
        except BaseException:
            self._disconnect()
            raise

    def close(self) -> None:
        """Release files and memory; a second call does nothing."""
        with self._lock:
            self._close_searcher()
            self._vectors.clear()
            self._sentences.clear()
            self._facts = self._scans = None
            self._chosen = {}
            self._disconnect()

    def _disconnect(self) -> None:
        if not self._borrowed:
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
        return self.folder / GENERATIONS

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
                f"embedders are never mixed: use {made.name}, let ragkit reembed make the vectors "
                "anew beside the old ones, or choose a new folder with --index"
            )
        return generation

    def dense(
        self, vector: Vectors, k: int, *, among: Sequence[int] | Ids | None = None
    ) -> list[tuple[int, float]]:
        """Return at most k (chunk id, cosine similarity) of live chunks, most similar first.

        Args:
            vector: The question's unit vector, shape (dimension,).
            k: How many.
            among: Search these live chunks, ascending, instead of all.
        """
        with self.reader() as reading:
            generation = self.check_embedder()
            if generation is None or k < 1:
                return []
            if among is not None:
                return self._dense_among(
                    reading, generation, vector, k, np.asarray(among, np.int64)
                )
            return self._query(reading, generation, lambda searcher: searcher.query(vector, k))

    def lexical(
        self,
        question: str,
        k: int,
        weights: tuple[float, float, float] = (1.0, 1.0, 1.0),
        *,
        among: Sequence[int] | Ids | None = None,
    ) -> list[tuple[int, float]]:
        """Return at most k (chunk id, BM25 score) that hold a content word of the question.

        Args:
            question: In words.
            k: How many.
            weights: Of the title, the headings and the text.
            among: Rank only these live chunks, ascending, instead of all.

        Returns:
            Best first; higher is better, equal ones by id.
        """
        words = lexical.query_words(question)
        chosen = None if among is None else np.asarray(among, np.int64)
        with self.reader() as reading:
            scans = self._opened_scans(reading)
            if scans is not None:
                return scans.ranked(words, k, weights, chosen)
            listed = None if chosen is None else chosen.tolist()
            return reading.lexical(lexical.any_of(words), k, weights, listed)

    def frequencies(self, words: Sequence[str]) -> dict[str, int]:
        """Return in how many live chunks each analysed word stands."""
        with self.reader() as reading:
            scans = self._opened_scans(reading)
            return (
                reading.document_frequencies(words) if scans is None else scans.frequencies(words)
            )

    def vectors(self, chunk_ids: Sequence[int]) -> Vectors:
        """Return the unit vectors of live chunks, shape (len(chunk_ids), dimension), in order."""
        with self.reader() as reading:
            generation = self.check_embedder()
            if generation is None or not len(chunk_ids):
                return np.empty((0, self.embedder.fingerprint.dimension), np.float32)
            scans = self._opened_scans(reading)
            if scans is not None:
                return scans.vectors(chunk_ids)
            return self._vectors.vectors(reading, generation, chunk_ids)

    def sentences(self, chunk_ids: Sequence[int]) -> Sentences:
        """Return the sentences of live chunks, as they were read in the context of their chunk.

        Of an embedder that does not tell them there are none.

        Args:
            chunk_ids: Of some tens of candidates, in any order; each is read from the catalog.
        """
        with self.reader() as reading:
            generation = reading.generation()
            if generation is None or not len(chunk_ids):
                return Sentences([])
            return self._sentences.of(reading, generation, chunk_ids)

    def facts(self) -> Sequence[DocumentFacts]:
        """Return what filters may ask of every live document, by path.

        Read once a generation, if they take little memory: only a publication changes what is
        live, or gives another path.
        """
        with self.reader() as reading:
            generation = reading.generation()
            if self._facts is not None and self._facts[0] == generation:
                return self._facts[1]
            self._facts = None
            found = reading.facts()
            if len(found) <= _FACTS_KEPT:
                self._facts = generation, found
            return found

    def chunks_of(
        self, key: Hashable, choose: Callable[[Sequence[DocumentFacts]], Sequence[int]]
    ) -> Ids:
        """Return the live chunks of documents, ascending; remembered for the last few choices.

        Args:
            key: The same for the same choice.
            choose: Returns the ids of documents, given what is known of all live ones.
        """
        with self.reader() as reading:
            generation = reading.generation()
            if self._chosen_of != generation:
                self._chosen_of, self._chosen = generation, {}
            if key not in self._chosen:
                documents = choose(self.facts())
                scans = self._opened_scans(reading)
                found = (
                    np.asarray(reading.chunk_ids(documents), np.int64)
                    if scans is None
                    else scans.chunk_ids(documents)
                )
                self._chosen[key] = found
            self._chosen[key] = self._chosen.pop(key)  # the last one used comes last
            chosen = self._chosen[key]
            while sum(ids.nbytes for ids in self._chosen.values()) > _CHOSEN_BYTES:
                del self._chosen[next(iter(self._chosen))]
            return chosen

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
            spaces = _spaces(Spaces(self.connection))
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
            spaces=spaces,
        )

    def _dense_among(
        self, reading: Reading, generation: Generation, vector: Vectors, k: int, among: Ids
    ) -> list[tuple[int, float]]:
        """Compare few chunks exactly; of many, ask the graph for more than are wanted.

        Where the graph's answer does not prove itself complete, they are compared all the same.
        """
        if not len(among):
            return []
        scans = self._opened_scans(reading)
        if scans is None:
            stored = self._vectors.vectors(reading, generation, among.tolist())
            return top(among, stored @ vector, k)
        if len(among) > _COMPARED_AT_MOST:
            fetch = int(_FETCHED * k * generation.chunks / len(among)) + 1
            found = self._query(
                reading, generation, lambda all_: all_.query_among(vector, k, among, fetch)
            )
            if found is not None:
                return found
        return scans.nearest(vector, k, among)

    def _query(
        self, reading: Reading, generation: Generation, ask: Callable[[Published], _Found]
    ) -> _Found:
        """Ask the published vectors; where they are damaged, the catalog's own.

        That takes longer and finds the same. `verify`, or the next sync that finds nothing to do,
        builds the damaged ones again.
        """
        try:
            return ask(self._open_searcher(reading, generation))
        except DamagedStoreError as exc:
            self._close_searcher()
            self.store_damage = str(exc)
            self._searcher = Published([self._exact(reading, generation, reading.live_ids())])
            self._searcher_generation = generation.id
            return ask(self._searcher)

    def _open_searcher(self, reading: Reading, generation: Generation) -> Published:
        if self._searcher is None or self._searcher_generation != generation.id:
            self._close_searcher()
            self.store_damage = ""
            self._searcher = self._opened(reading, generation)
            self._searcher_generation = generation.id
        return self._searcher

    def _opened(self, reading: Reading, generation: Generation) -> Published:
        """Decide what searches: for a small index the catalog's vectors, else the store.

        Importing and opening Chroma takes longer than reading a few thousand vectors, and comparing
        them all takes no longer than a graph.
        """
        live = reading.live_ids
        if generation.chunks <= self._exact_at_most:
            return Published([self._exact(reading, generation, live())])
        if generation.store != self.store.name:
            raise DamagedStoreError(
                f"the vectors in {self.generations} were built by {generation.store}, not "
                f"{self.store.name}"
            )

        def instead(shard: Shard) -> VectorSearcher:
            held = dict(shares(generation.shards, np.asarray(live(), np.int64)))
            return self._exact(reading, generation, held[shard].tolist())

        found, self.store_damage = open_published(
            self.generations, generation.shards, self.store, instead
        )
        return found

    def _exact(self, reading: Reading, generation: Generation, ids: Sequence[int]) -> ExactSearcher:
        stored = reading.vectors(generation.space_id, ids, generation.fingerprint.dimension)
        return ExactSearcher(np.asarray(ids, np.int64), stored)

    def _opened_scans(self, reading: Reading) -> Scans | None:
        """Return what is scanned of the live generation; None for a small or damaged one."""
        generation = reading.generation()
        if generation is None:
            return None
        if self._scans is None or self._scans[0] != generation.id:
            try:
                opened = open_scans(self.generations, generation.shards)
            except DamagedStoreError as exc:
                self.store_damage, opened = str(exc), None
            self._scans = generation.id, opened
        return self._scans[1]

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


def _spaces(spaces: Spaces) -> tuple[SpaceStatus, ...]:
    roles = {"live": spaces.live, "previous": spaces.previous, "pending": spaces.pending}
    counts = spaces.counts()
    return tuple(
        SpaceStatus(
            role=role,
            embedder=space.fingerprint.name,
            chosen_by=space.embedder,
            fingerprint=space.fingerprint.digest,
            dimension=space.fingerprint.dimension,
            vectors=counts.get(space.id, 0),
            texts=spaces.texts(space.id),
        )
        for role, space in roles.items()
        if space is not None
    )


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
