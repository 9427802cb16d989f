"""A little of `make torture`: kills, full disks, damage, and others at work at the same time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from ragkit_ingest.errors import DamagedIndexError
from ragkit_ingest.verify import VerifyReport
from tests.torture.child import run
from tests.torture.damage import count_look
from tests.torture.state import State
from tests.torture.tally import FORBIDDEN, Line

ROOT = Path(__file__).parents[2]


def test_an_index_survives_a_little_of_everything() -> None:
    paths = [str(ROOT), str(ROOT / "ingest"), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", "tests.torture", "--quick"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "killed at failpoints" in done.stdout


A, B = ("a.md", 0, "one"), ("b.md", 0, "two")


def state(*rows: tuple[object, ...]) -> State:
    nothing: Counter[tuple[object, ...]] = Counter()
    return State(
        chunks=Counter(rows),
        published=nothing,
        scanned=nothing,
        words=nothing,
        documents=nothing,
        files=nothing,
        strays={},
        stored=frozenset(),
    )


def test_the_comparison_finds_what_is_lost_doubled_and_mixed() -> None:
    for found, column in (((A,), "lost"), ((A, B, B), "duplicated"), ((A, B, ("c",)), "mixed")):
        line = Line()
        assert not line.compare(state(*found), state(A, B), "here")
        assert line.counts == Counter({column: 1})
        assert line.examples
    line = Line()
    assert line.compare(state(B, A), state(A, B), "here")
    assert not line.counts.total()


def test_the_comparison_finds_what_belongs_to_nothing() -> None:
    line = Line()
    assert not line.compare(replace(state(A), strays={"vectors": 2}), state(A), "here")
    assert line.counts["duplicated"] == 2


def refused() -> None:
    raise DamagedIndexError("the catalog is damaged; ingest into a new folder")


def ended_by(signal_number: int) -> None:
    os.kill(os.getpid(), signal_number)


@pytest.mark.parametrize(
    ("work", "damaged", "column"),
    [
        (refused, True, "said"),
        (refused, False, "broke"),
        (partial(int, "no number"), True, "broke"),
        (partial(ended_by, signal.SIGKILL), True, "broke"),
        (partial(state, A), False, "healed"),
        (partial(state, A), True, "said"),
        (partial(state, B), False, "lost"),
    ],
)
def test_only_a_sentence_excuses_an_index_that_cannot_be_read(
    work: Callable[[], object], damaged: bool, column: str
) -> None:
    line, report = Line(), VerifyReport(damaged=("the catalog",) if damaged else ())
    count_look(line, run(work), state(A), report, "here")
    assert line.counts[column] == 1
    assert bool(line.examples) == (column in FORBIDDEN)


def test_an_index_that_verify_could_not_open_must_be_readable_after_a_sync() -> None:
    line = Line()
    count_look(line, run(refused), state(A), None, "here")
    assert line.counts == Counter({"broke": 1})
