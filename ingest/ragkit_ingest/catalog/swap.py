"""Lets another vector space answer: one transaction, after which every reader sees it.

Documents that the space's embedder cuts into other chunks than the live ones wait *aside*; they
change places with the live ones, which then wait aside for the way back.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from ragkit_ingest.catalog.publish import Publisher
from ragkit_ingest.catalog.reading import StoredDocument
from ragkit_ingest.catalog.schema import transaction
from ragkit_ingest.catalog.space import Spaces
from ragkit_ingest.catalog.staging import Staging
from ragkit_ingest.failpoint import failpoint
from ragkit_ingest.records import Chunk
from ragkit_ingest.shard import Shard

_BATCH = 1000
_SPLIT = " {"  # in a recipe, the settings of splitting begin here


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """How long a live chunk is in another embedder's tokens."""

    chunk_id: int
    tokens: int


class Asides:
    """What another embedder cuts differently, waiting for its turn.

    Args:
        connection: The writer's, to the catalog.
        space_id: The vector space of that embedder.
        split_json: The settings of splitting, as they end a recipe.
    """

    def __init__(self, connection: sqlite3.Connection, space_id: int, split_json: str) -> None:
        self._db = connection
        self._space = space_id
        self._split = split_json

    def place(self, document: StoredDocument, chunks: Sequence[Chunk]) -> list[Tokens]:
        """Keep a live document's new chunks aside, if they are not those that it has.

        Args:
            document: The live document.
            chunks: As the other embedder cuts it, in reading order.

        Returns:
            Of a document whose chunks are the same, those that have another length in tokens.
        """
        new = [_cut(chunk) for chunk in chunks]
        live = self._stored("r.state = 'live'", document.id)
        if [cut for _, _, cut in live] == new:
            self._drop(document.id)
            return [
                Tokens(chunk_id=id_, tokens=chunk.tokens)
                for (id_, tokens, _), chunk in zip(live, chunks, strict=True)
                if tokens != chunk.tokens
            ]
        waiting = self._stored(f"r.state = 'aside' AND r.space_id = {self._space}", document.id)
        if [(tokens, cut) for _, tokens, cut in waiting] != [
            (chunk.tokens, cut) for chunk, cut in zip(chunks, new, strict=True)
        ]:
            self._insert(document.id, chunks)
            failpoint("aside.after")
        return []

    def _stored(self, which: str, file_id: int) -> list[tuple[int, int, tuple[int, int, str]]]:
        return [
            (id_, tokens, (start, end, header))
            for id_, tokens, start, end, header in self._db.execute(
                'SELECT c.id, c.tokens, c.start, c."end", c.header FROM chunks c'
                f" JOIN revisions r ON r.id = c.revision_id WHERE r.file_id = ? AND {which}"
                " ORDER BY c.ordinal",
                (file_id,),
            )
        ]

    def _insert(self, file_id: int, chunks: Sequence[Chunk]) -> None:
        with transaction(self._db):
            self._drop(file_id)
            cursor = self._db.execute(
                "INSERT INTO revisions (file_id, state, space_id, sha256, recipe, format, title,"
                " named, text, blocks, pages, metadata, notices)"
                f" SELECT file_id, 'aside', ?, sha256, {_recipe('recipe')}, format, title, named,"
                " text, blocks, pages, metadata, notices FROM revisions"
                " WHERE file_id = ? AND state = 'live'",
                (self._space, self._split, file_id),
            )
            Staging(self._db).insert_chunks(int(cursor.lastrowid or 0), chunks)
            failpoint("aside.inside")

    def _drop(self, file_id: int) -> None:
        aside = "SELECT id FROM revisions WHERE file_id = ? AND state = 'aside' AND space_id = ?"
        values = (file_id, self._space)
        with transaction(self._db):
            self._db.execute(f"DELETE FROM chunks WHERE revision_id IN ({aside})", values)
            self._db.execute(f"DELETE FROM revisions WHERE id IN ({aside})", values)


def swap(
    connection: sqlite3.Connection,
    *,
    space_id: int,
    split_json: str,
    tokens: Sequence[Tokens],
    shards: Sequence[Shard],
    store: str,
    chunks: int,
) -> int:
    """Let a space answer whose vectors and shards are complete.

    What an interrupted sync has staged is dropped: it was cut for the other embedder.

    Args:
        connection: The writer's, to the catalog.
        space_id: The space.
        split_json: The settings of splitting for its embedder.
        tokens: What `Asides.place` returned of all documents.
        shards: The folders of its vectors.
        store: Name of the vector store that built them.
        chunks: How many they hold together.

    Returns:
        The number of the new generation.
    """
    publisher, spaces = Publisher(connection), Spaces(connection)
    failpoint("swap.before")
    with transaction(connection):
        before = spaces.live
        assert before is not None
        _change_places(connection, publisher, space_id, before.id)
        failpoint("swap.places")
        connection.executemany(
            "UPDATE chunks SET tokens = ? WHERE id = ?", ((t.tokens, t.chunk_id) for t in tokens)
        )
        Staging(connection).drop_staged()
        _note_split(connection, split_json)
        number = publisher.replace_generation(
            shards=shards, space_id=space_id, store=store, chunks=chunks
        )
        spaces.taken(before.id)
        failpoint("swap.ready")
    return number


def _change_places(
    connection: sqlite3.Connection, publisher: Publisher, space_id: int, before: int
) -> None:
    waiting = "SELECT file_id FROM revisions WHERE state = 'aside' AND space_id = ?"
    files = [row[0] for row in connection.execute(waiting, (space_id,))]
    for start in range(0, len(files), _BATCH):
        batch = files[start : start + _BATCH]
        which = f"file_id IN ({','.join('?' * len(batch))})"
        connection.execute(
            "DELETE FROM words WHERE rowid IN (SELECT c.id FROM chunks c JOIN revisions r"
            f" ON r.id = c.revision_id WHERE r.state = 'live' AND r.{which})",
            batch,
        )
        connection.execute(
            f"UPDATE revisions SET state = 'aside', space_id = ? WHERE state = 'live' AND {which}",
            (before, *batch),
        )
        connection.execute(
            "UPDATE revisions SET state = 'live', space_id = 0 WHERE state = 'aside'"
            f" AND space_id = ? AND {which}",
            (space_id, *batch),
        )
        added = connection.execute(
            "SELECT c.id FROM chunks c JOIN revisions r ON r.id = c.revision_id"
            f" WHERE r.state = 'live' AND r.{which} ORDER BY c.id",
            batch,
        )
        publisher.index_words([row[0] for row in added])


def _note_split(connection: sqlite3.Connection, split_json: str) -> None:
    """Write down how documents are cut now, so that the next sync takes none for changed."""
    for table, column, which in (
        ("files", "parser", "1"),
        ("revisions", "recipe", "state = 'live'"),
    ):
        new = _recipe(column)
        connection.execute(
            f"UPDATE {table} SET {column} = {new} WHERE {which} AND {column} != {new}",
            (split_json, split_json),
        )


def _recipe(column: str) -> str:
    """Return SQL for a recipe with other settings of splitting, its one parameter."""
    at = f"instr({column}, '{_SPLIT}')"
    return f"(CASE WHEN {at} THEN substr({column}, 1, {at}) || ? ELSE {column} END)"


def _cut(chunk: Chunk) -> tuple[int, int, str]:
    return chunk.start, chunk.end, chunk.header
