"""The cache gives back what it was given, and nothing that is damaged or failed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ragkit_eval.cache import FILE, AnswerCache, key_of
from ragkit_eval.recorded import Recorded
from ragkit_ingest.errors import StorageError

ANSWER = Recorded(arm="rag", id="q1", text="Yes.", latency_ms={"total": 3.5})


def test_what_is_put_is_got_by_another_run(tmp_path: Path) -> None:
    with closing(AnswerCache(tmp_path / "cache")) as cache:
        assert cache.get("k") is None
        cache.put("k", ANSWER)
        cache.put("broken", Recorded(arm="rag", id="q2", text="", failure="gone"))
    with closing(AnswerCache(tmp_path / "cache")) as cache:
        assert (cache.get("k"), cache.hits) == (ANSWER, 1)
        assert cache.get("broken") is None


def test_a_damaged_answer_is_none(tmp_path: Path) -> None:
    with closing(AnswerCache(tmp_path)) as cache:
        cache.put("k", ANSWER)
    with closing(sqlite3.connect(tmp_path / FILE)) as db:
        db.execute("UPDATE answers SET answer = '{'")
        db.commit()
    with closing(AnswerCache(tmp_path)) as cache:
        assert (cache.get("k"), cache.hits) == (None, 0)


def test_a_file_that_is_no_cache(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(
        "not a database, and long enough to be read as a header of one" * 9
    )
    with pytest.raises(StorageError, match="delete it, or run with --no-cache"):
        AnswerCache(tmp_path)


def test_none_keeps_nothing() -> None:
    cache = AnswerCache(None)
    cache.put("k", ANSWER)
    assert cache.get("k") is None
    cache.close()


def test_keys_do_not_depend_on_order() -> None:
    assert key_of({"a": 1, "b": [2]}) == key_of({"b": [2], "a": 1})
    assert key_of({"a": 1}) != key_of({"a": "1"})
