"""Makes staged work visible: one transaction, after which every reader sees the new state."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ragkit_ingest import lexical
from ragkit_ingest.catalog import rows
from ragkit_ingest.catalog.reading import Reading
from ragkit_ingest.catalog.relocation import Relocation, relocate
from ragkit_ingest.catalog.schema import transaction
from ragkit_ingest.failpoint import failpoint
from ragkit_ingest.shard import Shard

_BATCH = 1000
_RECENT = "SELECT id FROM generations ORDER BY id DESC LIMIT 2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the next publication would change.

    Attributes:
        added: Ids of chunks that would become live.
        removed: Ids of live chunks that would go.
        total: Live chunks afterwards.
        files: Staged files.
    """

    added: tuple[int, ...]
    removed: tuple[int, ...]
    total: int
    files: int


class Publisher:
    """The write side of a catalog, at publication.

    Args:
        connection: To the catalog; only the process that holds the writer's lock may write.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def change(self, removed_files: Sequence[int]) -> Change:
        """Return what publishing all staged revisions and removing the files would change."""
        self._mark_removed(removed_files)
        added = self._ids(
            "SELECT c.id FROM chunks c JOIN revisions r ON r.id = c.revision_id"
            " WHERE r.state = 'staged' AND r.file_id NOT IN (SELECT id FROM temp.removed)"
            " ORDER BY c.id"
        )
        removed = self._ids(
            "SELECT c.id FROM chunks c JOIN revisions r ON r.id = c.revision_id"
            " WHERE r.state = 'live' AND (r.file_id IN (SELECT id FROM temp.removed)"
            " OR r.file_id IN (SELECT id FROM temp.emptied) OR EXISTS"
            " (SELECT 1 FROM revisions s WHERE s.file_id = r.file_id AND s.state = 'staged'))"
            " ORDER BY c.id"
        )
        live = self._db.execute(
            "SELECT count(*) FROM chunks c JOIN revisions r ON r.id = c.revision_id"
            " WHERE r.state = 'live'"
        ).fetchone()[0]
        files = self._db.execute(
            "SELECT count(*) FROM revisions WHERE state = 'staged'"
        ).fetchone()[0]
        total = live + len(added) - len(removed)
        return Change(added=tuple(added), removed=tuple(removed), total=total, files=files)

    def publish(
        self,
        change: Change,
        removed_files: Sequence[int],
        moves: Sequence[Relocation] = (),
        *,
        shards: Sequence[Shard],
        space_id: int,
        store: str,
    ) -> int:
        """Make the change visible, together with the generation that was built for it.

        Args:
            change: What `change` returned.
            removed_files: Ids of the files that go.
            moves: Files that get another name.
            shards: The folders of the vectors, new and kept ones.
            space_id: Their vector space.
            store: Name of the vector store that built them.

        Returns:
            The number of the new generation.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._mark_removed(removed_files)
        failpoint("publish.before")
        with transaction(self._db):
            failpoint("publish.begun")
            self.remove(change.removed)
            self.remove(self._staged_of_removed())
            self._drop_asides()
            failpoint("publish.removed")
            self._db.execute("DELETE FROM revisions WHERE file_id IN (SELECT id FROM temp.removed)")
            self._db.execute("DELETE FROM files WHERE id IN (SELECT id FROM temp.removed)")
            self._db.execute(
                "DELETE FROM revisions WHERE state = 'live' AND (file_id IN"
                " (SELECT file_id FROM revisions WHERE state = 'staged')"
                " OR file_id IN (SELECT id FROM temp.emptied))"
            )
            relocate(self._db, moves)
            self._db.execute(
                "UPDATE files SET indexed_at = ?, outcome = CASE WHEN EXISTS (SELECT 1 FROM"
                " chunks c JOIN revisions r ON r.id = c.revision_id WHERE r.file_id = files.id"
                " AND r.state = 'staged') THEN 'indexed' ELSE 'no_text' END"
                " WHERE id IN (SELECT file_id FROM revisions WHERE state = 'staged')",
                (now,),
            )
            self._db.execute("UPDATE revisions SET state = 'live' WHERE state = 'staged'")
            failpoint("publish.live")
            self.forget_vectors()
            self.index_words(change.added)
            failpoint("publish.words")
            number = self.replace_generation(
                shards=shards, space_id=space_id, store=store, chunks=change.total
            )
            failpoint("publish.ready")
        failpoint("publish.after")
        return number

    def replace_generation(
        self, *, shards: Sequence[Shard], space_id: int, store: str, chunks: int
    ) -> int:
        """Let readers move to other folders of vectors.

        Args:
            shards: All of them, by id.
            space_id: The vector space of their vectors.
            store: Name of the vector store that built them.
            chunks: How many they hold together.

        Returns:
            The number of the new generation.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with transaction(self._db):
            self._db.execute("UPDATE generations SET state = 'retired' WHERE state = 'live'")
            cursor = self._db.execute(
                "INSERT INTO generations (space_id, store, chunks, state, published_at)"
                " VALUES (?, ?, ?, 'live', ?)",
                (space_id, store, chunks, now),
            )
            number = int(cursor.lastrowid or 0)
            self._db.executemany(
                "INSERT INTO shards (generation_id, folder, first_id, last_id, chunks, scanned)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                ((number, s.folder, s.first, s.last, s.chunks, s.scanned) for s in shards),
            )
            self._db.execute(f"DELETE FROM shards WHERE generation_id NOT IN ({_RECENT})")
        return number

    def recent_folders(self) -> set[str]:
        """Return the names of the folders of the live generation and of the one before it.

        A reader that is in the middle of a search may still hold the one before.
        """
        found = self._db.execute(f"SELECT folder FROM shards WHERE generation_id IN ({_RECENT})")
        return {folder for (folder,) in found}

    def forget_generations(self) -> None:
        """Delete the record of every generation but the live one."""
        with transaction(self._db):
            self._db.execute(
                "DELETE FROM shards WHERE generation_id IN"
                " (SELECT id FROM generations WHERE state = 'retired')"
            )
            self._db.execute("DELETE FROM generations WHERE state = 'retired'")

    def forget_vectors(self) -> None:
        """Delete the vectors of texts that no chunk holds any more."""
        unused = self._db.execute(
            "SELECT space_id, text_key FROM vectors v INDEXED BY vectors_by_text WHERE NOT EXISTS"
            " (SELECT 1 FROM chunks WHERE chunks.text_key = v.text_key)"
        ).fetchall()
        self._db.executemany("DELETE FROM vectors WHERE space_id = ? AND text_key = ?", unused)

    def _drop_asides(self) -> None:
        """Delete what waits aside of documents that go or are replaced."""
        gone = (
            "state = 'aside' AND (file_id IN (SELECT id FROM temp.removed) OR file_id IN"
            " (SELECT id FROM temp.emptied) OR file_id IN"
            " (SELECT file_id FROM revisions WHERE state = 'staged'))"
        )
        self._db.execute(
            f"DELETE FROM chunks WHERE revision_id IN (SELECT id FROM revisions WHERE {gone})"
        )
        self._db.execute(f"DELETE FROM revisions WHERE {gone}")

    def _staged_of_removed(self) -> list[int]:
        return self._ids(
            "SELECT c.id FROM chunks c JOIN revisions r ON r.id = c.revision_id"
            " WHERE r.state = 'staged' AND r.file_id IN (SELECT id FROM temp.removed)"
        )

    def remove(self, chunk_ids: Sequence[int]) -> None:
        """Delete chunks and their words."""
        for position in range(0, len(chunk_ids), _BATCH):
            batch = chunk_ids[position : position + _BATCH]
            marks = ",".join("?" * len(batch))
            self._db.execute(f"DELETE FROM words WHERE rowid IN ({marks})", batch)
            self._db.execute(f"DELETE FROM chunks WHERE id IN ({marks})", batch)

    def index_words(self, chunk_ids: Sequence[int]) -> None:
        """Index the words of live chunks."""
        for position in range(0, len(chunk_ids), _BATCH):
            batch = chunk_ids[position : position + _BATCH]
            selected = list(Reading(self._db).to_analyse(batch))
            self._db.executemany(
                "INSERT INTO words (rowid, title, headings, body) VALUES (?, ?, ?, ?)",
                ((id_, *analysed(*texts)) for id_, _, *texts in selected),
            )

    def rename(self, moves: Sequence[Relocation]) -> None:
        """Make moves visible that nothing else comes with; the generation stays."""
        relocate(self._db, moves)

    def _mark_removed(self, file_ids: Sequence[int]) -> None:
        """Note the files that go, and the attachments: with their file, or replaced with it.

        An attachment that is staged anew is replaced like a file. One that the new content does
        not hold is as it was published, and goes; one that failed stays, but says nothing.
        """
        for name in ("removed", "emptied"):
            self._db.execute(f"CREATE TEMP TABLE IF NOT EXISTS {name} (id INTEGER PRIMARY KEY)")
            self._db.execute(f"DELETE FROM temp.{name}")
        self._db.executemany("INSERT INTO temp.removed VALUES (?)", [(id_,) for id_ in file_ids])
        self._db.execute(
            "INSERT OR IGNORE INTO temp.removed SELECT f.id FROM files f"
            " WHERE f.owner_id IN (SELECT id FROM temp.removed)"
        )
        replaced = "owner_id IN (SELECT file_id FROM revisions WHERE state = 'staged')"
        self._db.execute(
            f"INSERT OR IGNORE INTO temp.removed SELECT id FROM files WHERE {replaced}"
            " AND outcome IN ('indexed', 'no_text')"
        )
        self._db.execute(
            f"INSERT OR IGNORE INTO temp.emptied SELECT id FROM files WHERE {replaced}"
            " AND outcome = 'failed'"
        )

    def _ids(self, query: str) -> list[int]:
        return [row[0] for row in self._db.execute(query)]


def analysed(title: str, headings: str, text: str) -> tuple[str, str, str]:
    """Return what `words` holds of a chunk: its title, headings (as stored) and text."""
    in_title, in_headings, in_text = map(" ".join, analysed_words(title, headings, text))
    return in_title, in_headings, in_text


def analysed_words(title: str, headings: str, text: str) -> tuple[list[str], list[str], list[str]]:
    """Return the words of a chunk's title, headings (as stored) and text, in order."""
    return (
        lexical.words(title),
        lexical.words(" ".join(rows.load_texts(headings))),
        lexical.words(text),
    )
