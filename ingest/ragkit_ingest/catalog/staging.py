"""Writes what is not visible yet: roots, files as they were seen, staged revisions, vectors.

Every method is one transaction. Nothing written here changes what a reader sees; a process that
dies between two calls leaves work that the next sync takes up again.
"""

from __future__ import annotations

import math
import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ragkit_ingest.catalog import rows
from ragkit_ingest.catalog.schema import transaction
from ragkit_ingest.content import Content, Enclosed
from ragkit_ingest.embed.protocol import Vectors
from ragkit_ingest.failpoint import failpoint
from ragkit_ingest.records import Chunk, Document, embedded_text
from ragkit_ingest.retry import pause_s

WITHIN = "//"
"""Stands between a file's name and an attachment's; no file's own name holds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """A folder that was ingested (for a single file, the folder that holds it), or a source.

    Attributes:
        id: In the catalog.
        path: Absolute; of a source its name, which is not.
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
class EnclosedRow:
    """An attachment as the catalog knows it.

    Attributes:
        id: In the catalog.
        name: Its path within the file that holds it.
        path: As the index shows it.
        parser: Name and version of the parser that tried it, with the settings of splitting.
        outcome: "staged", "indexed", "no_text" or "failed".
        reason: Why it failed; empty otherwise.
        attempts: How often in a row it failed.
        retry_at: Before this moment it is not tried again unchanged; seconds since 1970.
    """

    id: int
    name: str
    path: str
    parser: str
    outcome: str
    reason: str
    attempts: int
    retry_at: int


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
        attempts: How often in a row it failed.
        retry_at: Before this moment it is not tried again unchanged; seconds since 1970.
        enclosed: Its attachments, by name.
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
    attempts: int = 0
    retry_at: int = 0
    enclosed: tuple[EnclosedRow, ...] = ()

    @property
    def failed(self) -> tuple[FileRow | EnclosedRow, ...]:
        """What of it failed: itself, or attachments."""
        inner = tuple(row for row in self.enclosed if row.outcome == "failed")
        return (self, *inner) if self.outcome == "failed" else inner


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

    def setting(self, key: str) -> str:
        """Return what an earlier sync noted under the key; empty if none did."""
        found = self._db.execute("SELECT value FROM settings WHERE key = ?", (key,)).fetchone()
        return str(found[0]) if found else ""

    def note_setting(self, key: str, value: str) -> None:
        """Note something for later syncs; what is noted already is not written again."""
        if self.setting(key) == value:
            return
        with transaction(self._db):
            self._db.execute(
                "INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)", (key, value)
            )

    def roots(self) -> list[Root]:
        """Return the folders that were ingested, oldest first."""
        return self._roots("folder")

    def sources(self) -> list[Root]:
        """Return the sources of documents that are no files, oldest first; each path is a name."""
        return self._roots("source")

    def add_source(self, name: str) -> Root:
        """Return the root of a source, registered if there is none yet.

        Its documents are shown behind its name; numbered, should a folder have the name already.
        """
        with transaction(self._db):
            held = next((root for root in self.sources() if root.path == Path(name)), None)
            if held is not None:
                return held
            cursor = self._db.execute(
                "INSERT INTO roots (path, label, whole, kind) VALUES (?, ?, 1, 'source')",
                (os.fsencode(name), _free_label(name, self._labels())),
            )
        return next(root for root in self.sources() if root.id == cursor.lastrowid)

    def _labels(self) -> set[str]:
        return {root.label for root in [*self.roots(), *self.sources()]}

    def _roots(self, kind: str) -> list[Root]:
        found = self._db.execute(
            "SELECT id, path, label, whole FROM roots WHERE kind = ? ORDER BY id", (kind,)
        )
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
        enclosed = self._enclosed()
        selected = self._db.execute(
            "SELECT f.id, root_id, name, path, size, mtime_ns, f.sha256, parser, outcome, reason,"
            " r.id IS NOT NULL, attempts, retry_at FROM files f"
            " LEFT JOIN revisions r ON r.file_id = f.id AND r.state = 'live'"
            " WHERE owner_id IS NULL ORDER BY path"
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
                attempts=row[11],
                retry_at=row[12],
                enclosed=tuple(enclosed.get(row[0], ())),
            )
            for row in selected
        )
        return [row for row in found if root_ids is None or row.root_id in root_ids]

    def _enclosed(self) -> dict[int, list[EnclosedRow]]:
        """Return the attachments by the id of the file that holds them."""
        found: dict[int, list[EnclosedRow]] = {}
        for owner_id, name, *values in self._db.execute(
            "SELECT owner_id, name, id, path, parser, outcome, reason, attempts, retry_at"
            " FROM files WHERE owner_id IS NOT NULL ORDER BY name"
        ):
            id_, path, parser, outcome, reason, attempts, retry_at = values
            row = EnclosedRow(
                id=id_,
                name=os.fsdecode(name).split(WITHIN, 1)[1],
                path=path,
                parser=parser,
                outcome=outcome,
                reason=reason,
                attempts=attempts,
                retry_at=retry_at,
            )
            found.setdefault(owner_id, []).append(row)
        return found

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

    def staged(self, seen: Seen, untitled: str) -> bool:
        """Return whether this very content was staged by a sync that did not finish.

        Args:
            seen: The content.
            untitled: The title it should have there if it has none of its own.
        """
        return (
            self._db.execute(
                "SELECT 1 FROM revisions r JOIN files f ON f.id = r.file_id WHERE f.root_id = ?"
                " AND f.name = ? AND r.state = 'staged' AND r.sha256 = ? AND r.recipe = ?"
                " AND (NOT r.named OR r.title = ?)",
                (seen.root_id, os.fsencode(seen.name), seen.sha256, seen.recipe, untitled),
            ).fetchone()
            is not None
        )

    def known(self, seen: Seen) -> Document | None:
        """Return the Document of this content if some file has it, read by the same recipe.

        Its title is empty if it was made of that file's name. Content with attachments is not
        looked for.
        """
        row = self._db.execute(
            "SELECT r.id FROM revisions r JOIN files f ON f.id = r.file_id"
            " WHERE r.sha256 = ? AND r.recipe = ? AND f.owner_id IS NULL"
            " AND NOT EXISTS (SELECT 1 FROM files WHERE owner_id = r.file_id) LIMIT 1",
            (seen.sha256, seen.recipe),
        ).fetchone()
        return None if row is None else self._document(row[0])

    def title_from_name(self, file_id: int) -> str | None:
        """Return a file's title if it was made of a file name, else None."""
        row = self._db.execute(
            "SELECT title, named FROM revisions WHERE file_id = ? AND state != 'aside'"
            " ORDER BY state = 'staged' DESC",
            (file_id,),
        ).fetchone()
        return str(row[0]) if row is not None and row[1] else None

    def newest(self, file_id: int) -> Document | None:
        """Return a file's staged or else live Document; a title made of its name is left out."""
        row = self._db.execute(
            "SELECT id FROM revisions WHERE file_id = ? AND state != 'aside'"
            " ORDER BY state = 'staged' DESC",
            (file_id,),
        ).fetchone()
        return None if row is None else self._document(row[0])

    def stage(
        self,
        seen: Seen,
        content: Content,
        enclosed: Sequence[Enclosed] = (),
        *,
        now: float = 0.0,
    ) -> None:
        """Store a document and its attachments as the file's staged revision.

        Args:
            seen: The file's content.
            content: What it says.
            enclosed: Its attachments, names distinct; those that failed among them.
            now: When they were tried, in seconds since 1970.
        """
        with transaction(self._db):
            file_id = self._upsert(seen, outcome="staged", reason="")
            self._drop_staged(file_id)
            self._insert_revision(file_id, seen.sha256, seen.recipe, content)
            failpoint("stage.inside")
            attempts = self._forget_failed(file_id)
            for attachment in enclosed:
                before = attempts.get((attachment.name, seen.sha256, attachment.recipe), 0)
                self._stage_enclosed(file_id, seen, attachment, before, now)

    def fail(self, seen: Seen, reason: str, *, now: float = 0.0, rest: bool = True) -> None:
        """Note that a file could not be read; its live revision, if any, stays.

        Args:
            seen: The content that was tried.
            reason: One sentence.
            now: When, in seconds since 1970.
            rest: Whether to wait longer after each failure; else the next sync tries again.
        """
        with transaction(self._db):
            before = self._db.execute(
                "SELECT attempts FROM files WHERE root_id = ? AND name = ? AND outcome = 'failed'"
                " AND sha256 = ? AND parser = ?",
                (seen.root_id, os.fsencode(seen.name), seen.sha256, seen.recipe),
            ).fetchone()
            attempts = 1 + (before[0] if before else 0)
            file_id = self._upsert(seen, outcome="failed", reason=reason)
            self._note_failure(file_id, attempts, now + (pause_s(attempts) if rest else 0))
            failpoint("fail.inside")
            self._drop_staged(file_id)

    def fail_again(self, file_id: int, failures: Sequence[Enclosed], *, now: float) -> None:
        """Note that attachments that failed before failed once more; all else stays.

        Args:
            file_id: The file that holds them.
            failures: The attachments.
            now: When, in seconds since 1970.
        """
        with transaction(self._db):
            owner = os.fsencode(WITHIN)
            for id_, name, attempts in self._db.execute(
                "SELECT id, name, attempts FROM files WHERE owner_id = ? AND outcome = 'failed'",
                (file_id,),
            ).fetchall():
                inner = os.fsdecode(name.split(owner, 1)[1])
                reason = next((f.failure for f in failures if f.name == inner), "")
                self._note_failure(id_, attempts + 1, now + pause_s(attempts + 1))
                self._db.execute("UPDATE files SET reason = ? WHERE id = ?", (reason, id_))

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
        return [(key, embedded_text(header, text)) for key, header, text in found]

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

    def add_vectors(
        self,
        space_id: int,
        keys: Sequence[bytes],
        vectors: Vectors,
        sentences: Sequence[Vectors] = (),
    ) -> None:
        """Store vectors; those already there stay as they are.

        Args:
            space_id: The vector space.
            keys: Of the texts.
            vectors: One a text.
            sentences: Those of each text's sentences; empty if the embedder does not tell them.
        """
        with transaction(self._db):
            self._db.executemany(
                "INSERT OR IGNORE INTO vectors (space_id, text_key, vector) VALUES (?, ?, ?)",
                (
                    (space_id, key, rows.dump_vector(vector))
                    for key, vector in zip(keys, vectors, strict=True)
                ),
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO sentences (space_id, text_key, vectors) VALUES (?, ?, ?)",
                (
                    (space_id, key, rows.dump_sentences(held))
                    for key, held in zip(keys if sentences else (), sentences, strict=True)
                ),
            )
            failpoint("embed.inside")

    def put_back_vectors(self, space_id: int, vectors: Mapping[bytes, Vectors]) -> None:
        """Store vectors in place of what is there; those of sentences stay as they are."""
        with transaction(self._db):
            self._db.executemany(
                "INSERT INTO vectors (space_id, text_key, vector) VALUES (?, ?, ?)"
                " ON CONFLICT (space_id, text_key) DO UPDATE SET vector = excluded.vector",
                ((space_id, key, rows.dump_vector(vector)) for key, vector in vectors.items()),
            )

    def _insert_root(self, path: Path, roots: Sequence[Root]) -> Root:
        label = _free_label(readable(path.name) or "root", self._labels()) if roots else ""
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

    def _upsert(self, seen: Seen, *, outcome: str, reason: str, owner: int | None = None) -> int:
        name = os.fsencode(seen.name)
        row = self._db.execute(
            "INSERT INTO files (owner_id, root_id, name, path, size, mtime_ns, sha256, parser,"
            " outcome, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (root_id, name) DO UPDATE SET size = excluded.size,"
            " mtime_ns = excluded.mtime_ns, sha256 = excluded.sha256, parser = excluded.parser,"
            " outcome = excluded.outcome, reason = excluded.reason, attempts = 0, retry_at = 0"
            " RETURNING id",
            (
                owner,
                seen.root_id,
                name,
                free_path(self._db, seen.path, seen.root_id, name),
                seen.size,
                seen.mtime_ns,
                seen.sha256,
                seen.recipe,
                outcome,
                reason,
            ),
        ).fetchone()
        return int(row[0])

    def _stage_enclosed(
        self, file_id: int, seen: Seen, attachment: Enclosed, attempts: int, now: float
    ) -> None:
        shown = self._db.execute("SELECT path FROM files WHERE id = ?", (file_id,)).fetchone()[0]
        inner = replace(
            seen,
            name=f"{seen.name}{WITHIN}{attachment.name}",
            path=f"{shown}/{readable(attachment.name)}",
            recipe=attachment.recipe,
        )
        outcome = "failed" if attachment.content is None else "staged"
        id_ = self._upsert(inner, outcome=outcome, reason=attachment.failure, owner=file_id)
        if attachment.content is not None:
            self._insert_revision(id_, seen.sha256, attachment.recipe, attachment.content)
        else:
            self._note_failure(id_, attempts + 1, now + pause_s(attempts + 1))

    def _note_failure(self, file_id: int, attempts: int, retry_at: float) -> None:
        self._db.execute(
            "UPDATE files SET attempts = ?, retry_at = ? WHERE id = ?",
            (attempts, math.floor(retry_at), file_id),
        )

    def _forget_failed(self, file_id: int) -> dict[tuple[str, str, str], int]:
        """Delete the attachments that failed; return their attempts by name, content, recipe."""
        found = self._db.execute(
            "SELECT id, name, sha256, parser, attempts FROM files WHERE owner_id = ?"
            " AND outcome = 'failed'"
            " AND NOT EXISTS (SELECT 1 FROM revisions WHERE file_id = files.id)",
            (file_id,),
        ).fetchall()
        mark = os.fsencode(WITHIN)
        self._db.executemany("DELETE FROM files WHERE id = ?", [(row[0],) for row in found])
        return {
            (os.fsdecode(name.split(mark, 1)[1]), sha256, parser): attempts
            for _, name, sha256, parser, attempts in found
        }

    def drop_staged(self) -> None:
        """Delete whatever is staged; the next sync reads those files again."""
        with transaction(self._db):
            for (file_id,) in self._db.execute(
                "SELECT DISTINCT coalesce(f.owner_id, f.id) FROM revisions r"
                " JOIN files f ON f.id = r.file_id WHERE r.state = 'staged'"
            ).fetchall():
                self._drop_staged(file_id)

    def _drop_staged(self, file_id: int) -> None:
        """Delete what is staged of a file and its attachments; what is live stays as it was."""
        staged = (
            "SELECT id FROM revisions WHERE state = 'staged' AND file_id IN"
            " (SELECT ?1 UNION SELECT id FROM files WHERE owner_id = ?1)"
        )
        self._db.execute(f"DELETE FROM chunks WHERE revision_id IN ({staged})", (file_id,))
        self._db.execute(f"DELETE FROM revisions WHERE id IN ({staged})", (file_id,))
        live = "SELECT 1 FROM revisions r WHERE r.state = 'live' AND r.file_id ="
        self._db.execute(
            "DELETE FROM files WHERE owner_id = ?1"
            f" AND NOT EXISTS ({live} files.id)"
            " AND (outcome != 'failed'"
            f" OR NOT EXISTS ({live} ?1 AND r.sha256 = files.sha256))",
            (file_id,),
        )
        self._db.execute(
            "UPDATE files SET reason = '', attempts = 0, retry_at = 0, outcome = CASE WHEN EXISTS"
            " (SELECT 1 FROM chunks c JOIN revisions r ON r.id = c.revision_id"
            "  WHERE r.file_id = files.id) THEN 'indexed' ELSE 'no_text' END"
            f" WHERE owner_id = ? AND EXISTS ({live} files.id)",
            (file_id,),
        )

    def _insert_revision(self, file_id: int, sha256: str, recipe: str, content: Content) -> None:
        document = content.document
        cursor = self._db.execute(
            "INSERT INTO revisions (file_id, state, sha256, recipe, format, title, named, text,"
            " blocks, pages, metadata, notices)"
            " VALUES (?, 'staged', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                file_id,
                sha256,
                recipe,
                document.format,
                document.title,
                content.named,
                document.text,
                rows.dump_blocks(document.blocks),
                rows.dump_pages(document.pages),
                rows.dump_metadata(document.metadata),
                rows.dump_texts(document.notices),
            ),
        )
        self.insert_chunks(int(cursor.lastrowid or 0), content.chunks)

    def _document(self, revision_id: int) -> Document:
        row = self._db.execute(
            "SELECT format, title, named, text, blocks, pages, metadata, notices FROM revisions"
            " WHERE id = ?",
            (revision_id,),
        ).fetchone()
        return Document(
            format=row[0],
            title="" if row[2] else row[1],
            text=row[3],
            blocks=rows.load_blocks(row[4]),
            pages=rows.load_pages(row[5]),
            metadata=rows.load_metadata(row[6]),
            notices=rows.load_texts(row[7]),
        )

    def insert_chunks(self, revision_id: int, chunks: Iterable[Chunk]) -> None:
        """Store the chunks of a revision, within the caller's transaction."""
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


def free_path(connection: sqlite3.Connection, path: str, root_id: int, name: bytes) -> str:
    """Return how to show a file: its path, numbered if another file is shown so already."""
    candidate, number = path, 2
    while connection.execute(
        "SELECT 1 FROM files WHERE path = ? AND NOT (root_id = ? AND name = ?)",
        (candidate, root_id, name),
    ).fetchone():
        candidate, number = f"{path} ({number})", number + 1
    return candidate


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
