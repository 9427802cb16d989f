"""The vector spaces of a catalog: the one that answers, the one before it, the next one.

    live        of the published generation
    previous    that a rollback returns to; its vectors are kept
    pending     that is being built beside the live one, or was built and not taken

Vectors of any other space are of no use, and are forgotten when the roles change.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ragkit_ingest.catalog import rows
from ragkit_ingest.catalog.schema import transaction
from ragkit_ingest.catalog.staging import Staging
from ragkit_ingest.embed.protocol import Fingerprint, Vectors
from ragkit_ingest.records import embedded_text

_PREVIOUS, _PENDING = "previous space", "pending space"
_BATCH = 500
# What would be live in a space: chunks of live revisions, or those that its embedder cut instead.
_CHUNKS = (
    "chunks c JOIN revisions r ON r.id = c.revision_id WHERE"
    " (r.state = 'aside' AND r.space_id = :space OR r.state = 'live' AND NOT EXISTS"
    " (SELECT 1 FROM revisions a WHERE a.file_id = r.file_id AND a.state = 'aside'"
    " AND a.space_id = :space))"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Space:
    """A vector space.

    Attributes:
        id: In the catalog.
        fingerprint: Of its embedder.
        embedder: The name that chooses it; empty if it was given as an object.
        golden: The vectors of the golden texts, shape (texts, dimension); of no rows if they were
            never taken.
    """

    id: int
    fingerprint: Fingerprint
    embedder: str
    golden: Vectors


class Spaces:
    """The vector spaces of a catalog.

    Args:
        connection: To the catalog; to change anything, that of the writer.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._settings = Staging(connection)

    def register(self, fingerprint: Fingerprint, embedder: str = "", *, anew: bool = False) -> int:
        """Return the id of an embedder's space, registered if it is new.

        Args:
            fingerprint: Of the embedder.
            embedder: The name that chooses it; empty if it was given as an object.
            anew: Make another space for the same fingerprint: the model behind it changed.
        """
        found = self._of(fingerprint)
        if found and not anew:
            best = next((id_ for id_ in found if self._is_live(id_)), found[-1])
            self._db.execute(
                "UPDATE spaces SET embedder = ?1 WHERE id = ?2 AND embedder != ?1 AND ?1 != ''",
                (embedder, best),
            )
            return best
        digest = f"{fingerprint.digest}#{len(found) + 1}" if found else fingerprint.digest
        while self._db.execute("SELECT 1 FROM spaces WHERE digest = ?", (digest,)).fetchone():
            digest += "'"
        with transaction(self._db):
            cursor = self._db.execute(
                "INSERT INTO spaces (digest, fingerprint, embedder) VALUES (?, ?, ?)",
                (digest, fingerprint.to_json(), embedder),
            )
        return int(cursor.lastrowid or 0)

    def get(self, space_id: int) -> Space:
        """Return a space."""
        row = self._db.execute(
            "SELECT fingerprint, embedder, golden FROM spaces WHERE id = ?", (space_id,)
        ).fetchone()
        fingerprint = rows.load_fingerprint(row[0])
        flat = np.frombuffer(row[2], "<f4").astype(np.float32)
        return Space(
            id=space_id,
            fingerprint=fingerprint,
            embedder=row[1],
            golden=flat.reshape(-1, fingerprint.dimension),
        )

    @property
    def live(self) -> Space | None:
        """The space that answers; None for an index without a generation."""
        row = self._db.execute("SELECT space_id FROM generations WHERE state = 'live'").fetchone()
        return None if row is None else self.get(row[0])

    @property
    def previous(self) -> Space | None:
        """The space that a rollback returns to, if there is one."""
        return self._noted(_PREVIOUS)

    @property
    def pending(self) -> Space | None:
        """The space that is being built, or was built and not taken, if there is one."""
        return self._noted(_PENDING)

    def begin(self, space_id: int) -> None:
        """Note that a space is being built; one that was begun before and not taken is given up."""
        with transaction(self._db):
            self._settings.note_setting(_PENDING, str(space_id))
        self.tidy()

    def taken(self, before: int) -> None:
        """Note that the pending space answers now, and which one did before."""
        with transaction(self._db):
            self._settings.note_setting(_PREVIOUS, str(before))
            self._settings.note_setting(_PENDING, "")

    def forget(self) -> int:
        """Erase every space but the live one; return how many vectors went."""
        with transaction(self._db):
            self._settings.note_setting(_PREVIOUS, "")
            self._settings.note_setting(_PENDING, "")
        return self.tidy()

    def give_up(self) -> int:
        """Erase the pending space; return how many vectors went."""
        with transaction(self._db):
            self._settings.note_setting(_PENDING, "")
        return self.tidy()

    def tidy(self) -> int:
        """Erase the spaces that have no role any more; return how many vectors went."""
        if self.live is None:
            return 0
        kept = {space.id for space in (self.live, self.previous, self.pending) if space}
        every = [row[0] for row in self._db.execute("SELECT id FROM spaces")]
        return sum(self._erase(id_) for id_ in every if id_ not in kept)

    def counts(self) -> dict[int, int]:
        """Return how many vectors are stored, by space."""
        return dict(
            self._db.execute(
                "SELECT space_id, count(*) FROM vectors INDEXED BY vectors_by_text GROUP BY 1"
            )
        )

    def note_golden(self, space_id: int, vectors: Vectors) -> None:
        """Store the vectors of the golden texts."""
        self._db.execute(
            "UPDATE spaces SET golden = ? WHERE id = ?", (rows.dump_vector(vectors), space_id)
        )

    def chunk_ids(self, space_id: int) -> list[int]:
        """Return the chunks that would be live in a space, ascending."""
        found = self._db.execute(f"SELECT c.id FROM {_CHUNKS} ORDER BY c.id", {"space": space_id})
        return [row[0] for row in found]

    def asides(self, space_id: int) -> int:
        """Return how many documents its embedder cuts otherwise than they are live."""
        found = self._db.execute(
            "SELECT count(*) FROM revisions WHERE state = 'aside' AND space_id = ?", (space_id,)
        )
        return int(found.fetchone()[0])

    def texts(self, space_id: int) -> int:
        """Return how many distinct texts a space has vectors of, once it is whole."""
        found = self._db.execute(
            f"SELECT count(DISTINCT c.text_key) FROM {_CHUNKS}", {"space": space_id}
        )
        return int(found.fetchone()[0])

    def missing(self, space_id: int) -> list[int]:
        """Return a chunk for each text that has no vector in a space yet, ascending."""
        found = self._db.execute(
            f"SELECT min(c.id) FROM {_CHUNKS} AND NOT EXISTS (SELECT 1 FROM vectors v"
            " WHERE v.space_id = :space AND v.text_key = c.text_key)"
            " GROUP BY c.text_key ORDER BY 1",
            {"space": space_id},
        )
        return [row[0] for row in found]

    def embedded_texts(self, chunk_ids: Sequence[int]) -> Iterator[tuple[bytes, str]]:
        """Yield (text key, embedded text) of chunks, in order."""
        for start in range(0, len(chunk_ids), _BATCH):
            batch = list(chunk_ids[start : start + _BATCH])
            for key, header, text in self._db.execute(
                "SELECT text_key, header, text FROM chunks"
                f" WHERE id IN ({','.join('?' * len(batch))}) ORDER BY id",
                batch,
            ):
                yield key, embedded_text(header, text)

    def _of(self, fingerprint: Fingerprint) -> list[int]:
        found = self._db.execute(
            "SELECT id FROM spaces WHERE fingerprint = ? ORDER BY id", (fingerprint.to_json(),)
        )
        return [row[0] for row in found]

    def _is_live(self, space_id: int) -> bool:
        live = self.live
        return live is not None and live.id == space_id

    def _noted(self, key: str) -> Space | None:
        noted = self._settings.setting(key)
        return self.get(int(noted)) if noted else None

    def _erase(self, space_id: int) -> int:
        """Delete a space with all that is of it alone."""
        with transaction(self._db):
            aside = "SELECT id FROM revisions WHERE state = 'aside' AND space_id = ?"
            self._db.execute(f"DELETE FROM chunks WHERE revision_id IN ({aside})", (space_id,))
            self._db.execute(f"DELETE FROM revisions WHERE id IN ({aside})", (space_id,))
            gone = self._db.execute("DELETE FROM vectors WHERE space_id = ?", (space_id,)).rowcount
            retired = "SELECT id FROM generations WHERE space_id = ?"
            self._db.execute(f"DELETE FROM shards WHERE generation_id IN ({retired})", (space_id,))
            self._db.execute("DELETE FROM generations WHERE space_id = ?", (space_id,))
            self._db.execute("DELETE FROM spaces WHERE id = ?", (space_id,))
        return gone
