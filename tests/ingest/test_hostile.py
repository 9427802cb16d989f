"""Files made to break a reader: each is accounted for, each limit holds, no neighbour pays."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from bench.hostile import Account, account, watched
from ragkit_ingest.errors import ParserLimitError, SourceError
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.worker import ParserPool
from ragkit_ingest.records import Document
from tests.support.odd import folder as odd_folder
from tests.support.odd.folder import FAMILIES, write_all

TIMEOUT_S = 60.0


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "odd"
    odd_folder.clear(tmp_path / "odd")


def ingested(folder: Path, tmp_path: Path, families: Collection[str]) -> Account:
    write_all(folder, full=False, families=families)
    arguments = [str(folder), str(tmp_path / "index"), "--timeout", str(TIMEOUT_S)]
    found = watched(arguments, silence_s=200)
    result = account(folder, found, TIMEOUT_S)
    assert result.missing == []
    assert result.wrong == []
    return result


def paths(result: Account, kind: str) -> set[str]:
    return {path for path, _ in result.classes.get(kind, ())}


def test_bombs_and_odd_places_are_accounted_for(odd: Path, tmp_path: Path) -> None:
    result = ingested(odd, tmp_path, ("archive", "mail"))
    for family in ("archive", "mail"):
        refused = {f"{family}/{file.name}" for file in FAMILIES[family] if file.refused}
        assert paths(result, "indexed") & refused == set()
    skipped = {path for path in paths(result, "skipped") if path.startswith("place/")}
    for name in ("loop-a.txt", "zero.txt", "random.pdf", "passwords.txt", "secret.txt", "pipe.txt"):
        assert f"place/{name}" in skipped
    for name in ("own-folder", "parent", "root", "socket.txt", "nowhere.txt"):
        assert f"place/{name}" in skipped
    for suffix in ("txt", "pdf", "docx"):
        assert f"place/sparse.{suffix}" in paths(result, "refused: too large")
    for name in ("caf\\xe9.txt", "line\nbreak.txt", "plain.txt", "inside.txt", "UPPER.TXT"):
        assert f"place/{name}" in paths(result, "indexed")


@pytest.mark.slow
def test_every_family_is_accounted_for(odd: Path, tmp_path: Path) -> None:
    result = ingested(odd, tmp_path, tuple(FAMILIES))
    assert sum(map(len, result.classes.values())) > sum(map(len, FAMILIES.values()))
    assert paths(result, "time limit") == set()
    assert paths(result, "memory limit") == set()


def made(folder: Path, name: str, size: int) -> Path:
    """Write one odd file at a size of the caller's."""
    files = {file.name: file for family in FAMILIES.values() for file in family}
    path = folder / name
    path.write_bytes(files[name].make(size))
    return path


@pytest.mark.parametrize(
    ("name", "size", "limits", "message"),
    [
        ("dense.docx", 3_000_000, {"memory_bytes": 512 << 20}, "of memory"),
        ("addresses.eml", 100_000, {"timeout_s": 1.0}, "more than 1 seconds"),
        ("one-line-of-words.txt", 50_000, {"output_bytes": 100_000}, "the limit is 100000"),
    ],
)
def test_each_limit_holds_and_the_neighbours_are_read(
    tmp_path: Path, name: str, size: int, limits: dict[str, int], message: str
) -> None:
    bad = made(tmp_path, name, size)
    sources = [(bad.name, Source(path=bad))]
    for number in range(6):
        path = tmp_path / f"{number}.txt"
        path.write_text(f"note {number}", encoding="utf-8")
        sources.insert(number % 2 * number, (path.name, Source(path=path)))
    with ParserPool(2, **limits) as pool:  # type: ignore[arg-type]
        found: dict[str, Document | SourceError] = dict(pool.parse_all(sources))
    outcome = found.pop(bad.name)
    assert isinstance(outcome, ParserLimitError)
    assert message in str(outcome)
    assert {key: o.text for key, o in found.items() if isinstance(o, Document)} == {
        f"{number}.txt": f"note {number}" for number in range(6)
    }


def test_a_mail_shares_its_time_with_its_attachments(tmp_path: Path) -> None:
    """The limit is a file's, however many attachments it has."""
    slow = made(tmp_path, "addresses.eml", 100_000).read_bytes()
    part = b'--b\nContent-Disposition: attachment; filename="a.eml"\n\n' + slow + b"\n"
    path = tmp_path / "outer.eml"
    head = b"Subject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\nwords\n"
    path.write_bytes(head + part * 5 + b"--b--\n")
    with ParserPool(1, timeout_s=3) as pool:
        document = pool.parse(Source(path=path))
    failures = [attachment.failure for attachment in document.attachments]
    assert len(failures) == 5
    assert sum("and its attachments take more than 3 seconds" in f for f in failures) >= 3
