"""Looks for damage in every byte of an index that matters, and mends what can be mended.

the log of the catalog     its checksums; said
pages of the catalog       SQLite's own check; indices are built again, all else is said
definitions of its tables  a digest of them; said
a document: its entry,     a digest beside each row; the document is taken out of the index
  text and chunks            and read again by the next sync
a vector of the catalog    the same; taken from the published ones, else embedded again
those of its sentences     the same; embedded again
the words                  the full-text index's own check, and the words of every chunk;
                             indexed again
the published vectors      their seal, ids and every vector; built again
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from ragkit_ingest.catalog import schema
from ragkit_ingest.catalog.log import read_log
from ragkit_ingest.catalog.publish import Publisher, analysed
from ragkit_ingest.catalog.reading import Generation, Reading
from ragkit_ingest.catalog.staging import Staging
from ragkit_ingest.embed.protocol import SentenceEmbedder, Vectors
from ragkit_ingest.embed.unit import check_vectors, embedded
from ragkit_ingest.errors import DamagedIndexError, DamagedStoreError
from ragkit_ingest.failpoint import failpoint
from ragkit_ingest.generation import GenerationFolders
from ragkit_ingest.index import Index
from ragkit_ingest.lock import writer_lock
from ragkit_ingest.published import vectors_folder
from ragkit_ingest.records import embedded_text
from ragkit_ingest.shard import shares

_BATCH = 500
_REREAD = "its stored text was damaged; it is read again by the next ingest"
# What SQLite says of an index that does not fit its table.
_OF_AN_INDEX = ("missing from index", "wrong # of entries in index", "non-unique entry in index")


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What `verify` looked at, found and did.

    Attributes:
        documents: Live documents whose stored text is sound.
        chunks: Live chunks.
        vectors: Vectors of the catalog.
        generation: The live generation; 0 for an empty index.
        healed: What was damaged and is sound again, a sentence each.
        notes: What is worth knowing and no damage, a sentence each.
        reembedded: Texts that had to be embedded again.
        reread: Documents taken out because they were damaged; the next ingest reads them again.
        damaged: What could not be mended, a sentence each.
    """

    documents: int = 0
    chunks: int = 0
    vectors: int = 0
    generation: int = 0
    healed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    reembedded: int = 0
    reread: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether the index is whole now."""
        return not (self.damaged or self.reread)

    def to_json(self) -> dict[str, object]:
        """Return the report in the shape of `ragkit verify --json`."""
        return {
            "sound": self.sound,
            "documents": self.documents,
            "chunks": self.chunks,
            "vectors": self.vectors,
            "generation": self.generation,
            "healed": list(self.healed),
            "notes": list(self.notes),
            "reembedded": self.reembedded,
            "reread": list(self.reread),
            "damaged": list(self.damaged),
        }


def verify(index: Index) -> VerifyReport:
    """Look for damage and mend what can be mended.

    Raises:
        DamagedIndexError: If the catalog is too damaged to be read.
        IndexLockedError: If another process is writing.
        StorageError: If the disk is full, read-only or failing.
    """
    folder = index.folder
    with (
        writer_lock(folder),
        schema.translated(folder),
        closing(schema.open_existing(folder)) as connection,
    ):
        return _Verification(index, connection).run()


class _Verification:
    """One run."""

    def __init__(self, index: Index, connection: sqlite3.Connection) -> None:
        self._index = index
        self._db = connection
        self._reading = Reading(connection)
        self._publisher = Publisher(connection)
        self._healed: list[str] = []
        self._notes: list[str] = []
        self._reread: list[str] = []
        self._damaged: list[str] = []
        self._reembedded = 0

    def run(self) -> VerifyReport:
        failpoint("verify.before")
        self._log()
        self._index.check_embedder()
        if self._pages():
            self._rest()
        if not self._damaged:
            # The log is judged now; its damage must not be found a second time.
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        failpoint("verify.after")
        return VerifyReport(
            **self._counts(),
            healed=tuple(self._healed),
            notes=tuple(self._notes),
            reembedded=self._reembedded,
            reread=tuple(self._reread),
            damaged=tuple(self._damaged),
        )

    def _counts(self) -> dict[str, int]:
        try:
            live = self._reading.generation()
            return {
                "documents": self._count("revisions WHERE state = 'live'"),
                "chunks": len(self._reading.live_ids()),
                "vectors": self._count("vectors"),
                "generation": live.id if live else 0,
            }
        except (sqlite3.DatabaseError, DamagedIndexError):
            return {}  # said already, in `damaged`

    def _rest(self) -> None:
        self._small_tables()
        if self._damaged:
            return
        self._documents()
        generation = self._reading.generation()
        if generation is None:
            self._staged_vectors()
            return
        self._lost_chunks(generation)
        if self._damaged:
            return
        self._vectors(generation)
        self._words()
        self._published(generation)

    def _count(self, what: str) -> int:
        return int(self._db.execute(f"SELECT count(*) FROM {what}").fetchone()[0])

    # -- the file ----------------------------------------------------------------------------

    def _log(self) -> None:
        state = read_log(self._index.folder / f"{schema.FILE_NAME}-wal")
        if state.lost:
            self._notes.append(
                "the log of the catalog is damaged, and what was written last is lost; the index "
                "is as it was before that: run ragkit ingest to bring it up to date"
            )
        elif state.unfinished:
            self._notes.append(
                "the log of the catalog ends in an unfinished entry, as a killed process leaves "
                "it; run ragkit ingest to do again what it was doing"
            )

    def _pages(self) -> bool:
        """Return whether the catalog can be read row by row."""
        noted = self._db.execute(
            "SELECT value FROM settings WHERE key = ?", (schema.DEFINITIONS,)
        ).fetchone()
        if noted is None or noted[0] != schema.definitions_digest(self._db):
            self._damaged.append(self._catalog("the definitions of its tables were altered"))
            return False
        if not (found := self._integrity()):
            return True
        if all(any(sign in line for sign in _OF_AN_INDEX) for line in found) and self._reindexed():
            self._healed.append("indices of the catalog were damaged: built again")
            return True
        self._damaged.append(self._catalog("; ".join(found[:3])))
        return False

    def _integrity(self) -> list[str]:
        try:
            found = [row[0] for row in self._db.execute("PRAGMA integrity_check")]
        except sqlite3.DatabaseError as exc:
            return [str(exc)]
        # The full-text index, which newer versions of SQLite check too, has a check of its own.
        return [line for line in found if line != "ok" and "FTS5" not in line]

    def _reindexed(self) -> bool:
        """Build the indices again, if it is they that are wrong and not the tables.

        A row that was altered is told by its digest; one that is gone, by an index that still
        holds it.
        """
        try:
            if self._altered_rows() or self._rows_are_gone():
                return False
            self._db.execute("REINDEX")
        except sqlite3.DatabaseError:
            return False
        return not self._integrity()

    def _altered_rows(self) -> bool:
        return any(
            self._db.execute(
                f"SELECT 1 FROM {name} t NOT INDEXED WHERE NOT {table.sound('t')} LIMIT 1"
            ).fetchone()
            for name, table in schema.digested().items()
        )

    def _rows_are_gone(self) -> bool:
        indexed = self._db.execute(
            "SELECT m.tbl_name, m.name FROM sqlite_schema m, pragma_index_list(m.tbl_name) i"
            " WHERE m.type = 'index' AND i.name = m.name AND NOT i.partial AND i.origin != 'pk'"
        ).fetchall()
        return any(
            self._count(f'{table} INDEXED BY "{name}"') > self._count(f"{table} NOT INDEXED")
            for table, name in indexed
        )

    def _small_tables(self) -> None:
        """Look at what says where documents come from and which vectors are whose."""
        for name in ("settings", "spaces", "roots", "generations", "shards"):
            if self._unsound(name, "1"):
                self._damaged.append(self._catalog(f"its table of {name} was altered"))

    def _unsound(self, table: str, columns: str) -> list[tuple[Any, ...]]:
        condition = schema.digested()[table].sound("t")
        return self._db.execute(
            f"SELECT {columns} FROM {table} t NOT INDEXED WHERE NOT {condition}"
        ).fetchall()

    def _catalog(self, why: str) -> str:
        return schema.damaged(self._index.folder, why, verified=True)

    # -- documents ---------------------------------------------------------------------------

    def _documents(self) -> None:
        """Take damaged documents out, so that their files are read again."""
        self._asides()
        entries = {row[0] for row in self._unsound("files", "t.id")}
        texts = {row[0] for row in self._unsound("revisions", "t.file_id")}
        texts |= {
            file_id
            for (revision_id,) in self._unsound("chunks", "DISTINCT t.revision_id")
            for (file_id,) in self._db.execute(
                "SELECT file_id FROM revisions WHERE id = ?", (revision_id,)
            )
        }
        if not entries | texts:
            return
        named = sorted(self._path(file_id) for file_id in entries | texts)
        with schema.transaction(self._db):
            self._take_out(sorted(texts - entries))
            for file_id in entries:
                self._forget_entry(file_id)
            failpoint("verify.documents")
        self._reread += named

    def _asides(self) -> None:
        """Delete what another embedder cut and is damaged; a `reembed` cuts it again."""
        altered = {row[0] for row in self._unsound("revisions", "t.id")}
        altered |= {row[0] for row in self._unsound("chunks", "DISTINCT t.revision_id")}
        damaged = [
            id_
            for id_ in sorted(altered)
            if self._db.execute(
                "SELECT 1 FROM revisions WHERE id = ? AND state = 'aside'", (id_,)
            ).fetchone()
        ]
        with schema.transaction(self._db):
            for id_ in damaged:
                self._db.execute("DELETE FROM chunks WHERE revision_id = ?", (id_,))
                self._db.execute("DELETE FROM revisions WHERE id = ?", (id_,))
        if damaged:
            self._healed.append(
                f"{len(damaged)} documents as another embedder cuts them were damaged: deleted, "
                "and cut again when they are needed"
            )

    def _path(self, file_id: int) -> str:
        row = self._db.execute("SELECT path FROM files WHERE id = ?", (file_id,)).fetchone()
        return str(row[0]) if row else f"(unknown file {file_id})"

    def _take_out(self, file_ids: Sequence[int]) -> None:
        for file_id in file_ids:
            chunks = self._db.execute(
                "SELECT c.id FROM chunks c JOIN revisions r ON r.id = c.revision_id"
                " WHERE r.file_id = ?",
                (file_id,),
            ).fetchall()
            self._publisher.remove([row[0] for row in chunks])
            self._db.execute("DELETE FROM revisions WHERE file_id = ?", (file_id,))
            # Without its sha256 and its parser the file counts as edited.
            self._db.execute(
                "UPDATE files SET outcome = 'failed', reason = ?, sha256 = '', parser = ''"
                " WHERE id = ?",
                (_REREAD, file_id),
            )
        # The vectors stay: what is read again is not embedded again.
        self._db.execute(
            "UPDATE generations SET chunks = (SELECT count(*) FROM chunks c"
            " JOIN revisions r ON r.id = c.revision_id WHERE r.state = 'live')"
            " WHERE state = 'live'"
        )

    def _forget_entry(self, file_id: int) -> None:
        """Let the next sync find a file as new whose entry was damaged.

        Attachments go with the file that holds them: reading that one again finds them all.
        """
        found = self._db.execute(
            "SELECT coalesce(owner_id, id) FROM files WHERE id = ?", (file_id,)
        ).fetchone()
        if found is None:  # gone with the damaged entry of the file that held it
            return
        owner = found[0]
        held = [
            id_ for (id_,) in self._db.execute("SELECT id FROM files WHERE owner_id = ?", (owner,))
        ]
        self._take_out([owner, *held])
        self._db.executemany("DELETE FROM files WHERE id = ?", ((id_,) for id_ in held))
        if owner == file_id:
            self._forget_place(file_id)

    def _forget_place(self, file_id: int) -> None:
        """Give an entry a name that no file has."""
        self._db.execute(
            "UPDATE files SET path = '(damaged entry ' || id || ')',"
            " name = CAST('(damaged entry ' || id || ')' AS BLOB),"
            " root_id = (SELECT coalesce((SELECT id FROM roots r WHERE r.id = files.root_id),"
            " (SELECT min(id) FROM roots))) WHERE id = ?",
            (file_id,),
        )

    def _lost_chunks(self, generation: Generation) -> None:
        """Compare the number of chunks with that at publication: a lost row has no digest."""
        published = generation.chunks
        held = len(self._reading.live_ids())
        if held != published:
            self._damaged.append(
                self._catalog(f"{published} chunks were published, but {held} are there")
            )

    # -- vectors -----------------------------------------------------------------------------

    def _staged_vectors(self) -> None:
        """Delete damaged vectors of an index that was never published."""
        altered = self._altered("vectors") | self._altered("sentences")
        if altered:
            self._delete_vectors(altered)
            self._healed.append(
                f"{len(altered)} vectors of the catalog were damaged: deleted, and embedded "
                "again by the next ingest"
            )

    def _delete_vectors(self, named: Iterable[tuple[Any, ...]]) -> None:
        """Delete vectors, and with each those of its sentences."""
        self._db.executemany("DELETE FROM vectors WHERE space_id = ? AND text_key = ?", named)

    def _altered(self, table: str) -> set[tuple[int, bytes]]:
        """Return the space and the key of each row of a table that is not as it was written."""
        return {(space, key) for space, key in self._unsound(table, "t.space_id, t.text_key")}

    def _missing(self, table: str, space_id: int) -> set[tuple[int, bytes]]:
        """Return the space and the key of each live text that a table does not hold."""
        found = self._db.execute(
            "SELECT DISTINCT c.text_key FROM chunks c JOIN revisions r ON r.id = c.revision_id"
            f" WHERE r.state = 'live' AND NOT EXISTS (SELECT 1 FROM {table} v"
            " WHERE v.space_id = ? AND v.text_key = c.text_key)",
            (space_id,),
        )
        return {(space_id, key) for (key,) in found}

    def _vectors(self, generation: Generation) -> None:
        """Look at the vectors of texts and of their sentences; only the former are published."""
        space = generation.space_id
        altered, broken = self._altered("vectors"), self._altered("sentences")
        missing = self._missing("vectors", space)
        if isinstance(self._index.embedder, SentenceEmbedder):
            broken |= self._missing("sentences", space)
        if others := sum(other != space for other, _ in altered | broken):
            self._healed.append(
                f"{others} vectors kept of another embedder were damaged: deleted, and embedded "
                "again when they are needed"
            )
        harmed = altered | broken | missing
        if not harmed:
            return
        keys = {key for other, key in harmed if other == space}
        found = self._published_vectors(generation, keys - {key for _, key in broken})
        texts = self._texts(keys - found.keys())
        again = self._embedded(list(texts.values()))
        with schema.transaction(self._db):
            self._delete_vectors(harmed - {(space, key) for key in found})
            staging = Staging(self._db)
            staging.put_back_vectors(space, found)
            left = list(texts)
            for vectors, sentences in again:
                batch, left = left[: len(vectors)], left[len(vectors) :]
                staging.add_vectors(space, batch, vectors, sentences)
            failpoint("verify.vectors")
        self._reembedded = len(texts)
        if found:
            self._healed.append(
                f"{len(found)} vectors of the catalog were damaged: taken from the published ones"
            )
        if texts:
            self._healed.append(
                f"{len(texts)} vectors of the catalog were damaged: re-embedded {len(texts)}"
            )

    def _published_vectors(
        self, generation: Generation, keys: Iterable[bytes]
    ) -> dict[bytes, Vectors]:
        """Return the vectors that the published folders still have of these texts."""
        if generation.store != self._index.store.name:
            return {}
        chunks = {key: id_ for key in keys if (id_ := self._live_chunk(key)) is not None}
        wanted = np.asarray(sorted(chunks.values()), np.int64)
        held: dict[int, Vectors] = {}
        for shard, ids in shares(generation.shards, wanted):
            folder = vectors_folder(self._index.generations / shard.folder)
            with suppress(DamagedStoreError, OSError):
                self._index.store.check(folder)
                with closing(self._index.store.open(folder)) as searcher:
                    vectors = searcher.vectors(ids.tolist())
                held.update(zip(ids.tolist(), vectors, strict=True))
        return {key: held[id_] for key, id_ in chunks.items() if id_ in held}

    def _live_chunk(self, key: bytes) -> int | None:
        row = self._db.execute(
            "SELECT c.id FROM chunks c JOIN revisions r ON r.id = c.revision_id"
            " WHERE r.state = 'live' AND c.text_key = ? LIMIT 1",
            (key,),
        ).fetchone()
        return None if row is None else int(row[0])

    def _texts(self, keys: Iterable[bytes]) -> dict[bytes, str]:
        """Return what was embedded, by its key; nothing for a key that no chunk holds."""
        found: dict[bytes, str] = {}
        for key in keys:
            row = self._db.execute(
                "SELECT header, text FROM chunks WHERE text_key = ? LIMIT 1", (key,)
            ).fetchone()
            if row is not None:
                found[key] = embedded_text(*row)
        return found

    def _embedded(self, texts: Sequence[str]) -> list[tuple[Vectors, list[Vectors]]]:
        """Return the texts' vectors and those of their sentences, in batches."""
        again = []
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            vectors, sentences = embedded(self._index.embedder, batch)
            check_vectors(vectors, len(batch), self._index.embedder.fingerprint, sentences)
            again.append((vectors, sentences))
        return again

    # -- words and published vectors ---------------------------------------------------------

    def _words(self) -> None:
        if self._words_are_sound():
            return
        live = self._reading.live_ids()
        try:
            with schema.transaction(self._db):
                again = schema.definitions(self._db)["words"]
                self._db.execute("DROP TABLE words")
                self._db.execute(again)
                self._publisher.index_words(live)
                failpoint("verify.words")
        except sqlite3.DatabaseError as exc:
            self._damaged.append(self._catalog(f"its full-text index: {exc}"))
            return
        self._healed.append("the full-text index was damaged: built again")

    def _words_are_sound(self) -> bool:
        try:
            self._db.execute("INSERT INTO words (words) VALUES ('integrity-check')")
            if self._count("words") != len(self._reading.live_ids()):
                return False
            compared = self._db.execute(
                "SELECT r.title, c.headings, c.text, w.title, w.headings, w.body FROM chunks c"
                " JOIN revisions r ON r.id = c.revision_id LEFT JOIN words w ON w.rowid = c.id"
                " WHERE r.state = 'live'"
            )
            return all(analysed(*row[:3]) == tuple(row[3:]) for row in compared)
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            return False

    def _published(self, generation: Generation) -> None:
        """Compare the published vectors with the catalog's; build them again if they differ."""
        folders = GenerationFolders(self._index, self._db, generation.space_id)
        ids = self._reading.live_ids()
        ours = generation.store == self._index.store.name
        shards, whys = folders.mended(generation.shards if ours else (), ids, every=True)
        if not ours:
            whys = [f"the vectors are of the store {generation.store}"]
        if whys:
            self._publisher.replace_generation(
                shards=shards,
                space_id=generation.space_id,
                store=self._index.store.name,
                chunks=len(ids),
            )
            failpoint("verify.published")
            if not self._reread:
                self._healed += [f"{why}: built again from the catalog" for why in whys]
        folders.sweep(keep=self._publisher.recent_folders())
