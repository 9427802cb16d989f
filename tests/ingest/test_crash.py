"""Processes that die, wait and read at the worst moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ragkit_ingest.errors import IndexLockedError
from ragkit_ingest.index import Index
from ragkit_ingest.lock import writer_lock
from ragkit_ingest.store.exact import ExactStore
from ragkit_ingest.sync import SyncSettings, sync
from tests.ingest.conftest import Bench, Open
from tests.ingest.test_sync import consistent
from tests.support.counting import CountingParsers
from tests.support.folder import Folder, word
from tests.support.hashing import HashingEmbedder

ROOT = Path(__file__).parents[2]
FILES, PARTS = 5, 300  # enough texts for three batches


def start(index: Path, docs: Path, how: str) -> subprocess.Popen[str]:
    paths = [str(ROOT), str(ROOT / "ingest"), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.sync_process", str(index), str(docs), how],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_sync(index: Path, docs: Path, how: str) -> None:
    """Run a sync that kills itself."""
    with start(index, docs, how) as process:
        process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL


def big(docs: Folder, edition: str) -> None:
    for number in range(FILES):
        parts = [
            f"## Part {part}\n\n{edition} {word(number)} {word(part)}." for part in range(PARTS)
        ]
        docs.write(f"{number}.md", f"# File {number}\n\n" + "\n\n".join(parts))


@pytest.mark.parametrize("how", ["embed:1", "embed:2", "embed:3", "publish"])
def test_a_killed_first_sync_is_taken_up_where_it_ended(
    tmp_path: Path, docs: Folder, open_index: Open, how: str
) -> None:
    big(docs, "first")
    kill_sync(tmp_path / "index", docs.path, how)
    bench = Bench(open_index(), docs)
    assert bench.index.status().chunks == 0
    assert bench.find("first", k=5) == []
    paid = stored_vectors(bench.index)
    report = bench.sync()
    assert (report.files.indexed, report.chunks.total) == (FILES, FILES * PARTS)
    assert paid + report.embedded == FILES * PARTS
    assert paid >= {"embed:1": 0, "embed:2": 512, "embed:3": 600, "publish": 1500}[how]
    consistent(bench)
    assert len(list(bench.index.generations.iterdir())) == 1


@pytest.mark.parametrize("how", ["embed:2", "publish"])
def test_a_killed_edit_shows_nothing_of_itself(
    tmp_path: Path, docs: Folder, open_index: Open, how: str
) -> None:
    big(docs, "first")
    bench = Bench(open_index(), docs)
    bench.sync()
    big(docs, "second")
    (docs.path / "4.md").unlink()
    kill_sync(bench.index.folder, docs.path, how)
    everything = bench.find("part", k=10_000)
    assert len(everything) == FILES * PARTS
    assert not any("second" in text for text in everything)
    assert set(bench.states().values()) == {"indexed"}
    paid = stored_vectors(bench.index) - FILES * PARTS
    report = bench.sync()
    assert paid + report.embedded == 4 * PARTS
    everything = bench.find("part", k=10_000)
    assert len(everything) == 4 * PARTS
    assert all("second" in text for text in everything)
    consistent(bench)


def test_killed_twice_in_a_row(tmp_path: Path, docs: Folder, open_index: Open) -> None:
    big(docs, "first")
    for how in ("embed:2", "embed:2", "publish", "publish"):
        kill_sync(tmp_path / "index", docs.path, how)
    bench = Bench(open_index(), docs)
    report = bench.sync()
    assert (report.embedded, report.chunks.total, bench.parsers.parsed) == (0, FILES * PARTS, [])
    consistent(bench)


def stored_vectors(index: Index) -> int:
    return int(index.connection.execute("SELECT count(*) FROM vectors").fetchone()[0])


def test_a_second_writer_is_refused_and_told_whom_to_wait_for(
    bench: Bench,
) -> None:
    bench.docs.fill(2)
    bench.sync()
    bench.docs.fill(1, start=2)
    with start(bench.index.folder, bench.docs.path, "hold") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        with pytest.raises(IndexLockedError, match=rf"pid {process.pid}\b"):
            bench.sync()
        assert bench.find("costs", k=5)  # readers are not held up
        assert bench.plan().added == ("2.md",)
        process.communicate("\n", timeout=60)
    assert process.returncode == 0
    assert "2.md" in bench.states()


def test_the_lock_of_a_killed_writer_is_free(bench: Bench) -> None:
    bench.docs.fill(2)
    with start(bench.index.folder, bench.docs.path, "hold") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    assert bench.sync().files.indexed == 2


def test_a_lock_is_held_within_one_process_too(tmp_path: Path) -> None:
    with (
        writer_lock(tmp_path),
        pytest.raises(IndexLockedError, match=rf"pid {os.getpid()}\b"),
        writer_lock(tmp_path, wait_s=0.1),
    ):
        pass
    with writer_lock(tmp_path):
        pass


def test_an_unreadable_owner_is_left_unnamed(tmp_path: Path) -> None:
    with writer_lock(tmp_path):
        (tmp_path / "lock.owner").write_text("no json")
        with (
            pytest.raises(IndexLockedError, match=r"another process is writing"),
            writer_lock(tmp_path, wait_s=0.1),
        ):
            pass


def test_a_reader_in_another_process_moves_with_each_generation(bench: Bench) -> None:
    """The bench reads; another process writes what it reads."""
    bench.docs.fill(6)
    bench.sync()
    assert len(bench.find("costs", k=100)) == 6
    bench.docs.write("0.md", "# Note 0\n\nThe kettle is green.")
    (bench.docs.path / "1.md").unlink()
    with start(bench.index.folder, bench.docs.path, "whole") as process:
        process.communicate(timeout=60)
    assert process.returncode == 0
    everything = bench.find("Note 0 The kettle is green.", k=100)
    assert len(everything) == 5
    assert everything[0] == "Note 0\n\nThe kettle is green."
    assert not any(word(0) in text or word(1) in text for text in everything)


def test_a_reader_that_missed_generations_still_answers(tmp_path: Path, docs: Folder) -> None:
    def opened(*, create: bool = False) -> Index:
        return Index(
            tmp_path / "index",
            embedder=HashingEmbedder(),
            store=ExactStore(),
            create=create,
            exact_at_most=0,
        )

    docs.fill(3)
    writer = opened(create=True)
    sync(writer, [docs.path], SyncSettings(), parsers=CountingParsers())
    reader = opened()
    with reader.reader() as reading:  # one state of the catalog, held while others publish
        before = reading.live_ids()
        for n in range(3):
            docs.write("0.md", f"# Note\n\nedit {n}")
            sync(writer, [docs.path], SyncSettings(), parsers=CountingParsers())
        question = reader.embedder.embed_query("costs")
        assert {id_ for id_, _ in reader.dense(question, 10)} == set(before)
        assert "missing" in reader.store_damage
    assert {id_ for id_, _ in reader.dense(question, 10)} != set(before)
    assert reader.store_damage == ""
    reader.close()
    writer.close()
