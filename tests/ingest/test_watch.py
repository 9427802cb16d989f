"""A watch syncs what changed, waits for what is changing, and outlives what goes wrong."""

from __future__ import annotations

import queue
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit_ingest.errors import (
    ConfigError,
    IndexLockedError,
    MassDeletionError,
    NoIndexError,
    NothingToIngestError,
    StorageError,
    UsageError,
)
from ragkit_ingest.index import Index
from ragkit_ingest.lock import writer_lock
from ragkit_ingest.report import IngestReport
from ragkit_ingest.source import SourceDocument
from ragkit_ingest.store.exact import ExactStore
from ragkit_ingest.sync import SyncSettings, sync, sync_documents
from ragkit_ingest.watch import Reach, Settling, SyncFailure, WatchEvent, WatchSettings, watch
from tests.ingest.conftest import Bench
from tests.ingest.test_sync import consistent
from tests.support.counting import CountingParsers
from tests.support.folder import Folder
from tests.support.hashing import HashingEmbedder

PATIENCE_S = 30.0  # how long a test waits for what must happen; nothing waits so long if it does


class Watcher:
    """A watch in a thread of its own, whose events are taken one by one."""

    def __init__(self, bench: Bench, *paths: Path, known: bool = False, **changes: Any) -> None:
        options: dict[str, Any] = {
            "settle_s": 0.1,
            "retry_s": 0.1,
            "longest_retry_s": 0.4,
            "look_s": 0.05,
            "poll_s": 0.05,
        }
        allowed = changes.pop("allow_mass_delete", False)
        self.stop = threading.Event()
        self.syncs: list[SyncSettings] = []
        self._events: queue.Queue[WatchEvent | BaseException | None] = queue.Queue()
        self._stream = watch(
            bench.index,
            [] if known else list(paths) or [bench.docs.path],
            SyncSettings(allow_mass_delete=allowed),
            WatchSettings(**options | changes),
            stop=self.stop,
            parsers=bench.parsers,
        )
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        try:
            for event in self._stream:
                self._events.put(event)
        except BaseException as exc:  # noqa: BLE001 - handed to the test
            self._events.put(exc)
        self._events.put(None)

    def next(self) -> WatchEvent:
        event = self._events.get(timeout=PATIENCE_S)
        assert event is not None, "the watch has ended"
        if isinstance(event, BaseException):
            raise event
        return event

    def report(self) -> IngestReport:
        event = self.next()
        assert isinstance(event, IngestReport), event
        return event

    def failure(self) -> SyncFailure:
        event = self.next()
        assert isinstance(event, SyncFailure), event
        return event

    def reports_until(self, reached: Callable[[], bool]) -> list[IngestReport]:
        """Take reports until the index is as it must become; changes may come in several syncs."""
        reports = []
        while not reached():
            reports.append(self.report())
        return reports

    def close(self) -> None:
        self.stop.set()
        self._thread.join(timeout=PATIENCE_S)
        assert not self._thread.is_alive()

    def left(self) -> list[WatchEvent | BaseException]:
        """Stop, and return what nobody took."""
        self.close()
        left: list[WatchEvent | BaseException] = []
        while (event := self._events.get_nowait()) is not None:
            left.append(event)
        return left


Follow = Callable[..., Watcher]


@pytest.fixture
def follow(bench: Bench) -> Iterator[Follow]:
    started: list[Watcher] = []

    def start(*paths: Path, **options: Any) -> Watcher:
        started.append(Watcher(bench, *paths, **options))
        return started[-1]

    yield start
    for watcher in started:
        watcher.close()


# -- following ---------------------------------------------------------------------------------


@pytest.mark.parametrize("poll", [True, False])
def test_changes_are_followed(bench: Bench, follow: Follow, poll: bool) -> None:
    bench.docs.fill(6)
    watcher = follow(poll=poll)
    assert watcher.report().files.indexed == 6

    bench.docs.write("new.md", "# New\n\nA word about descaling.")
    watcher.reports_until(lambda: "new.md" in bench.states())
    bench.docs.write("0.md", "# Note 0\n\nThe kettle is blue now.")
    watcher.reports_until(lambda: "blue" in bench.text("0.md"))
    (bench.docs.path / "1.md").unlink()
    watcher.reports_until(lambda: "1.md" not in bench.states())
    bench.docs.write("sub/deep/x.md", "# X\n\ndeep")
    watcher.reports_until(lambda: "sub/deep/x.md" in bench.states())
    (bench.docs.path / "sub").rename(bench.docs.path / "moved")
    watcher.reports_until(lambda: "moved/deep/x.md" in bench.states())
    assert "sub/deep/x.md" not in bench.states()
    bench.docs.write("moved/deep/x.md", "# X\n\nedited there")
    watcher.reports_until(lambda: "edited" in bench.text("moved/deep/x.md"))
    assert watcher.left() == []
    consistent(bench)


def test_a_burst_of_changes_is_one_sync(bench: Bench, follow: Follow) -> None:
    bench.docs.fill(2)
    watcher = follow(settle_s=1.0)
    watcher.report()
    bench.docs.fill(40, start=2)
    assert watcher.report().files.indexed == 40
    assert watcher.left() == []


def test_what_happens_during_a_sync_is_not_missed(bench: Bench, follow: Follow) -> None:
    bench.docs.fill(3)
    parsing, go_on = threading.Event(), threading.Event()

    class Slow(CountingParsers):
        def parse_all(self, sources):  # type: ignore[no-untyped-def]
            parsing.set()
            assert go_on.wait(PATIENCE_S)
            yield from super().parse_all(sources)

    bench.parsers = Slow()
    watcher = follow()
    assert parsing.wait(PATIENCE_S)
    bench.docs.write("late.md", "# Late\n\nWritten while the others were read.")
    go_on.set()
    assert watcher.report().files.indexed == 3
    watcher.reports_until(lambda: "late.md" in bench.states())


def test_a_single_file_is_followed_and_its_neighbours_are_not(
    bench: Bench, follow: Follow, tmp_path: Path
) -> None:
    paths = bench.docs.fill(2)
    watcher = follow(paths[0])
    assert watcher.report().files.indexed == 1
    bench.docs.write("1.md", "# Note 1\n\nedited")
    replacement = tmp_path / "replacement"
    replacement.write_text("# Note 0\n\nput in its place, as editors do")
    replacement.rename(paths[0])
    assert watcher.report().files.indexed == 1
    assert "editors" in bench.text("0.md")
    paths[0].unlink()
    assert isinstance(watcher.failure().error, UsageError)
    bench.docs.write("0.md", "# Note 0\n\nback again")
    watcher.reports_until(lambda: "back" in bench.text("0.md"))
    assert list(bench.states()) == ["0.md"]


def test_without_a_path_what_was_ingested_before_is_followed(
    bench: Bench, follow: Follow, tmp_path: Path
) -> None:
    bench.docs.fill(2)
    single = tmp_path / "single.md"
    single.write_text("# Single\n\nfirst")
    bench.sync(bench.docs.path, single)
    sync_documents(
        bench.index, "shop", [SourceDocument(id="1", text="Of a source.")], SyncSettings()
    )
    watcher = follow(known=True)
    assert watcher.report().files.unchanged == 3
    bench.docs.write("0.md", "# Note 0\n\nedited")
    watcher.reports_until(lambda: "edited" in bench.text("0.md"))
    single.write_text("# Single\n\nsecond edition")
    watcher.reports_until(lambda: "second" in bench.text("single.md"))
    assert "shop/1" in bench.states()


def test_without_a_path_there_must_be_something_to_follow(bench: Bench) -> None:
    with pytest.raises(NothingToIngestError, match="no folder was ingested before"):
        next(watch(bench.index, [], SyncSettings()))


def test_a_folder_that_is_a_link_is_followed(bench: Bench, follow: Follow, tmp_path: Path) -> None:
    bench.docs.fill(1)
    link = tmp_path / "link"
    link.symlink_to(bench.docs.path)
    watcher = follow(link)
    watcher.report()
    bench.docs.write("new.md", "# New\n\ntext")
    watcher.reports_until(lambda: "new.md" in bench.states())


# -- what does not count -----------------------------------------------------------------------


def test_an_index_within_the_folder_causes_no_sync(tmp_path: Path) -> None:
    docs = Folder(tmp_path / "docs")
    docs.fill(2)
    index = Index(
        docs.path / "my.index", embedder=HashingEmbedder(), store=ExactStore(), create=True
    )
    bench = Bench(index, docs)
    scans: list[str] = []

    def count(progress: Any) -> None:
        if progress.stage == "scan":
            scans.append("scan")

    stop = threading.Event()
    settings = WatchSettings(settle_s=0.05, look_s=0.05)
    stream = watch(index, [docs.path], SyncSettings(), settings, count, stop=stop)
    assert isinstance(next(stream), IngestReport)
    docs.write("new.md", "# New\n\ntext")
    assert isinstance(next(stream), IngestReport)  # which wrote a lot into my.index
    ended = threading.Thread(target=lambda: [None for _ in stream], daemon=True)
    ended.start()
    before = len(scans)
    docs.write("last.md", "# Last\n\ntext")  # a change that counts, after those that do not
    deadline = time.monotonic() + PATIENCE_S
    while "last.md" not in bench.states() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.5)  # a loop would sync many times meanwhile
    stop.set()
    ended.join(PATIENCE_S)
    assert "last.md" in bench.states()
    assert len(scans) - before <= 3
    index.close()


def test_reach_is_what_the_walk_comes_upon(docs: Folder) -> None:
    for name in ("a.md", "sub/b.md", "build/c.md", ".git/d.md", "other/catalog.sqlite", "x.tmp"):
        docs.write(name, "text")
    docs.write(".ragkitignore", "build/\n*.tmp\n")
    docs.write("sub/.ragkitignore", "!x.tmp\n")
    yes = ["", "a.md", "sub", "sub/b.md", "sub/gone.md", "sub/x.tmp", ".ragkitignore"]
    yes += ["sub/.ragkitignore"]
    no = ["build", "build/c.md", "build/deep/gone.md", ".git/d.md", ".hidden", "x.tmp"]
    no += ["other", "other/catalog.sqlite", "other/generations/1/x.md", "build/.ragkitignore"]
    reach = Reach(docs.path)
    assert [name for name in yes if not reach.covers(docs.path / name)] == []
    assert [name for name in no if reach.covers(docs.path / name)] == []
    docs.write("sub/.ragkitignore", "!\n")
    with pytest.raises(ConfigError):
        Reach(docs.path).covers(docs.path / "sub" / "b.md")


def test_a_new_rule_is_followed(bench: Bench, follow: Follow) -> None:
    bench.docs.fill(6)
    watcher = follow()
    watcher.report()
    bench.docs.write(".ragkitignore", "0.md\n")
    assert watcher.report().files.removed == 1
    bench.docs.write(".ragkitignore", "!\n")
    failure = watcher.failure()
    assert isinstance(failure.error, ConfigError)
    assert "line 1" in str(failure.error)
    bench.docs.write(".ragkitignore", "")
    watcher.reports_until(lambda: "0.md" in bench.states())


# -- settling ----------------------------------------------------------------------------------

A, B = Path("/a"), Path("/b")


def test_a_change_is_due_once_it_has_settled() -> None:
    settling = Settling(settle_s=1.0, patience_s=10.0)
    assert not settling.due(0.0)
    settling.note([A], 0.0)
    assert not settling.due(0.9)
    settling.note([A], 0.5)
    assert not settling.due(1.4)
    assert settling.due(1.5)
    assert settling.take(1.5) == frozenset()
    assert not settling.due(100.0)


def test_one_that_keeps_changing_does_not_hold_up_the_others_for_ever() -> None:
    settling = Settling(settle_s=1.0, patience_s=10.0)
    settling.note([B], 0.0)
    for tenth in range(100):
        settling.note([A], tenth / 10)
        assert not settling.due(tenth / 10)
    settling.note([A], 10.0)
    assert settling.due(10.0)
    assert settling.take(10.0) == {A}
    assert not settling.due(10.5)
    settling.note([A], 30.0)
    assert not settling.due(30.5)  # with nothing else to take, there is no hurry
    assert settling.due(31.0)


@given(st.lists(st.tuples(st.floats(0.01, 3), st.sets(st.sampled_from([A, B]))), max_size=30))
def test_every_change_is_taken_after_it_settled(
    steps: list[tuple[float, set[Path]]],
) -> None:
    settling = Settling(settle_s=1.0, patience_s=5.0)
    now, open_since = 0.0, dict[Path, float]()
    for pause, changed in [*steps, (1.5, set()), (1.5, set())]:
        now += pause
        if settling.due(now):
            held = settling.take(now)
            assert all(now - at < 1.0 for path, at in open_since.items() if path in held)
            assert all(now - at >= 1.0 for path, at in open_since.items() if path not in held)
            open_since = {path: at for path, at in open_since.items() if path in held}
        settling.note(changed, now)
        open_since |= dict.fromkeys(changed, now)
    assert open_since == {}


def test_a_file_that_is_being_written_is_left_until_it_settles(
    bench: Bench, follow: Follow
) -> None:
    bench.docs.fill(4)
    bench.docs.write("known.md", "# Known\n\nas it was")
    watcher = follow(settle_s=0.8, patience_s=1.0)
    watcher.report()
    growing, known = bench.docs.path / "growing.md", bench.docs.path / "known.md"
    other = bench.docs.path / "other.md"
    other.write_text("# Other\n\ncomplete at once")
    deadline = time.monotonic() + PATIENCE_S
    while "other.md" not in bench.states() and time.monotonic() < deadline:
        for path in (growing, known):
            with path.open("a") as file:
                file.write("and more ")
        time.sleep(0.05)
    states = bench.states()
    assert "other.md" in states
    assert "growing.md" not in states
    assert bench.text("known.md") == "Known\n\nas it was"
    whole = growing.read_text().strip()
    watcher.reports_until(lambda: "growing.md" in bench.states())
    assert bench.text("growing.md") == whole
    watcher.reports_until(lambda: "more" in bench.text("known.md"))
    consistent(bench)


# -- what goes wrong ---------------------------------------------------------------------------


def test_a_locked_index_is_said_once_and_tried_again(bench: Bench, follow: Follow) -> None:
    bench.docs.fill(3)
    with writer_lock(bench.index.folder):
        watcher = follow()
        failure = watcher.failure()
        assert isinstance(failure.error, IndexLockedError)
        assert failure.to_json()["error"] == {
            "type": "IndexLockedError",
            "message": str(failure.error),
        }
        time.sleep(1.5)  # further tries fail meanwhile
    assert watcher.report().files.indexed == 3
    assert watcher.left() == []


def test_others_may_write_between_the_syncs(bench: Bench, follow: Follow, tmp_path: Path) -> None:
    bench.docs.fill(2)
    other = Folder(tmp_path / "other")
    other.fill(1)
    watcher = follow()
    watcher.report()
    report = sync(bench.index, [other.path], SyncSettings(), parsers=CountingParsers())
    assert report.files.indexed == 1
    bench.docs.write("new.md", "# New\n\ntext")
    watcher.reports_until(lambda: "new.md" in bench.states())
    assert "other/0.md" in bench.states()


def test_a_mass_deletion_is_refused_and_said_once(bench: Bench, follow: Follow) -> None:
    paths = bench.docs.fill(8)
    watcher = follow(allow_mass_delete=True)  # which counts for the first sync alone
    watcher.report()
    for path in paths[:6]:
        path.unlink()
    assert isinstance(watcher.failure().error, MassDeletionError)
    time.sleep(1.0)  # further tries are refused meanwhile
    assert len(bench.states()) == 8
    bench.docs.fill(4)
    bench.docs.write("7.md", "# Note 7\n\nedited")
    reports = watcher.reports_until(lambda: "edited" in bench.text("7.md"))
    assert sum(report.files.removed for report in reports) <= 2
    assert watcher.left() == []


def test_a_folder_that_goes_and_comes_back(bench: Bench, follow: Follow, tmp_path: Path) -> None:
    other = Folder(tmp_path / "other")
    bench.docs.fill(4)
    other.fill(4)
    watcher = follow(bench.docs.path, other.path)
    assert watcher.report().files.indexed == 8
    other.path.rename(tmp_path / "away")
    failure = watcher.failure()
    assert str(other.path) in str(failure.error)
    bench.docs.write("new.md", "# New\n\nthe other folder is still followed")
    watcher.reports_until(lambda: "new.md" in bench.states())
    assert "other/0.md" in bench.states()
    (tmp_path / "away").rename(other.path)
    other.write("back.md", "# Back\n\nand followed again")
    watcher.reports_until(lambda: "other/back.md" in bench.states())
    other.write("later.md", "# Later\n\nby notifications of the new folder")
    watcher.reports_until(lambda: "other/later.md" in bench.states())
    consistent(bench)


def test_a_folder_that_is_replaced_by_an_empty_one_loses_nothing(
    bench: Bench, follow: Follow
) -> None:
    """As where a drive is unmounted: the folder it was mounted on is there, and empty."""
    bench.docs.fill(8)
    watcher = follow()
    watcher.report()
    away = bench.docs.path.rename(bench.docs.path.with_name("away"))
    bench.docs.path.mkdir()
    assert isinstance(watcher.failure().error, (MassDeletionError, UsageError))
    bench.docs.path.rmdir()
    away.rename(bench.docs.path)
    bench.docs.write("back.md", "# Back\n\ntext")
    deadline = time.monotonic() + PATIENCE_S
    while "back.md" not in bench.states() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(bench.states()) == 9


def test_an_empty_folder_is_waited_for(bench: Bench, follow: Follow) -> None:
    watcher = follow()
    assert isinstance(watcher.failure().error, NothingToIngestError)
    bench.docs.fill(1)
    assert watcher.report().files.indexed == 1


def test_a_full_disk_is_said_and_outlived(bench: Bench, follow: Follow) -> None:
    bench.docs.fill(2)
    full = [StorageError("the disk is full"), StorageError("the disk is full")]

    class Failing(CountingParsers):
        def parse_all(self, sources):  # type: ignore[no-untyped-def]
            if full:
                raise full.pop()
            yield from super().parse_all(sources)

    bench.parsers = Failing()
    watcher = follow()
    assert "full" in str(watcher.failure().error)
    assert watcher.report().files.indexed == 2
    assert full == []


def test_a_file_that_cannot_be_read_is_news_once(bench: Bench, follow: Follow) -> None:
    bench.docs.fill(2)
    watcher = follow()
    watcher.report()
    bench.docs.write("broken.docx", b"no archive")
    assert watcher.report().failures[0].path == "broken.docx"
    bench.docs.write("new.md", "# New\n\ntext")
    watcher.reports_until(lambda: "new.md" in bench.states())
    bench.docs.touch(bench.docs.path / "new.md")  # a sync without news
    bench.docs.write("newer.md", "# Newer\n\ntext")
    watcher.reports_until(lambda: "newer.md" in bench.states())
    assert watcher.left() == []


def test_an_index_that_is_gone_ends_the_watch(bench: Bench, follow: Follow) -> None:
    bench.docs.fill(2)
    watcher = follow()
    watcher.report()
    shutil.rmtree(bench.index.folder)
    bench.docs.write("new.md", "# New\n\ntext")
    with pytest.raises(NoIndexError):
        watcher.reports_until(lambda: False)


def test_a_system_without_notifications_left_is_looked_at(
    bench: Bench, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    import watchfiles

    real = watchfiles.watch

    def limited(*paths: Path, force_polling: bool | None, **options: Any) -> Any:
        if not force_polling:
            raise RuntimeError("OS file watch limit reached")
        return real(*paths, force_polling=True, **options)

    monkeypatch.setattr(watchfiles, "watch", limited)
    bench.docs.fill(2)
    watcher = follow()
    watcher.report()
    bench.docs.write("new.md", "# New\n\ntext")
    watcher.reports_until(lambda: "new.md" in bench.states())


@pytest.mark.parametrize("name", ["settle_s", "patience_s", "retry_s", "look_s", "poll_s"])
def test_times_must_be_more_than_nothing(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be more than 0"):
        WatchSettings(**{name: 0.0})  # type: ignore[arg-type]
