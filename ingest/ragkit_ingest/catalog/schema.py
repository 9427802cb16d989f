"""The catalog's tables, and how to open it.

A document's life: its text and chunks are written as a *staged* revision, its vectors beside
them; one transaction then turns staged revisions into live ones and takes the old ones away.
Only live revisions are ever read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ragkit_ingest.errors import (
    DamagedIndexError,
    NoIndexError,
    NotAnIndexError,
    RagkitError,
    StorageError,
)

FILE_NAME = "catalog.sqlite"
APPLICATION_ID = 0x52474B54  # "RGKT"
VERSION = 1

_TABLES = """
CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE spaces (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL
);

CREATE TABLE roots (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    label TEXT NOT NULL UNIQUE,
    whole INTEGER NOT NULL
);

-- A file that was seen. size, mtime_ns and sha256 are of the content last tried.
CREATE TABLE files (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    root_id INTEGER NOT NULL REFERENCES roots (id),
    name BLOB NOT NULL,
    path TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    parser TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('staged', 'indexed', 'no_text', 'failed')),
    reason TEXT NOT NULL DEFAULT '',
    indexed_at TEXT NOT NULL DEFAULT '',
    UNIQUE (root_id, name)
);

CREATE TABLE revisions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    file_id INTEGER NOT NULL REFERENCES files (id),
    state TEXT NOT NULL CHECK (state IN ('staged', 'live')),
    sha256 TEXT NOT NULL,
    recipe TEXT NOT NULL,
    format TEXT NOT NULL,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    blocks TEXT NOT NULL,
    pages TEXT NOT NULL,
    metadata TEXT NOT NULL,
    notices TEXT NOT NULL
);
CREATE UNIQUE INDEX one_revision_a_state ON revisions (file_id, state);

CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    revision_id INTEGER NOT NULL REFERENCES revisions (id),
    ordinal INTEGER NOT NULL,
    start INTEGER NOT NULL,
    "end" INTEGER NOT NULL,
    page INTEGER,
    headings TEXT NOT NULL,
    header TEXT NOT NULL,
    text TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    text_key BLOB NOT NULL,
    UNIQUE (revision_id, ordinal)
);
CREATE INDEX chunks_by_text ON chunks (text_key);

-- The vectors, by what was embedded: the same text is never embedded twice.
CREATE TABLE vectors (
    space_id INTEGER NOT NULL REFERENCES spaces (id),
    text_key BLOB NOT NULL,
    vector BLOB NOT NULL,
    PRIMARY KEY (space_id, text_key)
) WITHOUT ROWID;

CREATE TABLE generations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space_id INTEGER NOT NULL REFERENCES spaces (id),
    store TEXT NOT NULL,
    folder TEXT NOT NULL,
    chunks INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('live', 'retired')),
    published_at TEXT NOT NULL
);
CREATE UNIQUE INDEX one_live_generation ON generations (state) WHERE state = 'live';

-- Analysed words, rowid = chunks.id; live chunks only. See lexical.py.
CREATE VIRTUAL TABLE words USING fts5 (
    title, headings, body, tokenize = "unicode61 remove_diacritics 0"
);
"""


def create(folder: Path) -> sqlite3.Connection:
    """Make a new index in the folder, which must be absent or empty, and open its catalog.

    Raises:
        NotAnIndexError: If the folder holds something else.
        StorageError: If it cannot be written.
    """
    _check_ours_or_empty(folder)
    with translated(folder):
        folder.mkdir(parents=True, exist_ok=True)
        connection = _connect(folder / FILE_NAME)
        if _version(connection) == 0:
            connection.executescript(
                f"BEGIN IMMEDIATE; {_TABLES} PRAGMA application_id = {APPLICATION_ID}; "
                f"PRAGMA user_version = {VERSION}; COMMIT;"
            )
    return connection


def open_existing(folder: Path) -> sqlite3.Connection:
    """Open the catalog of an existing index.

    Raises:
        NoIndexError: If there is none.
        NotAnIndexError: If the folder holds something else.
        DamagedIndexError: If the catalog is corrupt or of another version.
    """
    path = folder / FILE_NAME
    if not path.exists():
        _check_ours_or_empty(folder)
        raise NoIndexError(f"there is no index at {folder}; run: ragkit ingest PATH")
    with translated(folder):
        connection = _connect(path)
        version = _version(connection)
    if version != VERSION:
        connection.close()
        raise DamagedIndexError(_why_not(folder, version))
    return connection


@contextmanager
def translated(folder: Path) -> Iterator[None]:
    """Turn the errors of SQLite and of the file system into ours.

    Raises:
        DamagedIndexError: If SQLite finds the catalog corrupt.
        StorageError: If the disk is full, read-only or failing.
    """
    try:
        yield
    except sqlite3.Error as exc:
        raise _translate(exc, folder) from exc
    except OSError as exc:
        raise StorageError(
            f"the index at {folder} cannot be read or written ({exc.strerror or exc}); what was "
            "stored before is unharmed"
        ) from exc


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the body in one write transaction: all of it happens, or nothing.

    Within another transaction the body becomes part of that one.
    """
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def rolled_back(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the body in a transaction and undo whatever it wrote."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the body in one read transaction: every query in it sees the same state."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("COMMIT")


def check(connection: sqlite3.Connection) -> str:
    """Return "" if SQLite finds every page of the catalog sound, else what is wrong."""
    try:
        rows = connection.execute("PRAGMA integrity_check(3)").fetchall()
    except sqlite3.DatabaseError as exc:
        return str(exc)
    found = "; ".join(row[0] for row in rows)
    return "" if found == "ok" else found


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=5.0, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")
    return connection


def _version(connection: sqlite3.Connection) -> int:
    """Return the version of our tables, 0 for an empty file, -1 for a foreign database."""
    ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if not ours:
        return -1 if tables else 0
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _why_not(folder: Path, version: int) -> str:
    if version > VERSION:
        return f"the index at {folder} was made by a newer ragkit; upgrade ragkit to read it"
    return (
        f"{folder / FILE_NAME} is not the catalog of a ragkit index; choose another folder with "
        "--index, or move this one away and ingest again"
    )


def _check_ours_or_empty(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise NotAnIndexError(f"{folder} is a file, not an index folder; choose another --index")
    if not folder.is_dir() or (folder / FILE_NAME).exists():
        return
    with translated(folder):
        stranger = next((entry.name for entry in folder.iterdir() if entry.name != "lock"), None)
    if stranger is not None:
        raise NotAnIndexError(
            f"{folder} is not a ragkit index: it holds {stranger!r}; choose an empty or a new "
            "folder with --index"
        )


def _translate(exc: sqlite3.Error, folder: Path) -> RagkitError:
    code = getattr(exc, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None
    if primary in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return DamagedIndexError(
            f"the catalog {folder / FILE_NAME} is damaged ({exc}); restore it from a backup, or "
            "move the folder away and ingest again: the documents themselves are not affected"
        )
    return StorageError(
        f"the index at {folder} cannot be read or written ({exc}); free disk space or check its "
        "permissions: what was stored before is unharmed"
    )
