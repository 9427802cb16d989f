"""Writes what is not visible yet: roots, files as they were seen, staged revisions, vectors.

Every method is one transaction. Nothing written here changes what a reader sees; a process that
dies between two calls leaves work that the next sync takes up again.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ragkit_ingest.catalog import rows
from ragkit_ingest.catalog.schema import transaction
from ragkit_ingest.embed.protocol import Fingerprint, Vectors
from ragkit_ingest.failpoint import failpoint
from ragkit_ingest.records import Chunk, Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A folder that was ingested (for a single file, the folder that holds it).

    Attributes:
        id: In the catalog.
        path: Absolute.
        label: Put before the paths of its files; empty for the first root.
        whole: Whether all of the folder was asked for, not only single files in it.
    """

    id: int
    path: Path
    label: str
    whole: bool

    def shown(self, name: str) -> str:
        """Return how the index shows a file of this root; `name` is relative, with slashes."""
        return f"{self.label}/{readable(name)}" if self.label else readable(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """A file as the catalog knows it.

    Attributes:
        id: In the catalog.
        root_id: Its root.
        name: Relative to the root, with slashes; odd bytes as surrogates.
        path: As the index shows it.
        size: Bytes, of the content last tried.
        mtime_ns: Modification time in nanoseconds, likewise.
        sha256: Of the content, likewise.
        parser: Name and version of the parser that tried it, with the settings of splitting.
        outcome: "staged", "indexed", "no_text" or "failed".
        reason: Why it failed; empty otherwise.
        live: Whether a revision of it is searchable.
    """

    id: int
    root_id: int
    name: str
    path: str
    size: int
    mtime_ns: int
    sha256: str
    parser: str
    outcome: str
    reason: str
    live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The content of a file that a sync is about to try.

    Attributes:
        root_id: Its root.
        name: Relative to the root.
        path: As the index shows it.
        size: In bytes.
        mtime_ns: Modification time in nanoseconds.
        sha256: Of the content, in hexadecimal.
        recipe: Parser and settings: same content and recipe, same chunks.
    """

    root_id: int
    name: str
    path: str
    size: int
    mtime_ns: int
    sha256: str
    recipe: str


class Staging:
    """The write side of a catalog, before publication.

    Args:
        connection: To the catalog; only the process that holds the writer's lock may write.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def roots(self) -> list[Root]:
        """Return all roots, oldest first."""
        found = self._db.execute("SELECT id, path, label, whole FROM roots ORDER BY id")
        return [
            Root(id=id_, path=Path(os.fsdecode(path)), label=label, whole=bool(whole))
            for id_, path, label, whole in found
        ]

    def add_root(self, path: Path, *, whole: bool) -> Root:
        """Return the root that holds the path, registered if there is none yet.

        The first root's files are shown by their path within it, those of later roots behind
        the folder's name; a path once shown never changes. A new root that contains older ones
        takes over their files.

        Args:
            path: An absolute folder.
            whole: Whether all of it was asked for, not only single files in it.
        """
        with transaction(self._db):
            roots = self.roots()
            held = _root_for(path, roots) or self._insert_root(path, roots)
            if not whole or held.whole:
                return held
            self._db.execute("UPDATE roots SET whole = 1 WHERE id = ?", (held.id,))
            for root in roots:
                if held.path in root.path.parents:
                    self._adopt(held, root)
        return replace(held, whole=True)

    def files(self, root_ids: Sequence[int] | None = None) -> list[FileRow]:
        """Return the known files, of the given roots or of all, by path."""
        selected = self._db.execute(
            "SELECT f.id, root_id, name, path, size, mtime_ns, f.sha256, parser, outcome, reason,"
            " r.id IS NOT NULL FROM files f"
            " LEFT JOIN revisions r ON r.file_id = f.id AND r.state = 'live' ORDER BY path"
        )
        found = (
            FileRow(
                id=row[0],
                root_id=row[1],
                name=os.fsdecode(row[2]),
                path=row[3],
                size=row[4],
                mtime_ns=row[5],
                sha256=row[6],
                parser=row[7],
                outcome=row[8],
                reason=row[9],
                live=bool(row[10]),
            )
            for row in selected
        )
        return [row for row in found if root_ids is None or row.root_id in root_ids]

    def touch(self, files: Iterable[Seen]) -> None:
        """Note the new time stamps of files whose content did not change."""
        with transaction(self._db):
            self._db.executemany(
                "UPDATE files SET size = ?, mtime_ns = ? WHERE root_id = ? AND name = ?",
                (
                    (seen.size, seen.mtime_ns, seen.root_id, os.fsencode(seen.name))
                    for seen in files
                ),
            )

    def staged(self, seen: Seen) -> bool:
        """Return whether this very content was staged by a sync that did not finish."""
        return (
            self._db.execute(
                "SELECT 1 FROM revisions r JOIN files f ON f.id = r.file_id WHERE f.root_id = ?"
                " AND f.name = ? AND r.state = 'staged' AND r.sha256 = ? AND r.recipe = ?",
                (seen.root_id, os.fsencode(seen.name), seen.sha256, seen.recipe),
            ).fetchone()
            is not None
        )

    def stage(self, seen: Seen, document: Document, chunks: Sequence[Chunk]) -> None:
        """Store a document and its chunks as the file's staged revision."""
        with transaction(self._db):
            file_id = self._upsert(seen, outcome="staged", reason="")
            self._drop_staged(file_id)
            cursor = self._db.execute(
                "INSERT INTO revisions (file_id, state, sha256, recipe, format, title, text,"
                " blocks, pages, metadata, notices)"
                " VALUES (?, 'staged', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    file_id,
                    seen.sha256,
                    seen.recipe,
                    document.format,
                    document.title,
                    document.text,
                    rows.dump_blocks(document.blocks),
                    rows.dump_pages(document.pages),
                    rows.dump_metadata(document.metadata),
                    rows.dump_texts(document.notices),
                ),
            )
            failpoint("stage.inside")
            self._insert_chunks(int(cursor.lastrowid or 0), chunks)

    def fail(self, seen: Seen, reason: str) -> str:
        """Note that a file could not be read; its live revision, if any, stays.

        Returns:
            How the index shows the file.
        """
        with transaction(self._db):
            file_id = self._upsert(seen, outcome="failed", reason=reason)
            failpoint("fail.inside")
            self._drop_staged(file_id)
            shown = self._db.execute("SELECT path FROM files WHERE id = ?", (file_id,)).fetchone()
        return str(shown[0])

    def missing_vectors(self, space_id: int, limit: int) -> list[tuple[bytes, str]]:
        """Return (text key, embedded text) of staged chunks that have no vector yet."""
        found = self._db.execute(
            "SELECT c.text_key, c.header, c.text FROM revisions r"
            " JOIN chunks c ON c.revision_id = r.id"
            " WHERE r.state = 'staged' AND NOT EXISTS"
            " (SELECT 1 FROM vectors v WHERE v.space_id = ? AND v.text_key = c.text_key)"
            " GROUP BY c.text_key LIMIT ?",
            (space_id, limit),
        )
        return [(key, rows.embedded_text(header, text)) for key, header, text in found]

    def without_vectors(self, space_id: int, keys: Sequence[bytes]) -> set[bytes]:
        """Return the keys for which no vector is stored."""
        return {
            key
            for key in keys
            if self._db.execute(
                "SELECT 1 FROM vectors WHERE space_id = ? AND text_key = ?", (space_id, key)
            ).fetchone()
            is None
        }

    def add_vectors(self, space_id: int, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Store vectors; those already there stay as they are."""
        with transaction(self._db):
            self._db.executemany(
                "INSERT OR IGNORE INTO vectors (space_id, text_key, vector) VALUES (?, ?, ?)",
                (
                    (space_id, key, rows.dump_vector(vector))
                    for key, vector in zip(keys, vectors, strict=True)
                ),
            )
            failpoint("embed.inside")

    def space(self, fingerprint: Fingerprint) -> int:
        """Return the id of the embedder's vector space, registered if it is new."""
        found = self._db.execute(
            "SELECT id FROM spaces WHERE digest = ?", (fingerprint.digest,)
        ).fetchone()
        if found is not None:
            return int(found[0])
        with transaction(self._db):
            cursor = self._db.execute(
                "INSERT INTO spaces (digest, fingerprint) VALUES (?, ?)",
                (fingerprint.digest, fingerprint.to_json()),
            )
        return int(cursor.lastrowid or 0)

    def _insert_root(self, path: Path, roots: Sequence[Root]) -> Root:
        taken = {root.label for root in roots}
        label = _free_label(readable(path.name) or "root", taken) if roots else ""
        cursor = self._db.execute(
            "INSERT INTO roots (path, label, whole) VALUES (?, ?, 0)", (os.fsencode(path), label)
        )
        return Root(id=int(cursor.lastrowid or 0), path=path, label=label, whole=False)

    def _adopt(self, outer: Root, inner: Root) -> None:
        """Hand the inner root's files to the outer one; how they are shown stays as it is."""
        prefix = os.fsencode(f"{inner.path.relative_to(outer.path).as_posix()}/")
        files = self._db.execute("SELECT id, name FROM files WHERE root_id = ?", (inner.id,))
        self._db.executemany(
            "UPDATE files SET root_id = ?, name = ? WHERE id = ?",
            [(outer.id, prefix + name, id_) for id_, name in files.fetchall()],
        )
        self._db.execute("DELETE FROM roots WHERE id = ?", (inner.id,))

    def _free_path(self, seen: Seen) -> str:
        """Return how to show a file: its path, numbered if another file is shown so already."""
        path, number = seen.path, 2
        while self._db.execute(
            "SELECT 1 FROM files WHERE path = ? AND NOT (root_id = ? AND name = ?)",
            (path, seen.root_id, os.fsencode(seen.name)),
        ).fetchone():
            path, number = f"{seen.path} ({number})", number + 1
        return path

    def _upsert(self, seen: Seen, *, outcome: str, reason: str) -> int:
        row = self._db.execute(
            "INSERT INTO files (root_id, name, path, size, mtime_ns, sha256, parser, outcome,"
            " reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (root_id, name) DO UPDATE SET size = excluded.size,"
            " mtime_ns = excluded.mtime_ns, sha256 = excluded.sha256, parser = excluded.parser,"
            " outcome = excluded.outcome, reason = excluded.reason"
            " RETURNING id",
            (
                seen.root_id,
                os.fsencode(seen.name),
                self._free_path(seen),
                seen.size,
                seen.mtime_ns,
                seen.sha256,
                seen.recipe,
                outcome,
                reason,
            ),
        ).fetchone()
        return int(row[0])

    def _drop_staged(self, file_id: int) -> None:
        self._db.execute(
            "DELETE FROM chunks WHERE revision_id IN"
            " (SELECT id FROM revisions WHERE file_id = ? AND state = 'staged')",
            (file_id,),
        )
        self._db.execute("DELETE FROM revisions WHERE file_id = ? AND state = 'staged'", (file_id,))

    def _insert_chunks(self, revision_id: int, chunks: Iterable[Chunk]) -> None:
        self._db.executemany(
            'INSERT INTO chunks (revision_id, ordinal, start, "end", page, headings, header, text,'
            " tokens, text_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    revision_id,
                    chunk.ordinal,
                    chunk.start,
                    chunk.end,
                    chunk.page,
                    rows.dump_texts(chunk.headings),
                    chunk.header,
                    chunk.text,
                    chunk.tokens,
                    rows.text_key(chunk.embedded_text),
                )
                for chunk in chunks
            ),
        )


def readable(name: str) -> str:
    """Return a file name as text that can be stored and shown: odd bytes become backslashes."""
    try:
        stored = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half characters that no file system gives, but a caller may
        stored = name.encode("utf-8", "backslashreplace")
    return stored.decode("utf-8", "backslashreplace")


def _root_for(path: Path, roots: Sequence[Root]) -> Root | None:
    """Return the root that the path is, or that holds all of it; the path itself before others."""
    same = next((root for root in roots if root.path == path), None)
    return same or next((r for r in roots if r.whole and r.path in path.parents), None)


def _free_label(name: str, taken: set[str]) -> str:
    label, number = name, 2
    while label in taken:
        label, number = f"{name}-{number}", number + 1
    return label
