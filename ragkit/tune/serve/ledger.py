"""The server's memory: one SQLite file, each change on the disk before it is answered for."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Generic, TypeVar

from ragkit.tune.serve.record import Record
from ragkit_ingest.errors import StorageError

VERSION = 1
_SCHEMA = """
CREATE TABLE record (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX record_place ON record (kind, owner, seq);
"""
R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[R]):
    """A part of a list.

    Attributes:
        records: In the order asked for.
        has_more: Whether others follow.
    """

    records: tuple[R, ...]
    has_more: bool


class UnknownCursorError(LookupError):
    """A page was asked for after a record that the list does not hold."""


class Ledger:
    """Records by kind and id, in the order in which they were added. Threads may share it.

    Args:
        path: The file; made if it is not there.

    Raises:
        StorageError: If it cannot be opened, or is no ledger of this version.
    """

    def __init__(self, path: Path) -> None:
        self._lock = RLock()
        self._deep = 0
        try:
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._prepare(path)
        except sqlite3.Error as exc:
            raise StorageError(
                f"the server's state {path} cannot be opened ({exc}); give another folder as "
                "--data, or restore the file from a backup"
            ) from exc

    def _prepare(self, path: Path) -> None:
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self._db.executescript(
                f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;"
            )
        elif version != VERSION:
            self._db.close()
            raise StorageError(
                f"the server's state {path} has version {version}, and this ragkit reads "
                f"{VERSION}; give another folder as --data"
            )

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make the changes of the body one: all are kept, or none if it raises."""
        with self._lock:
            self._deep += 1
            try:
                if self._deep == 1:
                    self._db.execute("BEGIN IMMEDIATE")
                yield
            except BaseException:
                if self._deep == 1 and self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            else:
                if self._deep == 1:
                    self._db.execute("COMMIT")
            finally:
                self._deep -= 1

    def add(self, *records: Record) -> None:
        """Add records, in this order."""
        with self.together():
            self._db.executemany(
                "INSERT INTO record (kind, id, owner, body) VALUES (?, ?, ?, ?)",
                [(r.KIND, r.id, r.owner, json.dumps(r.to_row())) for r in records],
            )

    def get(self, kind: type[R], name: str) -> R | None:
        """Return a record; None if there is none of this kind and id."""
        with self._lock:
            row = self._db.execute(
                "SELECT body FROM record WHERE kind = ? AND id = ?", (kind.KIND, name)
            ).fetchone()
        return kind.from_row(json.loads(row[0])) if row else None

    def change(self, record: Record) -> None:
        """Replace the record with this id."""
        with self.together():
            self._db.execute(
                "UPDATE record SET body = ? WHERE kind = ? AND id = ?",
                (json.dumps(record.to_row()), record.KIND, record.id),
            )

    def drop(self, kind: type[Record], name: str) -> None:
        """Remove a record, if it is there."""
        with self.together():
            self._db.execute("DELETE FROM record WHERE kind = ? AND id = ?", (kind.KIND, name))

    def all(self, kind: type[R], *, owner: str = "") -> tuple[R, ...]:
        """Return all records of a kind, oldest first."""
        with self._lock:
            rows = self._db.execute(
                "SELECT body FROM record WHERE kind = ? AND owner = ? ORDER BY seq",
                (kind.KIND, owner),
            ).fetchall()
        return tuple(kind.from_row(json.loads(body)) for (body,) in rows)

    def page(
        self,
        kind: type[R],
        *,
        owner: str = "",
        after: str | None = None,
        limit: int,
        oldest_first: bool = False,
        keep: Callable[[R], bool] = lambda _: True,
    ) -> Page[R]:
        """Return a part of the list of a kind.

        Args:
            kind: Of the records.
            owner: Only those of this owner.
            after: Begin behind the record with this id; None for the beginning.
            limit: Most records, 1 or more.
            oldest_first: Whether they are in the order of their making, not the other way round.
            keep: Which of them are in the list.

        Raises:
            UnknownCursorError: If there is no such record to begin behind.
        """
        way, order = (">", "ASC") if oldest_first else ("<", "DESC")
        found: list[R] = []
        with self._lock:
            bound = -1 if oldest_first else 1 << 62
            if after is not None:
                bound = self._place(kind, owner, after)
            rows = self._db.execute(
                f"SELECT body FROM record WHERE kind = ? AND owner = ? AND seq {way} ? "
                f"ORDER BY seq {order}",
                (kind.KIND, owner, bound),
            )
            for (body,) in rows:
                record = kind.from_row(json.loads(body))
                if keep(record):
                    found.append(record)
                if len(found) > limit:
                    break
            rows.close()
        return Page(records=tuple(found[:limit]), has_more=len(found) > limit)

    def _place(self, kind: type[Record], owner: str, name: str) -> int:
        row = self._db.execute(
            "SELECT seq FROM record WHERE kind = ? AND owner = ? AND id = ?",
            (kind.KIND, owner, name),
        ).fetchone()
        if row is None:
            raise UnknownCursorError(name)
        return int(row[0])
