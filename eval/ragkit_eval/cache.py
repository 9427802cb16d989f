"""Answers by what they were made from, so that the same work is not done, or paid for, twice."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from ragkit_eval.recorded import Recorded, from_json
from ragkit_ingest.errors import StorageError

FILE = "answers.sqlite"


class AnswerCache:
    """A file of answers by key. Each is stored as soon as it is given; several runs may share it.

    Args:
        folder: Where the file lies; made if needed. None for a cache that keeps nothing.

    Raises:
        StorageError: If the file cannot be opened, or holds something else.
    """

    def __init__(self, folder: Path | None) -> None:
        self.hits = 0
        self._db: sqlite3.Connection | None = None
        if folder is None:
            return
        self._path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self._path, timeout=30, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL)"
            )
        except (OSError, sqlite3.Error) as exc:
            raise self._failed(exc) from exc

    def close(self) -> None:
        """Release the file."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def get(self, key: str) -> Recorded | None:
        """Return the answer of a key; None if there is none, or it is damaged."""
        if self._db is None:
            return None
        try:
            with closing(
                self._db.execute("SELECT answer FROM answers WHERE key = ?", (key,))
            ) as found:
                row = found.fetchone()
        except sqlite3.Error as exc:
            raise self._failed(exc) from exc
        if row is None:
            return None
        try:
            answer = from_json(json.loads(row[0]))
        except (KeyError, TypeError, ValueError):
            return None
        self.hits += 1
        return answer

    def put(self, key: str, answer: Recorded) -> None:
        """Keep an answer; one that failed is not kept, so that it is tried again."""
        if self._db is None or answer.failure:
            return
        text = json.dumps(answer.to_json(timed=True), ensure_ascii=False)
        try:
            self._db.execute("INSERT OR REPLACE INTO answers VALUES (?, ?)", (key, text))
        except sqlite3.Error as exc:
            raise self._failed(exc) from exc

    def _failed(self, exc: Exception) -> StorageError:
        return StorageError(
            f"the cache {self._path} cannot be used ({exc}); delete it, or run with --no-cache"
        )


def key_of(parts: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the parts' canonical JSON, in hexadecimal."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
