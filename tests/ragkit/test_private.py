"""Private by default: the main job opens no socket and loads nothing that reports.

Not even sockets between processes of one machine (AF_UNIX) are needed: parsing processes are
spoken to through pipes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import private_process

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the main job said of itself."""
    paths = [str(ROOT), str(ROOT / "ingest"), os.environ.get("PYTHONPATH", "")]
    process = subprocess.run(
        [sys.executable, "-m", private_process.__name__, str(tmp_path_factory.mktemp("private"))],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert process.returncode == 0, process.stderr
    said: dict[str, Any] = json.loads(process.stdout)
    return said


def test_the_main_job_is_done(done: dict[str, Any]) -> None:
    assert (done["indexed"], done["failures"]) == (6, [])
    assert done["found"][0] == "leave.md"
    assert "28 days" in done["answer"]
    assert done["citations"] == ["leave.md"]


def test_no_socket_was_asked_for(done: dict[str, Any]) -> None:
    assert done["events"] == []


def test_nothing_that_reports_was_loaded(done: dict[str, Any]) -> None:
    assert done["senders"] == []


def probe(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script that is forbidden sockets."""
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, "-c", f"from tests.support.private_process import *\n{script}"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
    )


def test_the_guard_notices_pythons_sockets() -> None:
    process = probe("noted = forbid_in_python()\nimport socket\nsocket.socket()")
    assert "PermissionError: socket.__new__ is forbidden here" in process.stderr


def test_the_guard_notices_sockets_of_native_code(done: dict[str, Any]) -> None:
    if not done["in_kernel"]:
        pytest.skip("this system has no seccomp; only Python's sockets are forbidden")
    process = probe("forbid_in_the_kernel()\nimport ctypes\nctypes.CDLL(None).socket(1, 1, 0)")
    assert process.returncode == -signal.SIGSYS
