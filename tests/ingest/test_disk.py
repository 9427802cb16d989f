"""Files and folders are flushed; what is not there is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ragkit_ingest.disk import flush


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
