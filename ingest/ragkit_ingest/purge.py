"""Erases from the files of an index what its documents do not hold any more.

A sync deletes at once from what can be found, and leaves traces in the files: in free pages and
the log of SQLite, in segments of the full-text index, in the links of a vector store. Here all of
these files are written anew. What the file system keeps of a file that was deleted, and backups,
are beyond it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass

from ragkit_ingest.catalog import schema
from ragkit_ingest.catalog.publish import Publisher
from ragkit_ingest.catalog.reading import Reading
from ragkit_ingest.catalog.space import Spaces
from ragkit_ingest.errors import StorageError
from ragkit_ingest.failpoint import failpoint
from ragkit_ingest.generation import GenerationFolders
from ragkit_ingest.index import Index, size_bytes
from ragkit_ingest.lock import writer_lock


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeReport:
    """What a purge did.

    Attributes:
        size_before: Bytes of all files of the index before.
        size_after: Bytes afterwards.
        generation: The live generation.
    """

    size_before: int
    size_after: int
    generation: int

    def to_json(self) -> dict[str, object]:
        """Return the report in the shape of `"purged"` in `ragkit ingest --purge --json`."""
        return {
            "size_before": self.size_before,
            "size_after": self.size_after,
            "generation": self.generation,
        }


def purge(index: Index) -> PurgeReport:
    """Write every file of the index anew, with nothing in it but what is indexed.

    Nothing is embedded. Takes about as long as building the vectors of all chunks.

    Raises:
        IndexLockedError: If another process is writing.
        StorageError: If the disk is full, or a reader holds the old state for too long.
        DamagedIndexError: If the catalog is corrupt.
    """
    folder = index.folder
    with (
        writer_lock(folder),
        schema.translated(folder),
        closing(schema.open_existing(folder)) as connection,
    ):
        return _purge(index, connection)


def _purge(index: Index, connection: sqlite3.Connection) -> PurgeReport:
    before = size_bytes(index.folder)
    failpoint("purge.before")
    publisher, reading = Publisher(connection), Reading(connection)
    with schema.transaction(connection):
        Spaces(connection).tidy()
        publisher.forget_vectors()
        publisher.forget_generations()
        # Deleted words stay in the segments until these are merged, or built anew.
        connection.execute("INSERT INTO words (words) VALUES ('rebuild')")
        failpoint("purge.words")
    live = reading.generation()
    if live is not None:
        folders = GenerationFolders(index, connection, live.space_id)
        ids = reading.live_ids()
        shards = folders.renewed([], ids, ids, [])
        publisher.replace_generation(
            shards=shards, space_id=live.space_id, store=index.store.name, chunks=len(ids)
        )
        failpoint("purge.published")
        folders.sweep(keep={shard.folder for shard in shards})
    connection.execute("VACUUM")
    failpoint("purge.compacted")
    busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise StorageError(
            f"a reader still holds an older state of the index at {index.folder}, so the log of "
            "the catalog could not be emptied; end it, then run the same command again"
        )
    failpoint("purge.after")
    number = reading.generation()
    return PurgeReport(
        size_before=before,
        size_after=size_bytes(index.folder),
        generation=number.id if number else 0,
    )
