"""Failed files are tried again, but less and less often; nobody who changes one has to wait."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit_ingest.report import Failure
from ragkit_ingest.retry import is_due, moment, pause_s
from ragkit_ingest.sync import SyncSettings, sync
from tests.ingest.conftest import Bench
from tests.support.folder import Folder

DAY_S = 86_400


def test_pauses_double_up_to_a_day() -> None:
    assert [pause_s(attempts) for attempts in range(1, 7)] == [0, 60, 120, 240, 480, 960]
    pauses = [pause_s(attempts) for attempts in range(1, 40)]
    assert pauses == sorted(pauses)
    assert set(pauses[12:]) == {DAY_S}
    with pytest.raises(ValueError, match="not 0"):
        pause_s(0)


def test_a_clock_that_was_wrong_does_not_hold_a_file_for_years() -> None:
    now = 1_800_000_000.0
    assert is_due(now, now)
    assert not is_due(now + DAY_S, now)
    assert is_due(now + DAY_S + 1, now)


def test_moments_are_shown_in_utc() -> None:
    assert moment(0) == ""
    assert moment(1_800_000_000) == "2027-01-15T08:00:00+00:00"


@pytest.fixture
def broken(bench: Bench) -> Path:
    """A file that failed twice: the next pause is a minute."""
    bench.docs.fill(2)
    path = bench.docs.write("broken.docx", b"no archive")
    for _ in range(2):
        assert bench.sync().files.failed == 1
        assert "broken.docx" in bench.parsers.parsed
    return path


def failure(bench: Bench, **settings: bool) -> Failure:
    (found,) = bench.sync(**settings).failures
    return found


def test_a_failed_file_rests_and_says_until_when(bench: Bench, broken: Path) -> None:
    bench.now += 59
    resting = failure(bench)
    assert bench.parsers.parsed == []
    assert (resting.tried, resting.attempts, resting.retry) == (False, 2, True)
    assert resting.next_try == "2027-01-15T08:01:00+00:00"
    assert "zip container" in resting.reason
    assert bench.plan().waiting == (("broken.docx", resting.next_try),)
    assert bench.plan().retry == ()
    bench.now += 1
    assert bench.plan().retry == ("broken.docx",)
    tried = failure(bench)
    assert bench.parsers.parsed == ["broken.docx"]
    assert (tried.tried, tried.attempts) == (True, 3)
    assert tried.next_try == "2027-01-15T08:03:00+00:00"


def test_a_resting_file_counts_as_failed_not_as_unchanged(bench: Bench, broken: Path) -> None:
    files = bench.sync().files
    assert (files.failed, files.unchanged, files.indexed) == (1, 2, 0)


def test_the_status_says_how_often_and_when_next(bench: Bench, broken: Path) -> None:
    states = {document.path: document for document in bench.index.status().documents}
    assert (states["broken.docx"].attempts, states["0.md"].attempts) == (2, 0)
    assert states["broken.docx"].next_try == "2027-01-15T08:01:00+00:00"
    assert states["0.md"].next_try == ""


def test_whoever_asks_does_not_wait(bench: Bench, broken: Path) -> None:
    assert failure(bench, retry=True).attempts == 3
    assert bench.parsers.parsed == ["broken.docx"]
    bench.sync(broken)  # the file itself is named
    assert bench.parsers.parsed == ["broken.docx"]
    bench.parsers.parsed.clear()
    settings = SyncSettings(passwords=("secret",))
    sync(bench.index, [], settings, parsers=bench.parsers, clock=lambda: bench.now)
    assert bench.parsers.parsed == ["broken.docx"]
    assert failure(bench).tried is False


def test_a_changed_file_does_not_wait_and_starts_anew(bench: Bench, broken: Path) -> None:
    bench.docs.write("broken.docx", b"still no archive")
    assert failure(bench).attempts == 1
    assert failure(bench).attempts == 2
    assert failure(bench).tried is False


def test_a_new_time_stamp_alone_does_not_end_the_rest(bench: Bench, broken: Path) -> None:
    bench.docs.touch(broken)
    assert failure(bench).tried is False
    assert failure(bench, checksum=True).tried is False


def test_another_recipe_does_not_wait(
    bench: Bench, broken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ragkit_ingest.parse.docx import DocxParser

    monkeypatch.setattr(DocxParser, "version", DocxParser.version + 1)
    assert failure(bench).attempts == 1


def test_a_file_that_recovers_is_forgotten(bench: Bench) -> None:
    bench.docs.write("a.json", "{")
    for _ in range(3):
        bench.sync()
    bench.docs.write("a.json", '{"answer": 42}')
    assert bench.sync().failures == ()
    (document,) = bench.index.status().documents
    assert (document.state, document.attempts, document.next_try) == ("indexed", 0, "")


def test_a_resting_file_is_removed_like_any_other(bench: Bench, broken: Path) -> None:
    broken.unlink()
    report = bench.sync()
    assert (report.files.removed, report.failures) == (1, ())


def test_an_unreadable_file_never_rests(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from ragkit_ingest import plan
    from ragkit_ingest.errors import UnreadableFileError

    def refuse(path: Path) -> str:
        raise UnreadableFileError("it cannot be read (Permission denied)")

    bench.docs.fill(1)
    with monkeypatch.context() as patched:
        patched.setattr(plan, "sha256", refuse)
        for attempts in (1, 2, 3):
            found = failure(bench)
            assert (found.tried, found.attempts) == (True, attempts)
    assert bench.sync().files.indexed == 1


def test_what_is_not_installed_is_looked_for_each_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    bench.docs.write("a.xlsx", b"whatever")
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "openpyxl", None)
        patched.setitem(sys.modules, "python_calamine", None)
        for attempts in (1, 2, 3):
            found = failure(bench)
            assert (found.tried, found.attempts) == (True, attempts)
            assert "pip install 'ragkit[office]'" in found.reason


def test_only_the_folder_that_is_named_is_tried_again(bench: Bench, tmp_path: Path) -> None:
    other = Folder(tmp_path / "other")
    for folder in (bench.docs, other):
        folder.write("x.docx", b"no archive")
    for _ in range(2):
        bench.sync(bench.docs.path, other.path)
    bench.sync(other.path, retry=True)
    assert len(bench.parsers.parsed) == 1
    attempts = {d.path: d.attempts for d in bench.index.status().documents}
    assert attempts == {"x.docx": 2, "other/x.docx": 3}
