"""Runs a command in a process of its own and tells what it, with its descendants, used.

CPU time is the kernel's account of the command and of every descendant it waited for. Peak memory
is the largest sum of resident memory over the process tree, looked at every 20 ms where /proc
tells it, or the peak of one process in it if that is higher; pages that two processes share count
twice. POSIX only.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

_LOOK_EVERY_S = 0.02
_PROC = Path("/proc")


class CommandFailedError(RuntimeError):
    """A measured command ended with an error, so its figures mean nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one run of a command used.

    Attributes:
        stdout: What it printed.
        wall_s: From start to end.
        cpu_s: User and system time, descendants included.
        peak_bytes: Most memory at one moment, descendants included.
    """

    stdout: str
    wall_s: float
    cpu_s: float
    peak_bytes: int


def run_python(
    arguments: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    python: Path | str = sys.executable,
) -> Usage:
    """Run Python with arguments and return what that used.

    Bytecode is kept, wherever this runs, as it is on a user's machine.

    Args:
        arguments: After the interpreter, such as `["-m", "ragkit.cli.main", "status"]`.
        environment: Set in addition to this process's own environment.
        python: The interpreter; by default the one that runs this.

    Raises:
        CommandFailedError: If the command does not end with 0; the message has its last lines.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(python), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "", **(environment or {})},
        )
        watch = _MemoryWatch(process.pid)
        watch.start()
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        watch.stop()
        if process.returncode != 0:
            errors.seek(0)
            told = errors.read().decode(errors="replace")[-2000:]
            raise CommandFailedError(f"{' '.join(arguments)} gave {process.returncode}: {told}")
        out.seek(0)
        return Usage(
            stdout=out.read().decode(),
            wall_s=wall_s,
            cpu_s=used.ru_utime + used.ru_stime,
            peak_bytes=watch.peak_bytes or _largest_process_bytes(used),
        )


def medians(runs: Sequence[Usage]) -> dict[str, float]:
    """Return the medians of runs, and the least and most CPU time among them."""
    cpu_s = [used.cpu_s for used in runs]
    return {
        "cpu_s": median(cpu_s),
        "cpu_s_min": min(cpu_s),
        "cpu_s_max": max(cpu_s),
        "wall_s": median(used.wall_s for used in runs),
        "peak_mb": median(used.peak_bytes for used in runs) / 1e6,
    }


@dataclass(slots=True, eq=False)
class _MemoryWatch:
    """Looks at the memory of a process tree until it is stopped."""

    pid: int
    peak_bytes: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        if _PROC.is_dir():
            self._thread = threading.Thread(target=self._look, daemon=True)
            self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_EVERY_S):
            sizes = [memory_bytes(pid) for pid in tree(self.pid)]
            now, peaks = sum(now for now, _ in sizes), (peak for _, peak in sizes)
            self.peak_bytes = max(self.peak_bytes, now, *peaks)


def tree(root: int) -> list[int]:
    """Return a process and its living descendants."""
    found = [root]
    for pid in found:
        found += _children(pid)
    return found


def _children(pid: int) -> list[int]:
    try:
        lists = [
            (thread / "children").read_text() for thread in (_PROC / str(pid) / "task").iterdir()
        ]
    except OSError:
        return []
    return [int(child) for children in lists for child in children.split()]


def memory_bytes(pid: int) -> tuple[int, int]:
    """Return a process's resident memory and the peak of it; (0, 0) if it has ended."""
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0, 0
    facts = {key: value for key, _, value in (line.partition(":") for line in lines)}
    now, peak = (int(facts.get(key, "0 kB").split()[0]) * 1024 for key in ("VmRSS", "VmHWM"))
    return now, peak


def _largest_process_bytes(used: resource.struct_rusage) -> int:
    """Return the kernel's peak of one process; at least what this one had when it forked."""
    return used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
