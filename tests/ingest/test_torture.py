"""A little of `make torture`: kills, full disks, damage, and others at work at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tests.torture.state import State
from tests.torture.tally import Line

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
