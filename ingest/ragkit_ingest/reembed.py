"""Moves an index to another embedder, without reading a file again.

    _split      every stored document, as the new embedder counts      other chunks wait aside
    _embed      the texts that have no vector in the new space yet      stored at once
    _build      its shards, beside those that answer
    _swap       one transaction, judged from within before it is committed

Until the swap nothing that a reader sees changes. Whatever was done before a kill, a full disk or
an embedder that failed is found again by the next run: a vector that was stored is never computed
again. The space that answered before is kept for `rollback`, which is the same walk back, on which
only texts are embedded that were added in between.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ragkit_ingest.catalog import schema
from ragkit_ingest.catalog.publish import Publisher
from ragkit_ingest.catalog.reading import Reading, StoredDocument
from ragkit_ingest.catalog.space import Space, Spaces
from ragkit_ingest.catalog.staging import Staging
from ragkit_ingest.catalog.swap import Asides, Tokens, swap
from ragkit_ingest.embed.protocol import Embedder
from ragkit_ingest.embed.unit import check_vectors, embedded
from ragkit_ingest.errors import (
    EmbedderError,
    EmbedderMismatchError,
    NoIndexError,
    StorageError,
    UsageError,
)
from ragkit_ingest.failpoint import failpoint
from ragkit_ingest.generation import GenerationFolders
from ragkit_ingest.golden import LEAST_COSINE, check_golden, golden_vectors, lowest_cosine
from ragkit_ingest.index import GENERATIONS, Index
from ragkit_ingest.lock import writer_lock
from ragkit_ingest.records import Chunk, Document
from ragkit_ingest.report import Progress, ProgressCallback
from ragkit_ingest.shard import SMALL_INDEX, Shard
from ragkit_ingest.split import SplitSettings, split
from ragkit_ingest.store.protocol import VectorStore

_EMBED_AT_ONCE = 512

Judge = Callable[[Index], bool]
"""Given the index as it would be after the swap, says whether it is to happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReembedSettings:
    """How an index is moved.

    Attributes:
        split: How long chunks may be, for the new embedder.
        name: Chooses the new embedder; empty if it was given as an object.
        swap: Whether the new space is to answer; else its vectors are only made and kept.
        exact_at_most: Of the index that is judged; see `Index`.
    """

    split: SplitSettings = field(default_factory=SplitSettings)
    name: str = ""
    swap: bool = True
    exact_at_most: int = SMALL_INDEX


@dataclass(frozen=True, slots=True, kw_only=True)
class ReembedReport:
    """What a move did.

    Attributes:
        embedder: Name of the embedder whose vectors were made.
        fingerprint: Digest of its fingerprint.
        former: Name of the embedder that answered before.
        documents: How many are stored.
        resplit: How many of them it cuts otherwise than the former one.
        texts: Distinct texts of all chunks.
        embedded: How many of them were embedded now; the others had been before.
        chunks: How many are searchable.
        swapped: Whether the new space answers now.
        already: Whether it did so before; then nothing was done.
        generation: The live generation.
        seconds: Wall time.
    """

    embedder: str
    fingerprint: str
    former: str
    documents: int = 0
    resplit: int = 0
    texts: int = 0
    embedded: int = 0
    chunks: int = 0
    swapped: bool = False
    already: bool = False
    generation: int = 0
    seconds: float = 0.0

    def to_json(self) -> dict[str, object]:
        """Return the report in the shape of `ragkit reembed --json`."""
        return {
            "embedder": self.embedder,
            "fingerprint": self.fingerprint,
            "former": self.former,
            "documents": self.documents,
            "resplit": self.resplit,
            "texts": self.texts,
            "embedded": self.embedded,
            "chunks": self.chunks,
            "swapped": self.swapped,
            "already": self.already,
            "generation": self.generation,
            "seconds": round(self.seconds, 3),
        }


def reembed(
    folder: Path,
    embedder: Embedder,
    store: VectorStore,
    settings: ReembedSettings,
    judge: Judge | None = None,
    progress: ProgressCallback | None = None,
) -> ReembedReport:
    """Build an embedder's vectors beside those that answer, then let them answer.

    Args:
        folder: The index.
        embedder: The new one.
        store: Builds the vectors' folders.
        settings: How.
        judge: Looks at the index as it would be, and decides; without one the swap happens if
            `settings.swap` is set.
        progress: Called as the work goes on.

    Raises:
        NoIndexError: If nothing is indexed.
        IndexLockedError: If another process is writing.
        EmbedderError: If the embedder fails; what it gave before is kept.
        StorageError: If the disk is full, read-only or failing; the same holds.
        DamagedIndexError: If the catalog is corrupt.
    """
    with _writing(folder) as connection:
        return _Reembedding(folder, connection, embedder, store, settings, progress).run(judge)


def rollback(
    folder: Path,
    embedder: Embedder,
    store: VectorStore,
    settings: ReembedSettings,
    progress: ProgressCallback | None = None,
) -> ReembedReport:
    """Let the space answer again that did before the last swap.

    Documents are as they are now: what was removed stays removed, and texts that were added since
    are embedded. The other space is kept, so that a second rollback returns to it.

    Args:
        folder: The index.
        embedder: The one that made the previous space.
        store: Builds the vectors' folders.
        settings: How documents are cut for that embedder.
        progress: Called as the work goes on.

    Raises:
        UsageError: If no previous space is kept.
        EmbedderMismatchError: If another embedder made it.
        EmbedderError: If a text must be embedded, and that fails.
        IndexStateError: If the index is locked, damaged or empty.
        StorageError: If the disk is full, read-only or failing.
    """
    with _writing(folder) as connection:
        previous = previous_space(Spaces(connection), folder)
        made, ours = previous.fingerprint, embedder.fingerprint
        if made.digest != ours.digest:
            raise EmbedderMismatchError(
                f"the vectors before the last swap were made by {made.name} ({made.digest[:12]}), "
                f"but {ours.name} ({ours.digest[:12]}) is there now; nothing was changed: bring "
                f"the former model back, or move on with ragkit reembed --embedder NAME"
            )
        back = _Reembedding(folder, connection, embedder, store, settings, progress)
        return back.run(None, target=previous.id)


def forget_previous(folder: Path) -> int:
    """Erase the vectors of every embedder but the one that answers; return how many went.

    Raises:
        NoIndexError: If nothing is indexed.
        IndexLockedError: If another process is writing.
        StorageError: If the disk is full, read-only or failing.
    """
    with _writing(folder) as connection:
        return Spaces(connection).forget()


def give_up(folder: Path) -> int:
    """Erase the vectors of a space that was built and not taken; return how many went.

    Raises:
        NoIndexError: If nothing is indexed.
        IndexLockedError: If another process is writing.
        StorageError: If the disk is full, read-only or failing.
    """
    with _writing(folder) as connection:
        return Spaces(connection).give_up()


def spaces(folder: Path) -> tuple[Space | None, Space | None]:
    """Return the space that answers and the previous one, each None if there is none.

    Raises:
        NoIndexError: If there is no index.
        IndexStateError: If it is damaged or foreign.
    """
    with schema.translated(folder), closing(schema.open_existing(folder)) as connection:
        spaces = Spaces(connection)
        return spaces.live, spaces.previous


def previous_space(spaces: Spaces, folder: Path) -> Space:
    """Return the space that a rollback returns to.

    Raises:
        UsageError: If there is none.
    """
    previous = spaces.previous
    if previous is None:
        raise UsageError(
            f"the index at {folder} keeps no vectors of a former embedder, so there is nothing to "
            "roll back to; ragkit reembed --embedder NAME builds a space anew"
        )
    return previous


@contextmanager
def _writing(folder: Path) -> Iterator[sqlite3.Connection]:
    if not (folder / schema.FILE_NAME).exists():
        schema.open_existing(folder).close()  # says why not
    with (
        writer_lock(folder),
        schema.translated(folder),
        closing(schema.open_existing(folder)) as connection,
    ):
        if Reading(connection).generation() is None:
            raise NoIndexError(f"nothing is indexed in {folder} yet; run: ragkit ingest PATH")
        yield connection


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beside:
    """Where the folders of the new space go."""

    folder: Path
    embedder: Embedder
    store: VectorStore

    @property
    def generations(self) -> Path:
        return self.folder / GENERATIONS


class _NotTakenError(Exception):
    """The judge decided against the swap; rolls the transaction back."""


class _Reembedding:
    """One run."""

    def __init__(
        self,
        folder: Path,
        connection: sqlite3.Connection,
        embedder: Embedder,
        store: VectorStore,
        settings: ReembedSettings,
        progress: ProgressCallback | None,
    ) -> None:
        self._folder = folder
        self._db = connection
        self._embedder = embedder
        self._store = store
        self._settings = settings
        self._progress = progress or (lambda _: None)
        self._reading = Reading(connection)
        self._spaces = Spaces(connection)
        live = self._spaces.live
        assert live is not None
        self._live: Space = live
        self._tokens: list[Tokens] = []
        self._documents = 0
        self._resplit = 0
        self._texts = 0
        self._embedded = 0

    def run(self, judge: Judge | None, *, target: int | None = None) -> ReembedReport:
        started = time.perf_counter()
        self._spaces.tidy()
        space = self._target() if target is None else target
        if space == self._live.id:
            return self._report(space, started, already=True)
        self._spaces.begin(space)
        self._split(space)
        self._embed(space)
        swapped = False
        if self._settings.swap or judge is not None:
            swapped = self._swap(space, judge)
        if swapped:
            self._spaces.tidy()
        return self._report(space, started, swapped=swapped)

    def _target(self) -> int:
        """Return the space of the embedder, a new one if the model behind its name changed."""
        fingerprint = self._embedder.fingerprint
        name = self._settings.name
        space = self._spaces.get(self._spaces.register(fingerprint, name))
        if len(space.golden):
            cosine = lowest_cosine(space, golden_vectors(self._embedder))
            if cosine < LEAST_COSINE:
                return self._spaces.register(fingerprint, name, anew=True)
        return space.id

    # -- split -------------------------------------------------------------------------------

    def _split(self, space: int) -> None:
        asides = Asides(self._db, space, self._settings.split.to_json())
        ids = [facts.id for facts in self._reading.facts()]
        self._documents = len(ids)
        for done, document_id in enumerate(ids, start=1):
            document = self._reading.document(document_id)
            if document is not None:
                self._tokens += asides.place(document, self._cut(document))
            self._progress(Progress(stage="split", done=done, total=len(ids)))
        self._resplit = self._spaces.asides(space)

    def _cut(self, document: StoredDocument) -> tuple[Chunk, ...]:
        held = Document(
            text=document.text,
            format=document.format,
            title=document.title,
            blocks=document.blocks,
            pages=document.pages,
        )
        return split(held, self._embedder.count_tokens, self._settings.split)

    # -- embed -------------------------------------------------------------------------------

    def _embed(self, space: int) -> None:
        self._texts = self._spaces.texts(space)
        missing = self._spaces.missing(space)
        if not missing:
            return
        with self._saying_what_is_kept(space):
            check_golden(self._spaces, space, self._embedder)
            for start in range(0, len(missing), _EMBED_AT_ONCE):
                self._embed_batch(space, missing[start : start + _EMBED_AT_ONCE])
                self._progress(
                    Progress(
                        stage="embed",
                        done=self._texts - len(missing) + self._embedded,
                        total=self._texts,
                    )
                )

    def _embed_batch(self, space: int, chunk_ids: Sequence[int]) -> None:
        batch = dict(self._spaces.embedded_texts(chunk_ids))
        texts = list(batch.values())
        failpoint("embed.before")
        vectors, sentences = embedded(self._embedder, texts)
        failpoint("embed.after")
        check_vectors(vectors, len(texts), self._embedder.fingerprint, sentences)
        Staging(self._db).add_vectors(space, list(batch), vectors, sentences)
        failpoint("embed.stored")
        self._embedded += len(texts)

    @contextmanager
    def _saying_what_is_kept(self, space: int) -> Iterator[None]:
        """Tell, with an error, what need not be done again."""
        try:
            yield
        except (EmbedderError, StorageError, sqlite3.Error) as exc:
            kept = self._texts - len(self._spaces.missing(space))
            said = (
                f"{kept} of {self._texts} texts are embedded and kept, and "
                f"{self._live.fingerprint.name} answers as before; run the same command again to "
                "go on"
            )
            if isinstance(exc, EmbedderError):
                raise EmbedderError(f"{exc}; {said}") from exc
            raise StorageError(f"the vectors cannot be stored ({exc}); {said}") from exc

    # -- swap --------------------------------------------------------------------------------

    def _swap(self, space: int, judge: Judge | None) -> bool:
        """Build the shards and let them answer; return whether they do."""
        place = _Beside(folder=self._folder, embedder=self._embedder, store=self._store)
        folders = GenerationFolders(place, self._db, space)
        publisher = Publisher(self._db)
        ids = self._spaces.chunk_ids(space)
        self._progress(Progress(stage="publish", done=0, total=len(ids)))
        shards, _ = folders.mended(self._shards_of(space), ids)
        try:
            with schema.transaction(self._db):
                swap(
                    self._db,
                    space_id=space,
                    split_json=self._settings.split.to_json(),
                    tokens=self._tokens,
                    shards=shards,
                    store=self._store.name,
                    chunks=len(ids),
                )
                if judge is not None and not self._judged(judge):
                    raise _NotTakenError
                failpoint("swap.judged")
        except _NotTakenError:
            folders.sweep(keep=publisher.recent_folders())
            return False
        failpoint("swap.after")
        folders.sweep(keep=publisher.recent_folders())
        return True

    def _judged(self, judge: Judge) -> bool:
        """Ask the judge, who sees what is not committed yet, and nobody else."""
        index = Index(
            self._folder,
            embedder=self._embedder,
            store=self._store,
            exact_at_most=self._settings.exact_at_most,
            connection=self._db,
        )
        with closing(index):
            return judge(index) and self._settings.swap

    def _shards_of(self, space: int) -> tuple[Shard, ...]:
        """Return what is still there of the last time that the space answered."""
        row = self._db.execute(
            "SELECT max(id) FROM generations WHERE space_id = ? AND store = ?",
            (space, self._store.name),
        ).fetchone()
        return () if row[0] is None else self._reading.shards(row[0]) or ()

    def _report(
        self, space: int, started: float, *, swapped: bool = False, already: bool = False
    ) -> ReembedReport:
        generation = self._reading.generation()
        assert generation is not None
        made = self._spaces.get(space).fingerprint
        return ReembedReport(
            embedder=made.name,
            fingerprint=made.digest,
            former=self._live.fingerprint.name,
            documents=self._documents,
            resplit=self._resplit,
            texts=self._texts,
            embedded=self._embedded,
            chunks=generation.chunks,
            swapped=swapped,
            already=already,
            generation=generation.id,
            seconds=time.perf_counter() - started,
        )
