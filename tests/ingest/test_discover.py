"""Which files are found, and what is never followed, read or waited for."""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

import pytest

from ragkit_ingest.discover import Found, PassedOver, examine_file, resolve, sha256, walk
from ragkit_ingest.errors import UnreadableFileError, UsageError
from tests.support.folder import Folder


def found(root: Path) -> list[str]:
    return [entry.name for entry in walk(root) if isinstance(entry, Found)]


def passed_over(root: Path) -> dict[str, str]:
    return {entry.name: entry.reason for entry in walk(root) if isinstance(entry, PassedOver)}


def test_files_come_in_the_order_of_names(docs: Folder) -> None:
    for name in ("b.md", "a.md", "sub/c.md", "sub/deeper/d.md", "a/z.md"):
        docs.write(name, "text")
    assert found(docs.path) == ["a.md", "b.md", "a/z.md", "sub/c.md", "sub/deeper/d.md"]
    assert passed_over(docs.path) == {}


def test_a_found_file_can_be_opened_and_has_its_size(docs: Folder) -> None:
    path = docs.write("a.md", "text")
    (entry,) = walk(docs.path)
    assert isinstance(entry, Found)
    assert (entry.path, entry.size, entry.mtime_ns) == (path, 4, path.stat().st_mtime_ns)


def test_hidden_files_and_folders_are_left_out(docs: Folder) -> None:
    for name in (".hidden.md", ".git/config.md", "seen.md"):
        docs.write(name, "text")
    assert found(docs.path) == ["seen.md"]
    assert passed_over(docs.path) == {}


def test_an_index_within_the_folder_is_passed_over(docs: Folder) -> None:
    docs.write("my.index/catalog.sqlite", "")
    docs.write("my.index/generations/x/notes.md", "text")
    docs.write("a.md", "text")
    assert found(docs.path) == ["a.md"]
    assert passed_over(docs.path) == {"my.index": "an index of ragkit"}


def test_links_within_the_folder_are_files_and_others_are_not(docs: Folder, tmp_path: Path) -> None:
    outside = tmp_path / "secret.md"
    outside.write_text("secret")
    (tmp_path / "elsewhere").mkdir()
    docs.write("a.md", "text")
    for name, target in {
        "inside.md": docs.path / "a.md",
        "outside.md": outside,
        "up": tmp_path,
        "loop.md": docs.path / "loop.md",
        "nowhere.md": docs.path / "missing.md",
        "self": docs.path,
    }.items():
        (docs.path / name).symlink_to(target)
    assert found(docs.path) == ["a.md", "inside.md"]
    reasons = passed_over(docs.path)
    assert reasons["outside.md"] == reasons["up"] == "a link that leads out of the folder"
    assert reasons["self"] == "a link to a folder"
    assert "leads nowhere" in reasons["loop.md"]
    assert "leads nowhere" in reasons["nowhere.md"]


def test_a_root_that_is_itself_a_link_is_walked(docs: Folder, tmp_path: Path) -> None:
    docs.write("a.md", "text")
    (tmp_path / "link").symlink_to(docs.path)
    assert found(tmp_path / "link") == ["a.md"]


def test_special_files_are_passed_over_without_waiting(docs: Folder) -> None:
    os.mkfifo(docs.path / "pipe.md")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(docs.path)  # the path of a socket may not be long
        try:
            server.bind("socket.md")
        finally:
            os.chdir(here)
        assert passed_over(docs.path) == {
            "pipe.md": "not a plain file",
            "socket.md": "not a plain file",
        }


def test_a_name_that_is_not_utf_8_can_be_opened_again(docs: Folder) -> None:
    docs.write(b"caf\xe9.md", "text")
    (entry,) = walk(docs.path)
    assert isinstance(entry, Found)
    assert os.fsencode(entry.name) == b"caf\xe9.md"
    assert entry.path.read_text() == "text"


def test_a_folder_that_is_gone_holds_nothing(tmp_path: Path) -> None:
    assert list(walk(tmp_path / "gone")) == []
    assert examine_file(tmp_path, tmp_path / "gone.md") is None


def test_a_named_file_that_became_something_else_is_passed_over(docs: Folder) -> None:
    (docs.path / "a.md").mkdir()
    entry = examine_file(docs.path, docs.path / "a.md")
    assert isinstance(entry, PassedOver)
    assert not entry.failed


def test_sha256_reads_all_of_a_file(docs: Folder) -> None:
    content = bytes(range(256)) * 10_000
    assert sha256(docs.write("a.bin", content)) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("kind", ["pipe", "folder", "missing"])
def test_sha256_of_anything_else_is_refused_at_once(docs: Folder, kind: str) -> None:
    path = docs.path / "thing"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(UnreadableFileError, match=r"plain file|cannot be read"):
        sha256(path)


def test_resolve_says_what_is_wrong(docs: Folder, tmp_path: Path) -> None:
    assert resolve(docs.path) == docs.path
    with pytest.raises(UsageError, match="there is no file or folder"):
        resolve(tmp_path / "gone")
    with pytest.raises(UsageError, match="cannot be opened"):
        resolve("nul\0byte")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        resolve(tmp_path / "pipe")
