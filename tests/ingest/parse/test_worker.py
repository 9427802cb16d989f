from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragkit_ingest.errors import (
    BrokenFileError,
    ParserLimitError,
    SourceError,
    UnreadableFileError,
    UnsupportedFormatError,
)
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.registry import BUILT_IN, ParserRegistry
from ragkit_ingest.parse.worker import ParserPool
from ragkit_ingest.records import Document

HERE = Path(__file__).parent
REGISTRY = ParserRegistry({**BUILT_IN, ".bad": "hostile_parser:HostileParser"})


@pytest.fixture(autouse=True)
def _hostile_parser_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))


@pytest.fixture
def pool() -> Iterator[ParserPool]:
    with ParserPool(2, timeout_s=3, memory_bytes=1 << 29, registry=REGISTRY) as pool:
        yield pool


def write(folder: Path, name: str, content: str) -> Source:
    path = folder / name
    path.write_text(content)
    return Source(path=path)


def outcomes(
    pool: ParserPool, sources: list[tuple[str, Source]]
) -> dict[str, Document | SourceError]:
    found = list(pool.parse_all(sources))
    assert len(found) == len(sources)
    return dict(found)


def test_documents_come_back_as_the_parser_made_them(pool: ParserPool, tmp_path: Path) -> None:
    source = write(
        tmp_path, "a.md", "---\ndate: 2026-01-02\nn: 1.5\n---\n# T\u00e9\n\n\U0001f600 b\n"
    )
    parser = REGISTRY.parser_for(source.path)
    assert parser is not None
    assert pool.parse(source) == parser.parse(source)


@pytest.mark.parametrize(
    ("order", "error", "message"),
    [
        ("kill", ParserLimitError, "signal 9"),
        ("exit", ParserLimitError, "exit status 7"),
        ("sleep", ParserLimitError, "more than 3 seconds"),
        ("memory", ParserLimitError, "512 MiB"),
        ("raise", BrokenFileError, "ZeroDivisionError: surprise"),
    ],
)
def test_one_bad_file_costs_only_itself(
    pool: ParserPool, tmp_path: Path, order: str, error: type[SourceError], message: str
) -> None:
    sources = [(f"{n}", write(tmp_path, f"{n}.txt", f"note {n}")) for n in range(6)]
    sources.insert(2, ("bad", write(tmp_path, "x.bad", order)))
    found = outcomes(pool, sources)
    bad = found.pop("bad")
    assert type(bad) is error
    assert message in str(bad)
    for key, outcome in found.items():
        assert isinstance(outcome, Document)
        assert outcome.text == f"note {key}"


def test_what_libraries_print_does_not_reach_the_parent(pool: ParserPool, tmp_path: Path) -> None:
    assert pool.parse(write(tmp_path, "x.bad", "print")).text.startswith("print")


def test_too_much_text_is_refused(tmp_path: Path) -> None:
    source = write(tmp_path, "x.bad", "long")
    with (
        ParserPool(1, output_bytes=1 << 20, registry=REGISTRY) as pool,
        pytest.raises(ParserLimitError, match="3000000 characters"),
    ):
        pool.parse(source)


def test_workers_live_on_and_are_replaced_after_a_crash(tmp_path: Path) -> None:
    with ParserPool(1, registry=REGISTRY) as pool:
        fine = write(tmp_path, "a.bad", "fine")
        first, second = pool.parse(fine).text, pool.parse(fine).text
        assert first == second
        with pytest.raises(ParserLimitError):
            pool.parse(write(tmp_path, "b.bad", "kill"))
        assert pool.parse(fine).text != first


def test_a_worker_killed_between_files_is_nobodys_fault(tmp_path: Path) -> None:
    with ParserPool(1, registry=REGISTRY) as pool:
        fine = write(tmp_path, "a.bad", "fine")
        pid = int(pool.parse(fine).text.split()[1])
        os.kill(pid, signal.SIGKILL)
        assert pool.parse(fine).text.startswith("fine")


def test_workers_go_on_while_the_caller_is_busy_but_not_without_end(tmp_path: Path) -> None:
    taken = 0

    def many() -> Iterator[tuple[int, Source]]:
        nonlocal taken
        for number in range(6):
            taken += 1
            yield number, write(tmp_path, f"{number}.txt", "long words " * 300_000)

    with ParserPool(2) as pool:
        results = pool.parse_all(many())
        next(results)
        until = time.monotonic() + 60
        while taken < 4 and time.monotonic() < until:
            time.sleep(0.01)
        # Of 3.3 million characters each, two wait; two workers have one more each.
        assert taken == 4
        time.sleep(0.3)
        assert taken <= 5
        assert len(list(results)) == 5
    assert taken == 6


def test_a_failing_source_is_raised_where_the_outcomes_are_used(pool: ParserPool) -> None:
    def failing() -> Iterator[tuple[int, Source]]:
        yield 1, Source(path=Path("a.exe"))
        raise LookupError("no more")

    results = pool.parse_all(failing())
    assert next(results)[0] == 1
    with pytest.raises(LookupError, match="no more"):
        next(results)


def test_stopping_does_not_wait_for_a_file_in_flight(tmp_path: Path) -> None:
    with ParserPool(1, timeout_s=600, registry=REGISTRY) as pool:
        fine, endless = write(tmp_path, "a.bad", "fine"), write(tmp_path, "b.bad", "sleep")
        results = pool.parse_all([(1, fine), (2, endless)])
        assert next(results)[0] == 1
        results.close()
        assert pool.parse(fine).text.startswith("fine")


def test_stopping_early_leaves_a_usable_pool(pool: ParserPool, tmp_path: Path) -> None:
    sources = [(n, write(tmp_path, f"{n}.txt", "text")) for n in range(10)]
    results = pool.parse_all(sources)
    next(results)
    results.close()
    assert len(list(pool.parse_all(sources))) == 10


def test_unknown_missing_and_special_files(pool: ParserPool, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "folder.txt").mkdir()
    found = outcomes(
        pool,
        [
            ("exe", Source(path=tmp_path / "a.exe")),
            ("missing", Source(path=tmp_path / "a.txt")),
            ("pipe", Source(path=tmp_path / "pipe.txt")),
            ("folder", Source(path=tmp_path / "folder.txt")),
            ("device", Source(path=Path("/dev/zero"))),
        ],
    )
    assert isinstance(found["exe"], UnsupportedFormatError)
    assert isinstance(found["device"], UnsupportedFormatError)
    for key in ("missing", "pipe", "folder"):
        assert type(found[key]) is UnreadableFileError


def test_names_that_are_not_unicode(pool: ParserPool, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt"))
    path.write_text("coffee")
    assert pool.parse(Source(path=path)).text == "coffee"


def test_no_worker_outlives_its_parent(tmp_path: Path) -> None:
    write(tmp_path, "x.bad", "sleep")
    code = f"""
import sys, time
sys.path[:0] = {[str(HERE), *sys.path]!r}
from pathlib import Path
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.registry import ParserRegistry
from ragkit_ingest.parse.worker import ParserPool
pool = ParserPool(1, registry=ParserRegistry({{".bad": "hostile_parser:HostileParser"}}))
worker = pool._hand_over(Source(path=Path({str(tmp_path / "x.bad")!r})))
print(worker.process.pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    time.sleep(0.5)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    for _ in range(100):
        if not alive(pid):
            return
        time.sleep(0.05)
    pytest.fail(f"worker {pid} still runs")


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_pool_needs_a_worker() -> None:
    with pytest.raises(ValueError, match="1 worker or more"):
        ParserPool(0)


def test_a_large_parent_does_not_cost_a_process_a_file(tmp_path: Path) -> None:
    ballast = bytearray(os.urandom(1 << 20) * 700)
    with ParserPool(1, registry=REGISTRY) as pool:
        fine = write(tmp_path, "a.bad", "fine")
        assert pool.parse(fine).text == pool.parse(fine).text
    assert len(ballast) == 700 << 20
