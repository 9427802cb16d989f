"""Makes staged work visible: one transaction, after which every reader sees the new state."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ragkit_ingest import lexical
from ragkit_ingest.catalog import rows
from ragkit_ingest.catalog.schema import transaction
from ragkit_ingest.embed.protocol import Vectors

_BATCH = 1000


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
            " WHERE r.state = 'live' AND (r.file_id IN (SELECT id FROM temp.removed) OR EXISTS"
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

    def vectors(
        self, space_id: int, chunk_ids: Sequence[int], dimension: int
    ) -> Iterator[tuple[list[int], Vectors]]:
        """Yield the chunks' vectors in batches, in the order of the ids."""
        # CROSS JOIN keeps SQLite to this order; by itself it would go through all vectors of the
        # space, once for each batch.
        for position in range(0, len(chunk_ids), _BATCH):
            batch = list(chunk_ids[position : position + _BATCH])
            marks = ",".join("?" * len(batch))
            found = dict(
                self._db.execute(
                    f"SELECT c.id, v.vector FROM chunks c CROSS JOIN vectors v ON v.space_id = ?"
                    f" AND v.text_key = c.text_key WHERE c.id IN ({marks})",
                    (space_id, *batch),
                )
            )
            yield batch, rows.load_vectors([found.get(id_, b"") for id_ in batch], dimension)

    def publish(
        self,
        change: Change,
        removed_files: Sequence[int],
        *,
        folder: str,
        space_id: int,
        store: str,
    ) -> int:
        """Make the change visible, together with the generation that was built for it.

        Args:
            change: What `change` returned.
            removed_files: Ids of the files that go.
            folder: Name of the folder of the new vectors.
            space_id: Their vector space.
            store: Name of the vector store that built them.

        Returns:
            The number of the new generation.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._mark_removed(removed_files)
        with transaction(self._db):
            self._remove(change.removed)
            self._remove(self._staged_of_removed())
            self._db.execute("DELETE FROM revisions WHERE file_id IN (SELECT id FROM temp.removed)")
            self._db.execute("DELETE FROM files WHERE id IN (SELECT id FROM temp.removed)")
            self._db.execute(
                "DELETE FROM revisions WHERE state = 'live' AND file_id IN"
                " (SELECT file_id FROM revisions WHERE state = 'staged')"
            )
            self._db.execute(
                "UPDATE files SET indexed_at = ?, outcome = CASE WHEN EXISTS (SELECT 1 FROM"
                " chunks c JOIN revisions r ON r.id = c.revision_id WHERE r.file_id = files.id"
                " AND r.state = 'staged') THEN 'indexed' ELSE 'no_text' END"
                " WHERE id IN (SELECT file_id FROM revisions WHERE state = 'staged')",
                (now,),
            )
            self._db.execute("UPDATE revisions SET state = 'live' WHERE state = 'staged'")
            self._db.execute(
                "DELETE FROM vectors WHERE NOT EXISTS"
                " (SELECT 1 FROM chunks WHERE chunks.text_key = vectors.text_key)"
            )
            self._index_words(change.added)
            self._db.execute("UPDATE generations SET state = 'retired' WHERE state = 'live'")
            cursor = self._db.execute(
                "INSERT INTO generations (space_id, store, folder, chunks, state, published_at)"
                " VALUES (?, ?, ?, ?, 'live', ?)",
                (space_id, store, folder, change.total, now),
            )
        return int(cursor.lastrowid or 0)

    def _staged_of_removed(self) -> list[int]:
        return self._ids(
            "SELECT c.id FROM chunks c JOIN revisions r ON r.id = c.revision_id"
            " WHERE r.state = 'staged' AND r.file_id IN (SELECT id FROM temp.removed)"
        )

    def _remove(self, chunk_ids: Sequence[int]) -> None:
        """Delete chunks and their words."""
        for position in range(0, len(chunk_ids), _BATCH):
            batch = chunk_ids[position : position + _BATCH]
            marks = ",".join("?" * len(batch))
            self._db.execute(f"DELETE FROM words WHERE rowid IN ({marks})", batch)
            self._db.execute(f"DELETE FROM chunks WHERE id IN ({marks})", batch)

    def _index_words(self, chunk_ids: Sequence[int]) -> None:
        for position in range(0, len(chunk_ids), _BATCH):
            batch = chunk_ids[position : position + _BATCH]
            marks = ",".join("?" * len(batch))
            selected = self._db.execute(
                "SELECT c.id, r.title, c.headings, c.text FROM chunks c"
                f" JOIN revisions r ON r.id = c.revision_id WHERE c.id IN ({marks})",
                batch,
            ).fetchall()
            self._db.executemany(
                "INSERT INTO words (rowid, title, headings, body) VALUES (?, ?, ?, ?)",
                (
                    (
                        id_,
                        " ".join(lexical.words(title)),
                        " ".join(lexical.words(" ".join(rows.load_texts(headings)))),
                        " ".join(lexical.words(text)),
                    )
                    for id_, title, headings, text in selected
                ),
            )

    def _mark_removed(self, file_ids: Sequence[int]) -> None:
        self._db.execute("CREATE TEMP TABLE IF NOT EXISTS removed (id INTEGER PRIMARY KEY)")
        self._db.execute("DELETE FROM temp.removed")
        self._db.executemany("INSERT INTO temp.removed VALUES (?)", [(id_,) for id_ in file_ids])

    def _ids(self, query: str) -> list[int]:
        return [row[0] for row in self._db.execute(query)]
