"""What parsing costs, file by file: time, and the worker's memory where /proc tells it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.process import memory_bytes
from ragkit_ingest.errors import (
    MissingReaderError,
    ParserLimitError,
    PasswordError,
    SourceError,
    UnreadableFileError,
    UnsupportedFormatError,
)
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.records import Document

_LOOK_EVERY_S = 0.02
_RESET_PEAK = "5"  # proc(5), /proc/PID/clear_refs


@dataclass(slots=True)
class Cost:
    """What one file took, its attachments included.

    Attributes:
        seconds: From when a worker opened it until the outcome was there; summed over attachments.
        peak_bytes: Most resident memory of a worker meanwhile; 0 where it is not known.
        kind: What it came to, as `kind_of` names it.
    """

    seconds: float = 0.0
    peak_bytes: int = 0
    kind: str = ""


def kind_of(error: SourceError) -> str:
    """Return the class of an outcome that is no document."""
    reason = str(error)
    if isinstance(error, ParserLimitError):
        if "seconds" in reason:
            return "time limit"
        if "of memory" in reason:
            return "memory limit"
        return "worker ended" if "process" in reason else "refused: too large"
    names = {
        PasswordError: "needs a password",
        UnsupportedFormatError: "refused: unsupported",
        UnreadableFileError: "failed: unreadable",
        MissingReaderError: "failed: reader not installed",
    }
    return names.get(type(error), "failed: broken")


@dataclass(slots=True)
class CostWatch:
    """Told by a pool what its workers are at; looks at their memory every 20 ms.

    Attributes:
        costs: By file.
    """

    costs: dict[Path, Cost] = field(default_factory=dict)
    _running: dict[tuple[Path, tuple[str, ...]], tuple[int, float]] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def begun(self, source: Source, pid: int) -> None:
        """Note the time, and let the kernel count the worker's peak anew."""
        try:
            Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK)
        except OSError:
            # The worker has just died, or there is no /proc; its figures then stay at zero.
            self.costs.setdefault(source.path, Cost())
        self._running[source.path, source.member] = (pid, time.monotonic())

    def ended(self, source: Source, outcome: Document | SourceError) -> None:
        """Note what it took and what it came to."""
        cost = self.costs.setdefault(source.path, Cost())
        pid, started = self._running.pop((source.path, source.member), (0, time.monotonic()))
        cost.seconds += time.monotonic() - started
        cost.peak_bytes = max(cost.peak_bytes, memory_bytes(pid)[1] if pid else 0)
        if not source.member:
            cost.kind = kind_of(outcome) if isinstance(outcome, SourceError) else "read"

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_EVERY_S):
            for (path, _), (pid, _) in list(self._running.items()):
                cost = self.costs.setdefault(path, Cost())
                cost.peak_bytes = max(cost.peak_bytes, memory_bytes(pid)[1])
