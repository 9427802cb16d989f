"""Answers questions about what is visible: live revisions, their chunks and words."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ragkit_ingest.catalog import rows
from ragkit_ingest.catalog.schema import sound
from ragkit_ingest.embed.protocol import Fingerprint, Vectors
from ragkit_ingest.errors import DamagedIndexError
from ragkit_ingest.records import Block, MetadataValue, Page
from ragkit_ingest.retry import moment
from ragkit_ingest.shard import Shard
from ragkit_ingest.status import DocumentStatus

_BATCH = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """The published generation.

    Attributes:
        id: Its number, from 1.
        space_id: The vector space of its vectors.
        store: Name of the vector store that built it.
        shards: The folders of its vectors, by chunk id.
        chunks: How many it holds.
        fingerprint: Of the embedder that made the vectors.
    """

    id: int
    space_id: int
    store: str
    shards: tuple[Shard, ...]
    chunks: int
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChunk:
    """A live chunk with what is known of its document."""

    id: int
    document_id: int
    path: str
    title: str
    format: str
    headings: tuple[str, ...]
    page: int | None
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument:
    """A live document.

    Attributes:
        id: In the catalog; the same after an edit.
        path: As the index shows it.
        format: The parser's name.
        title: Its title.
        text: Its stored text.
        blocks: In reading order.
        pages: In reading order.
        metadata: Front matter and properties.
    """

    id: int
    path: str
    format: str
    title: str
    text: str
    blocks: tuple[Block, ...]
    pages: tuple[Page, ...]
    metadata: Mapping[str, MetadataValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """Where a live chunk stands in its document; see `records.Chunk`."""

    id: int
    revision_id: int
    ordinal: int
    start: int
    end: int
    page: int | None
    headings: tuple[str, ...]
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFacts:
    """What a filter may ask of a live document."""

    id: int
    path: str
    format: str
    metadata: Mapping[str, MetadataValue]


class Reading:
    """The read side of a catalog.

    Args:
        connection: To the catalog.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def generation(self) -> Generation | None:
        """Return the live generation, or None for an index without one.

        Raises:
            DamagedIndexError: If its row is not as it was written.
        """
        row = self._db.execute(
            "SELECT g.id, g.space_id, g.store, g.chunks, s.fingerprint,"
            f" {sound('generations', 'g')} AND {sound('spaces', 's')} FROM generations g"
            " JOIN spaces s ON s.id = g.space_id WHERE g.state = 'live'"
        ).fetchone()
        if row is None:
            return None
        shards = self.shards(row[0])
        if not row[5] or shards is None:
            raise DamagedIndexError(
                "the catalog's entry of the published generation is damaged; restore the index "
                "from a backup, or move its folder away and ingest again"
            )
        return Generation(
            id=row[0],
            space_id=row[1],
            store=row[2],
            shards=shards,
            chunks=row[3],
            fingerprint=rows.load_fingerprint(row[4]),
        )

    def shards(self, generation_id: int) -> tuple[Shard, ...] | None:
        """Return the shards of a generation by id; None if an entry is not as it was written."""
        found = self._db.execute(
            f"SELECT folder, first_id, last_id, chunks, scanned, {sound('shards', 's')}"
            " FROM shards s WHERE generation_id = ? ORDER BY first_id",
            (generation_id,),
        ).fetchall()
        if not all(row[5] for row in found):
            return None
        return tuple(
            Shard(folder=row[0], first=row[1], last=row[2], chunks=row[3], scanned=bool(row[4]))
            for row in found
        )

    def chunks(self, ids: Sequence[int]) -> dict[int, StoredChunk]:
        """Return the live chunks among the ids.

        Raises:
            DamagedIndexError: If one, or its document's path, is not as it was written.
        """
        found: dict[int, StoredChunk] = {}
        for batch in _batches(ids):
            for row in self._db.execute(
                "SELECT c.id, f.id, f.path, r.title, r.format, c.headings, c.page, c.start,"
                f' c."end", c.text, {sound("chunks", "c")}, {sound("files", "f")}'
                " FROM chunks c JOIN revisions r ON r.id = c.revision_id"
                " JOIN files f ON f.id = r.file_id"
                f" WHERE r.state = 'live' AND c.id IN ({_marks(batch)})",
                batch,
            ):
                _refuse_damage("the stored text of a passage", row[10])
                _refuse_damage("the entry of a file", row[11])
                found[row[0]] = StoredChunk(
                    id=row[0],
                    document_id=row[1],
                    path=row[2],
                    title=row[3],
                    format=row[4],
                    headings=rows.load_texts(row[5]),
                    page=row[6],
                    start=row[7],
                    end=row[8],
                    text=row[9],
                )
        return found

    def chunk_ids(self, document_ids: Sequence[int]) -> list[int]:
        """Return the ids of the live chunks of the documents, ascending."""
        found: list[int] = []
        for batch in _batches(document_ids):
            found += (
                row[0]
                for row in self._db.execute(
                    "SELECT c.id FROM chunks c JOIN revisions r ON r.id = c.revision_id"
                    f" WHERE r.state = 'live' AND r.file_id IN ({_marks(batch)})",
                    batch,
                )
            )
        return sorted(found)

    def owners(self, chunk_ids: Sequence[int]) -> dict[int, int]:
        """Return the document of each live chunk among the ids."""
        found: dict[int, int] = {}
        for batch in _batches(chunk_ids):
            found.update(
                self._db.execute(
                    "SELECT c.id, r.file_id FROM chunks c JOIN revisions r ON r.id = c.revision_id"
                    f" WHERE r.state = 'live' AND c.id IN ({_marks(batch)})",
                    batch,
                )
            )
        return found

    def vectors(self, space_id: int, chunk_ids: Sequence[int], dimension: int) -> Vectors:
        """Return the chunks' vectors, shape (len(chunk_ids), dimension), in that order.

        Raises:
            DamagedIndexError: If one is missing, or not as it was written.
        """
        found = self._of_texts(
            "vectors", "vector", space_id, chunk_ids, what="the vector of a passage"
        )
        _refuse_damage("the list of vectors", len(found) == len(set(chunk_ids)))
        return rows.load_vectors([found.get(id_, b"") for id_ in chunk_ids], dimension)

    def sentences(
        self, space_id: int, chunk_ids: Sequence[int], dimension: int
    ) -> dict[int, Vectors]:
        """Return the vectors of the sentences of those of the chunks that have any.

        Raises:
            DamagedIndexError: If one is not as it was written.
        """
        what = "the vectors of a passage's sentences"
        found = self._of_texts("sentences", "vectors", space_id, chunk_ids, what=what)
        return {id_: rows.load_sentences(held, dimension) for id_, held in found.items()}

    def _of_texts(
        self, table: str, column: str, space_id: int, chunk_ids: Sequence[int], *, what: str
    ) -> dict[int, bytes]:
        """Return a column of what a table holds of the chunks' texts, by chunk.

        Raises:
            DamagedIndexError: If a row is not as it was written; `what` says what it is.
        """
        found: dict[int, bytes] = {}
        for batch in _batches(chunk_ids):
            for id_, value, intact in self._db.execute(
                f"SELECT c.id, t.{column}, {sound(table, 't')} FROM chunks c"
                # CROSS fixes the order: left to itself, SQLite reads every vector of the space.
                f" CROSS JOIN {table} t ON t.space_id = ? AND t.text_key = c.text_key"
                f" WHERE c.id IN ({_marks(batch)})",
                (space_id, *batch),
            ):
                _refuse_damage(what, intact)
                found[id_] = value
        return found

    def to_analyse(self, chunk_ids: Sequence[int]) -> Iterator[tuple[int, int, str, str, str]]:
        """Yield id, document, title, headings (as stored) and text of chunks, live or staged.

        In the order of the ids, which must ascend.
        """
        for batch in _batches(chunk_ids):
            yield from self._db.execute(
                "SELECT c.id, r.file_id, r.title, c.headings, c.text FROM chunks c"
                f" JOIN revisions r ON r.id = c.revision_id WHERE c.id IN ({_marks(batch)})"
                " ORDER BY c.id",
                batch,
            )

    def live_ids(self) -> list[int]:
        """Return the ids of all live chunks, ascending."""
        return [
            row[0]
            for row in self._db.execute(
                "SELECT c.id FROM chunks c JOIN revisions r ON r.id = c.revision_id"
                " WHERE r.state = 'live' ORDER BY c.id"
            )
        ]

    def lexical(
        self,
        query: str,
        k: int,
        weights: tuple[float, float, float],
        among: Sequence[int] | None = None,
    ) -> list[tuple[int, float]]:
        """Return at most k (chunk id, BM25 score), best first; higher is better.

        Args:
            query: In FTS5's syntax; see `lexical.match_query`.
            k: How many.
            weights: Of the title, the headings and the text.
            among: Rank exactly these live chunks instead of all.
        """
        if not query:
            return []
        # The + keeps SQLite from asking FTS5 for each chosen chunk in turn, .3 ms each.
        chosen = "" if among is None else " AND +rowid IN (SELECT value FROM json_each(?))"
        found = self._db.execute(
            f"SELECT rowid, -bm25(words, ?, ?, ?) AS score FROM words WHERE words MATCH ?{chosen}"
            " ORDER BY score DESC, rowid LIMIT ?",
            (*weights, query, *([] if among is None else [json.dumps(list(among))]), k),
        )
        return [(id_, score) for id_, score in found]

    def document_frequencies(self, words: Sequence[str]) -> dict[str, int]:
        """Return in how many live chunks each analysed word stands."""
        return {
            word: self._db.execute(
                "SELECT count(*) FROM words WHERE words MATCH ?", (f'"{word}"',)
            ).fetchone()[0]
            for word in words
        }

    def facts(self) -> list[DocumentFacts]:
        """Return what filters may ask of every live document, by path."""
        found = self._db.execute(
            "SELECT f.id, f.path, r.format, r.metadata FROM files f"
            " JOIN revisions r ON r.file_id = f.id WHERE r.state = 'live' ORDER BY f.path"
        ).fetchall()
        metadata = rows.load_all_metadata([row[3] for row in found])
        return [
            DocumentFacts(id=id_, path=path, format=format_, metadata=held)
            for (id_, path, format_, _), held in zip(found, metadata, strict=True)
        ]

    def metadata(self, document_ids: Sequence[int]) -> dict[int, Mapping[str, MetadataValue]]:
        """Return the metadata of the live documents among the ids."""
        found = self._db.execute(
            "SELECT file_id, metadata FROM revisions WHERE state = 'live'"
            f" AND file_id IN ({_marks(document_ids)})",
            list(document_ids),
        )
        return {id_: rows.load_metadata(metadata) for id_, metadata in found}

    def page_labels(self, document_ids: Sequence[int]) -> dict[int, Mapping[int, str]]:
        """Return what the pages of the live documents among the ids are called, by number."""
        found = self._db.execute(
            "SELECT file_id, pages FROM revisions WHERE state = 'live'"
            f" AND file_id IN ({_marks(document_ids)})",
            list(document_ids),
        )
        return {id_: {p.number: p.label for p in rows.load_pages(pages)} for id_, pages in found}

    def document(self, document_id: int) -> StoredDocument | None:
        """Return a live document, or None if it is not (or no longer) there.

        Raises:
            DamagedIndexError: If it is not as it was written.
        """
        row = self._db.execute(
            "SELECT f.id, f.path, r.format, r.title, r.text, r.blocks, r.pages, r.metadata,"
            f" {sound('revisions', 'r')}, {sound('files', 'f')}"
            " FROM files f JOIN revisions r ON r.file_id = f.id"
            " WHERE r.state = 'live' AND f.id = ?",
            (document_id,),
        ).fetchone()
        if row is None:
            return None
        _refuse_damage("the entry of a file", row[9])
        _refuse_damage(f"the stored text of {row[1]}", row[8])
        return StoredDocument(
            id=row[0],
            path=row[1],
            format=row[2],
            title=row[3],
            text=row[4],
            blocks=rows.load_blocks(row[5]),
            pages=rows.load_pages(row[6]),
            metadata=rows.load_metadata(row[7]),
        )

    def neighbour(self, chunk_id: int) -> Neighbour | None:
        """Return where a chunk stands, or None if it is not live."""
        return next(self._neighbours("r.state = 'live' AND c.id = ?", (chunk_id,)), None)

    def following(self, chunk: Neighbour) -> Iterator[Neighbour]:
        """Yield the chunks behind a live one in its document, the nearest first, as needed."""
        return self._neighbours(
            "c.revision_id = ? AND c.ordinal > ? ORDER BY c.ordinal",
            (chunk.revision_id, chunk.ordinal),
        )

    def preceding(self, chunk: Neighbour) -> Iterator[Neighbour]:
        """Yield the chunks before a live one in its document, the nearest first, as needed."""
        return self._neighbours(
            "c.revision_id = ? AND c.ordinal < ? ORDER BY c.ordinal DESC",
            (chunk.revision_id, chunk.ordinal),
        )

    def _neighbours(self, condition: str, values: tuple[int, ...]) -> Iterator[Neighbour]:
        for row in self._db.execute(
            'SELECT c.id, c.revision_id, c.ordinal, c.start, c."end", c.page, c.headings,'
            f" c.tokens, {sound('chunks', 'c')} FROM chunks c"
            f" JOIN revisions r ON r.id = c.revision_id WHERE {condition}",
            values,
        ):
            _refuse_damage("the stored text of a passage", row[8])
            yield Neighbour(
                id=row[0],
                revision_id=row[1],
                ordinal=row[2],
                start=row[3],
                end=row[4],
                page=row[5],
                headings=rows.load_texts(row[6]),
                tokens=row[7],
            )

    def text(self, document_id: int) -> str:
        """Return a live document's text; empty if it is not (or no longer) there.

        Raises:
            DamagedIndexError: If it is not as it was written.
        """
        row = self._db.execute(
            f"SELECT r.text, {sound('revisions', 'r')} FROM revisions r"
            " WHERE r.state = 'live' AND r.file_id = ?",
            (document_id,),
        ).fetchone()
        if row is None:
            return ""
        _refuse_damage("the stored text of a document", row[1])
        return str(row[0])

    def document_ids(self, path: str) -> list[int]:
        """Return the live documents shown as `path`, or else those whose path ends with it."""
        exact = self._db.execute(
            "SELECT f.id FROM files f JOIN revisions r ON r.file_id = f.id"
            " WHERE r.state = 'live' AND f.path = ?",
            (path,),
        ).fetchall()
        if exact:
            return [row[0] for row in exact]
        suffix = f"/{path.lstrip('./')}"
        return [
            row[0]
            for row in self._db.execute(
                "SELECT f.id FROM files f JOIN revisions r ON r.file_id = f.id"
                " WHERE r.state = 'live' AND substr(f.path, -length(?1)) = ?1 ORDER BY f.path",
                (suffix,),
            )
        ]

    def document_ids_at(self, location: bytes) -> list[int]:
        """Return the live document whose file lies at this absolute path."""
        return [
            row[0]
            for row in self._db.execute(
                "SELECT f.id FROM files f JOIN roots o ON o.id = f.root_id"
                " JOIN revisions r ON r.file_id = f.id AND r.state = 'live'"
                # An attachment's name stands behind two slashes; see `staging.WITHIN`.
                " WHERE CAST(o.path || x'2f' || replace(f.name, '//', '/') AS BLOB) = ?",
                (location,),
            )
        ]

    def statuses(self) -> list[DocumentStatus]:
        """Return the state of every file that the index knows, by path."""
        found = self._db.execute(
            "SELECT f.path, f.outcome, f.reason, f.indexed_at, f.attempts, f.retry_at,"
            " r.format, r.title, r.pages, length(r.text), r.notices,"
            " (SELECT count(*) FROM chunks c WHERE c.revision_id = r.id)"
            " FROM files f LEFT JOIN revisions r ON r.file_id = f.id AND r.state = 'live'"
            " ORDER BY f.path"
        )
        return [
            DocumentStatus(
                path=path,
                state=_state(outcome, live=format_ is not None, chunks=chunks),
                format=format_ or "",
                title=title or "",
                pages=len(rows.load_pages(pages)) if pages else 0,
                chunks=chunks,
                characters=length or 0,
                reason=reason or "; ".join(rows.load_texts(notices) if notices else ()),
                indexed_at=indexed_at,
                attempts=attempts,
                next_try=moment(retry_at),
            )
            for (
                path,
                outcome,
                reason,
                indexed_at,
                attempts,
                retry_at,
                format_,
                title,
                pages,
                length,
                notices,
                chunks,
            ) in found
        ]


def _refuse_damage(what: str, intact: object) -> None:
    """Raise rather than hand on what is not as it was written."""
    if not intact:
        raise DamagedIndexError(
            f"{what} is damaged: it is not what was written into the catalog; run ragkit verify, "
            "which mends what can be mended and names what to read again"
        )


def _state(outcome: str, *, live: bool, chunks: int) -> str:
    """Return a file's state for people; unpublished work counts as what still answers."""
    if outcome == "failed":
        return "stale" if live else "failed"
    if outcome == "staged":
        return "indexed" if live and chunks else "pending"
    return outcome


def _batches(ids: Sequence[int]) -> list[list[int]]:
    return [list(ids[start : start + _BATCH]) for start in range(0, len(ids), _BATCH)]


def _marks(ids: Sequence[int]) -> str:
    return ",".join("?" * len(ids))
