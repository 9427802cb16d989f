"""The state of a write-ahead log, compared with what SQLite itself takes from it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ragkit_ingest.catalog.log import LogState, read_log

ROWS = 40


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a log of several transactions, as a killed process leaves it."""
    folder = tmp_path_factory.mktemp("log")
    with closing(sqlite3.connect(folder / "live", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("CREATE TABLE t (n INTEGER, text TEXT)")
        for number in range(ROWS):
            connection.execute("INSERT INTO t VALUES (?, ?)", (number, "x" * 700))
        for end in ("", "-wal"):
            shutil.copy(folder / f"live{end}", folder / f"copy{end}")
    return folder / "copy"


def rows(database: Path) -> int:
    with closing(sqlite3.connect(database)) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM t").fetchone()[0])
        except sqlite3.OperationalError:  # not even the table
            return 0


def copied(written: Path, folder: Path) -> tuple[Path, Path]:
    for end in ("", "-wal"):
        shutil.copy(f"{written}{end}", folder / f"db{end}")
    return folder / "db", folder / "db-wal"


def test_an_absent_or_empty_log_has_nothing(tmp_path: Path) -> None:
    assert read_log(tmp_path / "none") == LogState()
    (tmp_path / "empty").touch()
    assert read_log(tmp_path / "empty") == LogState()


def test_a_sound_log_is_read_to_its_end(written: Path, tmp_path: Path) -> None:
    database, log = copied(written, tmp_path)
    state = read_log(log)
    assert state.entries == (log.stat().st_size - 32) // (24 + 4096)
    assert (state.lost, state.unfinished) == (False, False)
    assert rows(database) == ROWS


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_flip_loses_what_stands_behind_it_and_that_is_seen(
    written: Path, tmp_path: Path, share: float
) -> None:
    database, log = copied(written, tmp_path)
    content = bytearray(log.read_bytes())
    content[int(share * len(content))] ^= 4
    log.write_bytes(content)
    state = read_log(log)
    assert state.entries == int(share * len(content) - 32) // (24 + 4096)
    assert state.lost
    assert 0 <= rows(database) < ROWS


def test_a_flip_in_the_last_entry_looks_unfinished(written: Path, tmp_path: Path) -> None:
    database, log = copied(written, tmp_path)
    content = bytearray(log.read_bytes())
    content[-9] ^= 4
    log.write_bytes(content)
    assert (read_log(log).lost, read_log(log).unfinished) == (False, True)
    assert rows(database) == ROWS - 1


@pytest.mark.parametrize("cut", [1, 4096, 4100, 4119])
def test_an_entry_cut_short_is_unfinished(written: Path, tmp_path: Path, cut: int) -> None:
    database, log = copied(written, tmp_path)
    log.write_bytes(log.read_bytes()[:-cut])
    assert (read_log(log).lost, read_log(log).unfinished) == (False, True)
    assert rows(database) == ROWS - 1


@pytest.mark.parametrize("place", [0, 5, 9, 17, 30])
def test_a_damaged_header_loses_all(written: Path, tmp_path: Path, place: int) -> None:
    _, log = copied(written, tmp_path)
    content = bytearray(log.read_bytes())
    content[place] ^= 16
    log.write_bytes(content)
    assert read_log(log) == LogState(lost=True, unfinished=True)


def test_what_an_earlier_round_left_behind_is_no_damage(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (text TEXT)")
        for _ in range(9):
            connection.execute("INSERT INTO t VALUES (?)", ("x" * 3000,))
        connection.execute("PRAGMA wal_checkpoint(RESTART)")
        connection.execute("INSERT INTO t VALUES ('a')")
        state = read_log(tmp_path / "db-wal")
    assert 0 < state.entries < 4
    assert (state.lost, state.unfinished) == (False, False)
