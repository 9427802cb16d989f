"""The catalog's tables, and how to open it.

A document's life: its text and chunks are written as a *staged* revision, its vectors beside
them; one transaction then turns staged revisions into live ones and takes the old ones away.
Only live revisions are ever read. What another embedder would make of a live revision, where that
is other chunks, waits *aside*; see reembed.py.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from ragkit_ingest.catalog import digest
from ragkit_ingest.errors import (
    DamagedIndexError,
    NoIndexError,
    NotAnIndexError,
    RagkitError,
    StorageError,
)
from ragkit_ingest.failpoint import failpoint

FILE_NAME = "catalog.sqlite"
# What may be there before the catalog is, while another process makes it.
_BEFORE_TABLES = frozenset(
    {"lock", "lock.owner", FILE_NAME, *(f"{FILE_NAME}-{end}" for end in ("journal", "wal", "shm"))}
)
APPLICATION_ID = 0x52474B54  # "RGKT"
VERSION = 5
BUSY_S = 5.0  # how long a connection waits for another one
DEFINITIONS = "definitions"  # the setting that holds the digest of the tables' SQL

# row_digest: of the row's other columns, kept by triggers; see digest.py.
_TABLES = """
CREATE TABLE settings (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    row_digest BLOB NOT NULL DEFAULT x''
) WITHOUT ROWID;

-- A vector space. digest: of the fingerprint, numbered where a model changed behind the same one.
-- embedder: the name that chooses it, empty if it was given as an object. golden: the vectors of
-- two fixed texts; see golden.py.
CREATE TABLE spaces (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL,
    embedder TEXT NOT NULL DEFAULT '',
    golden BLOB NOT NULL DEFAULT x'',
    row_digest BLOB NOT NULL DEFAULT x''
);

-- A folder, or a source of documents that are no files; then the path is its name, not absolute.
CREATE TABLE roots (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    label TEXT NOT NULL UNIQUE,
    whole INTEGER NOT NULL,
    kind TEXT NOT NULL DEFAULT 'folder' CHECK (kind IN ('folder', 'source')),
    row_digest BLOB NOT NULL DEFAULT x''
);

-- A file that was seen. size, mtime_ns and sha256 are of the content last tried. An attachment
-- is a row with an owner; it comes and goes with the owner's content, whose sha256 it bears.
-- attempts counts failures in a row; before retry_at (seconds since 1970) a failed file rests.
CREATE TABLE files (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner_id INTEGER REFERENCES files (id),
    root_id INTEGER NOT NULL REFERENCES roots (id),
    name BLOB NOT NULL,
    path TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    parser TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('staged', 'indexed', 'no_text', 'failed')),
    reason TEXT NOT NULL DEFAULT '',
    attempts INTEGER NOT NULL DEFAULT 0,
    retry_at INTEGER NOT NULL DEFAULT 0,
    indexed_at TEXT NOT NULL DEFAULT '',
    row_digest BLOB NOT NULL DEFAULT x'',
    UNIQUE (root_id, name)
);
CREATE INDEX files_by_owner ON files (owner_id) WHERE owner_id IS NOT NULL;

-- named: whether the title is made of the file's name. space_id: of one that waits aside, the
-- space whose embedder cut it so; else 0.
CREATE TABLE revisions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    file_id INTEGER NOT NULL REFERENCES files (id),
    state TEXT NOT NULL CHECK (state IN ('staged', 'live', 'aside')),
    space_id INTEGER NOT NULL DEFAULT 0,
    sha256 TEXT NOT NULL,
    recipe TEXT NOT NULL,
    format TEXT NOT NULL,
    title TEXT NOT NULL,
    named INTEGER NOT NULL,
    text TEXT NOT NULL,
    blocks TEXT NOT NULL,
    pages TEXT NOT NULL,
    metadata TEXT NOT NULL,
    notices TEXT NOT NULL,
    row_digest BLOB NOT NULL DEFAULT x''
);
CREATE UNIQUE INDEX one_revision_a_state ON revisions (file_id, state, space_id);
CREATE INDEX revisions_by_content ON revisions (sha256, recipe);

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
    row_digest BLOB NOT NULL DEFAULT x'',
    UNIQUE (revision_id, ordinal)
);
CREATE INDEX chunks_by_text ON chunks (text_key);

-- The vectors, by what was embedded: the same text is never embedded twice.
CREATE TABLE vectors (
    space_id INTEGER NOT NULL REFERENCES spaces (id),
    text_key BLOB NOT NULL,
    vector BLOB NOT NULL,
    row_digest BLOB NOT NULL DEFAULT x'',
    PRIMARY KEY (space_id, text_key)
) WITHOUT ROWID;
-- The keys without the vectors, so that what no chunk holds is found without reading them all.
CREATE INDEX vectors_by_text ON vectors (text_key);

-- The vectors of a text's sentences, float16, where the embedder tells them; read for the first
-- candidates of a search.
CREATE TABLE sentences (
    space_id INTEGER NOT NULL,
    text_key BLOB NOT NULL,
    vectors BLOB NOT NULL,
    row_digest BLOB NOT NULL DEFAULT x'',
    PRIMARY KEY (space_id, text_key),
    FOREIGN KEY (space_id, text_key) REFERENCES vectors (space_id, text_key) ON DELETE CASCADE
) WITHOUT ROWID;

CREATE TABLE generations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    space_id INTEGER NOT NULL REFERENCES spaces (id),
    store TEXT NOT NULL,
    chunks INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('live', 'retired')),
    published_at TEXT NOT NULL,
    row_digest BLOB NOT NULL DEFAULT x''
);
CREATE UNIQUE INDEX one_live_generation ON generations (state) WHERE state = 'live';

-- The folders of a generation; an unchanged one is part of the next generation too. See shard.py.
CREATE TABLE shards (
    generation_id INTEGER NOT NULL REFERENCES generations (id),
    folder TEXT NOT NULL,
    first_id INTEGER NOT NULL,
    last_id INTEGER NOT NULL,
    chunks INTEGER NOT NULL,
    scanned INTEGER NOT NULL,
    row_digest BLOB NOT NULL DEFAULT x'',
    PRIMARY KEY (generation_id, folder)
) WITHOUT ROWID;

-- Analysed words, rowid = chunks.id; live chunks only. See lexical.py.
CREATE VIRTUAL TABLE words USING fts5 (
    title, headings, body, tokenize = "unicode61 remove_diacritics 0"
);
"""


def create(folder: Path) -> sqlite3.Connection:
    """Open the folder's catalog, made anew if the folder is absent or empty.

    Raises:
        NotAnIndexError: If the folder holds something else.
        DamagedIndexError: If the catalog is corrupt or of another version.
        StorageError: If it cannot be written.
    """
    check_ours_or_empty(folder)
    with translated(folder):
        folder.mkdir(parents=True, exist_ok=True)
        connection = _connect(folder / FILE_NAME)
        with _closed_on_error(connection):
            if _version(connection) == 0:
                _make_tables(connection)
            _check_version(folder, _version(connection))
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
        check_ours_or_empty(folder)
        raise NoIndexError(_no_index(folder))
    with translated(folder):
        connection = _connect_or_look(path)
        with _closed_on_error(connection):
            _check_version(folder, _version(connection))
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
    except UnicodeDecodeError as exc:  # SQLite's own message quotes what it could not read
        raise DamagedIndexError(damaged(folder, "it holds text that is not UTF-8")) from exc
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
        _roll_back(connection)
        raise
    connection.execute("COMMIT")


@contextmanager
def shadow(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the body with roots and files in copies that only this connection sees.

    For a dry run: temporary tables hide those of the same name, so that nothing reaches the
    catalog, which may be read-only or in the hands of a writer.
    """
    with snapshot(connection):
        connection.execute(
            "CREATE TEMP TABLE roots (id INTEGER PRIMARY KEY, path BLOB, label TEXT, whole INTEGER,"
            " kind TEXT DEFAULT 'folder')"
        )
        connection.execute(
            "INSERT INTO temp.roots SELECT id, path, label, whole, kind FROM main.roots"
        )
        connection.execute("CREATE TEMP TABLE files AS SELECT * FROM main.files")
        yield


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


@cache
def digested() -> dict[str, digest.Table]:
    """Return the tables whose rows carry a digest, by name."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_TABLES)
        return {table.name: table for table in digest.tables(connection)}


def sound(table: str, alias: str) -> str:
    """Return the SQL condition that a row of the table is as it was written."""
    return digested()[table].sound(alias)


def definitions(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the SQL that made each table, index and trigger of ours, by name."""
    found = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'words\\_%'"
        " ESCAPE '\\' ORDER BY name"
    )
    return {str(name): str(sql) for name, sql in found}


def definitions_digest(connection: sqlite3.Connection) -> str:
    """Return a digest of the definitions, to compare with the one noted when they were made."""
    written = json.dumps(definitions(connection)).encode()
    return hashlib.blake2b(written, digest_size=16).hexdigest()


@cache
def _new_digest() -> str:
    """Return what `definitions_digest` gives of a new catalog."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_schema())
        return definitions_digest(connection)


def _schema() -> str:
    triggers = "".join(table.triggers() for table in digested().values())
    return f"{_TABLES}{triggers}"


def _connect(path: Path) -> sqlite3.Connection:
    connection = _opened(path.absolute().as_uri())
    with _closed_on_error(connection):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
    return connection


def _connect_or_look(path: Path) -> sqlite3.Connection:
    """Connect; where nothing may be written, only look, if no writer left anything behind."""
    try:
        return _connect(path)
    except sqlite3.OperationalError as exc:
        log = path.with_name(f"{path.name}-wal")
        read_only = _primary(exc) in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
        if not read_only or (log.exists() and log.stat().st_size):
            raise
    return _opened(f"{path.absolute().as_uri()}?immutable=1")


def _opened(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri,
        uri=True,
        timeout=BUSY_S,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    digest.register(connection)
    return connection


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _make_tables(connection: sqlite3.Connection) -> None:
    failpoint("create.before")
    try:
        connection.executescript(
            f"BEGIN IMMEDIATE; {_schema()}"
            f" INSERT INTO settings (key, value) VALUES ('{DEFINITIONS}', '{_new_digest()}');"
            f" PRAGMA application_id = {APPLICATION_ID}; "
            f"PRAGMA user_version = {VERSION}; COMMIT;"
        )
    except sqlite3.OperationalError:
        _roll_back(connection)
        if _version(connection) == 0:  # else another process has just made them
            raise
    failpoint("create.after")


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:  # SQLite may have rolled back by itself, on a full disk
        connection.execute("ROLLBACK")


def _primary(exc: sqlite3.Error) -> int | None:
    code: int | None = getattr(exc, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _version(connection: sqlite3.Connection) -> int:
    """Return the version of our tables, 0 for an empty file, -1 for a foreign database."""
    ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if not ours:
        return -1 if tables else 0
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _check_version(folder: Path, version: int) -> None:
    if version == 0:
        raise NoIndexError(_no_index(folder))
    if version > VERSION:
        raise DamagedIndexError(
            f"the index at {folder} was made by a newer ragkit; upgrade ragkit to read it"
        )
    if 0 < version < VERSION:
        raise DamagedIndexError(
            f"the index at {folder} was made by an earlier ragkit, in a form that is not read any "
            "more; choose another folder with --index, or move this one away, and ingest again: "
            "the documents themselves are not affected"
        )
    if version != VERSION:
        raise NotAnIndexError(
            f"{folder / FILE_NAME} is not the catalog of a ragkit index; choose another folder "
            "with --index, or move this one away and ingest again"
        )


def _no_index(folder: Path) -> str:
    return f"there is no index at {folder}; run: ragkit ingest PATH"


def check_ours_or_empty(folder: Path) -> None:
    """Compare a folder with what an index may be made of.

    Raises:
        NotAnIndexError: If it is a file, or holds something that is not ours.
    """
    if folder.exists() and not folder.is_dir():
        raise NotAnIndexError(f"{folder} is a file, not an index folder; choose another --index")
    if not folder.is_dir() or (folder / FILE_NAME).exists():
        return
    with translated(folder):
        stranger = next((e.name for e in folder.iterdir() if e.name not in _BEFORE_TABLES), None)
    if stranger is not None:
        raise NotAnIndexError(
            f"{folder} is not a ragkit index: it holds {stranger!r}; choose an empty or a new "
            "folder with --index"
        )


def damaged(folder: Path, why: str, *, verified: bool = False) -> str:
    """Return the sentence that says that a catalog is damaged.

    Args:
        folder: The index folder.
        why: What was seen of it.
        verified: Whether `verify` has found it beyond mending.
    """
    first = "" if verified else "run ragkit verify, which mends what can be mended, else "
    return (
        f"the catalog {folder / FILE_NAME} is damaged ({why}); {first}restore it from a backup, "
        "or move the folder away and ingest again: the documents themselves are not affected"
    )


def _translate(exc: sqlite3.Error, folder: Path) -> RagkitError:
    codes = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
    # A table or a text that cannot be read has no code of its own, but the same cause.
    if _primary(exc) in codes or re.search("no such (table|column)|decode to UTF-8", str(exc)):
        return DamagedIndexError(damaged(folder, str(exc)))
    if _primary(exc) in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StorageError(
            f"another process kept the index at {folder} busy for too long; run the command again"
        )
    return StorageError(
        f"the index at {folder} cannot be read or written ({exc}); free disk space or check its "
        "permissions: what was stored before is unharmed"
    )
