"""Writes all odd files into a folder, and what is no file at all: links, pipes, odd names."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from tests.support.odd import archive, damage, mail, markup, pdf
from tests.support.odd.file import LEAK, SECRET, OddFile

FAMILIES: Mapping[str, tuple[OddFile, ...]] = MappingProxyType(
    {
        "archive": archive.FILES,
        "damage": damage.FILES,
        "mail": mail.FILES,
        "markup": markup.FILES,
        "pdf": pdf.FILES,
    }
)
COMES_AND_GOES = "restless/comes-and-goes"
"""Begins the name of the one file that may not be there when the folder is looked at."""
_SPARSE_BYTES = 10 * 1024**3
_LONGEST_NAME = 255


def write_all(
    folder: Path,
    *,
    full: bool,
    families: Collection[str] = tuple(FAMILIES),
    told: Callable[[str], None] | None = None,
) -> None:
    """Fill a folder with every odd file and every odd place.

    Args:
        folder: Made if it is not there.
        full: At the sizes that hurt (about 1 GB in all), else at those for tests.
        families: Only these.
        told: Called with each family's name before it is written.
    """
    SECRET.write_text(f"{LEAK}\n", encoding="utf-8")
    for family in families:
        if told is not None:
            told(family)
        place = folder / family
        place.mkdir(parents=True, exist_ok=True)
        for odd in FAMILIES[family]:
            (place / odd.name).write_bytes(odd.make(odd.size if full else odd.quick))
    write_places(folder / "place")


def write_places(folder: Path) -> None:
    """Write what only a file system can hold; names and links that lead nowhere good."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plain.txt").write_text("plain words", encoding="utf-8")
    _links(folder)
    os.mkfifo(folder / "pipe.txt")
    with socket.socket(socket.AF_UNIX) as listener:
        # The address may have 108 bytes, so it is bound by a short path.
        handle = os.open(folder, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{handle}/socket.txt")
        os.close(handle)
    for name in _names():
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"words of an odd name")
    deep = folder.joinpath(*["deep"] * 60)
    deep.mkdir(parents=True, exist_ok=True)
    (deep / "deep.txt").write_text("deep words", encoding="utf-8")
    for suffix in ("txt", "pdf", "docx", "csv", "xml"):
        with (folder / f"sparse.{suffix}").open("wb") as file:
            file.truncate(_SPARSE_BYTES)
    forbidden = folder / "forbidden.txt"
    forbidden.write_text("words", encoding="utf-8")
    forbidden.chmod(0)
    closed = folder / "closed"
    closed.mkdir()
    (closed / "inside.txt").write_text("words", encoding="utf-8")
    closed.chmod(0)
    (folder / ".hidden.txt").write_text("words", encoding="utf-8")
    (folder / "no-ending").write_text("words", encoding="utf-8")
    (folder / "folder.txt").mkdir()


def _links(folder: Path) -> None:
    (folder / "loop-a.txt").symlink_to("loop-b.txt")
    (folder / "loop-b.txt").symlink_to("loop-a.txt")
    (folder / "own-folder").symlink_to(".", target_is_directory=True)
    (folder / "parent").symlink_to("..", target_is_directory=True)
    (folder / "zero.txt").symlink_to("/dev/zero")
    (folder / "random.pdf").symlink_to("/dev/urandom")
    (folder / "passwords.txt").symlink_to("/etc/passwd")
    (folder / "secret.txt").symlink_to(SECRET)
    (folder / "root").symlink_to("/", target_is_directory=True)
    (folder / "nowhere.txt").symlink_to("not-there.txt")
    (folder / "inside.txt").symlink_to("plain.txt")
    (folder / "hard.txt").hardlink_to(folder / "plain.txt")


def _names() -> Iterator[bytes]:
    yield b"caf\xe9.txt"
    yield b"\xff\xfe.md"
    yield b"line\nbreak.txt"
    yield b"tab\tand\rreturn.txt"
    yield b"\x1b[31mred\x1b[0m.txt"
    yield b"bell\x07.txt"
    yield "\u202egpj.txt".encode()
    yield "\u00e9 and e\u0301.txt".encode()
    yield b" .txt"
    yield b"-rf.txt"
    yield b"%s%n.txt"
    yield b"'; DROP TABLE files; --.txt"
    yield b"*?[a]|<>.txt"
    yield b"back\\slash.txt"
    yield b"a" * (_LONGEST_NAME - 4) + b".txt"
    yield b"UPPER.TXT"
    yield b"two.tar.txt"
    yield b"trailing. "


@contextmanager
def restless(folder: Path) -> Iterator[None]:
    """Keep files changing as long as the block runs: growing, shrinking, swapped, coming, going."""
    names = ("restless/grows.txt", "restless/shrinks.md", "restless/swapped.html")
    files = [folder / name for name in (*names, f"{COMES_AND_GOES}.txt")]
    files[0].parent.mkdir(parents=True, exist_ok=True)
    for path in files:
        path.write_text("words\n" * 1000, encoding="utf-8")
    ended = threading.Event()

    def change() -> None:
        turn = 0
        while not ended.wait(0.005):
            turn += 1
            with files[0].open("a", encoding="utf-8") as file:
                file.write(f"line {turn}\n")
            with files[1].open("r+b") as file:
                file.truncate(turn % 5000)
            other = files[0].with_name(".swap")
            other.write_text(f"<p>turn {turn}", encoding="utf-8")
            other.replace(files[2])
            files[3].unlink(missing_ok=True)
            if turn % 2:
                files[3].write_text(f"turn {turn}", encoding="utf-8")

    thread = threading.Thread(target=change)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def clear(folder: Path) -> None:
    """Make folders that were closed deletable again, and take the secret away."""
    closed = folder / "place" / "closed"
    if closed.exists():
        closed.chmod(0o700)
    SECRET.unlink(missing_ok=True)
