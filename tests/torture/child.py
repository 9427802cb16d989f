"""Runs work in a forked process: quick to start, and free to be killed."""

from __future__ import annotations

import os
import pickle
import signal
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ragkit_ingest.errors import RagkitError


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a process ended.

    Attributes:
        killed: Whether a signal ended it.
        value: What the work returned.
        said: The class and the sentence of the error of ours that it raised; empty if none.
        broke: The traceback of any other error; empty if none.
        seconds: How long it ran.
    """

    killed: bool
    value: Any
    said: str
    broke: str
    seconds: float

    def whole(self) -> Any:
        """Return what the work returned; raise if it did not end well."""
        if self.killed or self.said or self.broke:
            raise RuntimeError(self.said or self.broke or "the process was killed")
        return self.value


class Child:
    """A forked process at work.

    This process must have no SQLite file open that the work opens too.

    Args:
        work: What it does; its outcome is told through a pipe.
    """

    def __init__(self, work: Callable[[], Any]) -> None:
        self._started = time.perf_counter()
        self._reading, writing = os.pipe()
        with warnings.catch_warnings():  # newer Pythons warn of threads, of which none matters
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            os.close(self._reading)
            _work(work, writing)
        os.close(writing)

    def kill(self) -> None:
        """End it, without any warning."""
        os.kill(self.pid, signal.SIGKILL)

    def end(self) -> Ended:
        """Wait for its end."""
        with os.fdopen(self._reading, "rb") as pipe:
            written = pipe.read()
        _, status = os.waitpid(self.pid, 0)
        seconds = time.perf_counter() - self._started
        if os.WIFSIGNALED(status) and not _complete(written):
            return Ended(killed=True, value=None, said="", broke="", seconds=seconds)
        value, said, broke = pickle.loads(written)
        return Ended(killed=False, value=value, said=said, broke=broke, seconds=seconds)


def run(work: Callable[[], Any], *, kill_after_s: float | None = None) -> Ended:
    """Run the work in a child, and kill it after so many seconds if it is not done by then."""
    child = Child(work)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        child.kill()
    return child.end()


def value_of(work: Callable[[], Any]) -> Any:
    """Return what the work returns in a child; raise if it does not end well."""
    return run(work).whole()


def _work(work: Callable[[], Any], pipe: int) -> None:
    try:
        outcome = (work(), "", "")
    except RagkitError as error:
        outcome = (None, f"{type(error).__name__}: {error}", "")
    except BaseException:  # noqa: BLE001 - handed to the parent, which counts it
        outcome = (None, "", traceback.format_exc())
    with os.fdopen(pipe, "wb") as file:
        pickle.dump(outcome, file)
    os._exit(0)


def _complete(written: bytes) -> bool:
    """Return whether the child had told its outcome before it was killed."""
    try:
        pickle.loads(written)
    except (EOFError, pickle.UnpicklingError):
        return False
    return True
