"""The moments at which a test can end a sync."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ragkit_ingest.failpoint import POINTS, VARIABLE, failpoint, killer, watched

ROOT = Path(__file__).parents[2]
INGEST = ROOT / "ingest" / "ragkit_ingest"


def test_every_failpoint_is_listed_and_stands_in_the_code() -> None:
    named = {
        name
        for path in INGEST.rglob("*.py")
        if path.name != "failpoint.py"
        for name in re.findall(r'\bfailpoint\("([^"]+)"\)', path.read_text(encoding="utf-8"))
    }
    assert named == set(POINTS)
    assert len(POINTS) == len(set(POINTS))


def test_a_failpoint_does_nothing_unless_somebody_watches() -> None:
    arrived: list[str] = []
    failpoint("scan.before")
    with watched(arrived.append):
        failpoint("scan.before")
        failpoint("scan.after")
    failpoint("stage.after")
    assert arrived == ["scan.before", "scan.after"]


@pytest.mark.parametrize("wanted", ["nonsense", "scan.after:0", "scan.after:x", "scan.after:-1"])
def test_an_unknown_failpoint_is_refused(wanted: str) -> None:
    with pytest.raises(ValueError, match=re.escape(wanted)):
        killer(wanted)


_SCRIPT = """
from ragkit_ingest.failpoint import failpoint
for number in range(3):
    failpoint("stage.after")
    failpoint("embed.after")
    print(number, flush=True)
"""


@pytest.mark.parametrize(
    ("wanted", "printed"), [("", "0 1 2"), ("stage.after", ""), ("embed.after:3", "0 1")]
)
def test_the_environment_names_where_a_process_is_killed(wanted: str, printed: str) -> None:
    environment = {**os.environ, VARIABLE: wanted, "PYTHONPATH": str(INGEST.parent)}
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], env=environment, capture_output=True, text=True
    )
    assert done.stdout.split() == printed.split()
    assert done.returncode == (-signal.SIGKILL if wanted else 0)
