"""What is written is on the disk and whole, or nothing has changed; what goes wrong is said."""

from __future__ import annotations

import errno
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ragkit_ingest.disk import append_line, flush, replacing, write_whole
from ragkit_ingest.errors import StorageError


def test_a_file_and_a_folder_are_flushed_and_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[int] = []
    monkeypatch.setattr(os, "fsync", flushed.append)
    (tmp_path / "file").write_text("tea")
    for path in (tmp_path / "file", tmp_path):
        flush(path)
    assert len(flushed) == 2
    for descriptor in flushed:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        flush(tmp_path / "nothing")


# -- whole files -----------------------------------------------------------------------------------


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_text_takes_the_place_of_another(tmp_path: Path) -> None:
    file = tmp_path / "new" / "folder" / "tea.txt"
    for text in ("Tea\n\u00e9\u2028", "", "x" * 3_000_000):
        write_whole(file, text)
        assert file.read_bytes() == text.encode()
        assert names(file.parent) == ["tea.txt"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, "tea\n")
        assert os.read(reading, 99) == b"tea\n"
    finally:
        os.close(reading)
    assert pipe.is_fifo()
    assert names(tmp_path) == ["pipe"]


def test_what_is_written_is_flushed_before_it_takes_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tea"
    steps: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def flushed(descriptor: int) -> None:
        folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        steps.append("folder" if folder else f"{os.fstat(descriptor).st_size} bytes")
        fsync(descriptor)

    def renamed(self: Path, target: Path) -> Path:
        steps.append("renamed")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", renamed)
    write_whole(file, "black")
    assert steps == ["5 bytes", "renamed"]
    steps.clear()
    write_whole(file, "green tea", lasting=True)
    assert steps == ["9 bytes", "renamed", "folder"]


@pytest.mark.parametrize(
    ("mode", "umask", "wanted"), [(0o666, 0o022, 0o644), (0o666, 0o077, 0o600), (0o600, 0, 0o600)]
)
def test_the_mode_is_that_of_a_new_file(mode: int, umask: int, wanted: int, tmp_path: Path) -> None:
    file = tmp_path / "tea"
    file.write_text("old")
    file.chmod(0o640)
    before = os.umask(umask)
    try:
        with replacing(file, mode=mode) as stream:
            (aside,) = (path for path in tmp_path.iterdir() if path != file)
            assert stat.S_IMODE(aside.stat().st_mode) == wanted  # never readable by others
            stream.write(b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == wanted


@pytest.mark.parametrize("error", [OSError("a full disk"), KeyboardInterrupt(), ValueError("x")])
def test_a_writer_that_fails_changes_nothing(error: BaseException, tmp_path: Path) -> None:
    file = tmp_path / "tea"
    file.write_text("old")
    with pytest.raises(type(error)), replacing(file) as stream:  # noqa: PT012
        stream.write(b"half of")
        raise error
    assert file.read_text() == "old"
    assert names(tmp_path) == ["tea"]


def test_a_disk_that_refuses_changes_nothing_and_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tea"
    file.write_text("old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError) as raised:
        write_whole(file, "new")
    assert str(raised.value) == f"{file} cannot be written (No space left on device)"
    assert file.read_text() == "old"
    assert names(tmp_path) == ["tea"]


def test_where_no_file_can_be_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("old")
    with pytest.raises(StorageError, match=r"folder cannot be written \(Is a directory\)$"):
        write_whole(tmp_path / "folder", "new")
    with pytest.raises(StorageError, match=r"file/tea cannot be written \(File exists\)$"):
        write_whole(tmp_path / "file" / "tea", "new")
    assert names(tmp_path) == ["file", "folder"]


def test_writers_beside_each_other_never_mix(tmp_path: Path) -> None:
    file = tmp_path / "tea"
    texts = [letter * 100_000 for letter in "abcd"]
    write_whole(file, texts[0])
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(write_whole, file, text) for text in texts * 5]
        while not all(one.done() for one in done):
            assert file.read_text() in texts
        for one in done:
            one.result()
    assert names(tmp_path) == ["tea"]


# -- lines -----------------------------------------------------------------------------------------


def append(file: Path, line: bytes) -> None:
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    try:
        append_line(descriptor, line)
    finally:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"", b"tea\n"), (b"a\n", b"a\ntea\n"), (b"a\nhal", b"a\nhal\ntea\n"), (b"\n", b"\ntea\n")],
)
def test_a_line_begins_on_a_line_of_its_own(before: bytes, after: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(before)
    append(tmp_path / "file", b"tea\n")
    assert (tmp_path / "file").read_bytes() == after


def test_a_line_is_on_the_disk_when_it_is_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: sizes.append(os.fstat(file).st_size))
    append(tmp_path / "file", b"tea\n")
    append(tmp_path / "file", b"cup\n")
    assert sizes == [4, 8]


def test_the_rest_of_a_line_follows_or_the_reason_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    taken: list[int] = []

    def sparing(descriptor: int, data: bytes) -> int:
        if sum(taken) >= 6:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken.append(real(descriptor, data[:3]))
        return taken[-1]

    monkeypatch.setattr(os, "write", sparing)
    append(tmp_path / "file", b"green\n")
    assert (tmp_path / "file").read_bytes() == b"green\n"
    assert taken == [3, 3]
    with pytest.raises(OSError, match="No space left"):
        append(tmp_path / "file", b"black\n")


def test_lines_of_writers_beside_each_other_stay_whole(tmp_path: Path) -> None:
    wanted = [f"{number}".encode() * 5000 + b"\n" for number in range(40)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda line: append(tmp_path / "file", line), wanted))
    with (tmp_path / "file").open("rb") as lines:
        assert sorted(line for line in lines if line != b"\n") == sorted(wanted)
