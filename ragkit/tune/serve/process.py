"""A process of `child`, seen from the server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

_CHILD = "ragkit.tune.serve.child"


class Process(Protocol):
    """One order that is carried out elsewhere."""

    def answers(self) -> Iterator[dict[str, Any]]:
        """Yield what it answers, up to a result or an error; nothing more once it was ended."""
        ...

    def end(self) -> None:
        """End it at once; any thread may."""
        ...

    def close(self) -> None:
        """End it if it goes on, and release what it holds."""
        ...


class ChildProcess:
    """A `Process` of this machine.

    Args:
        order: What to do, see `child`.
        log: Where what the process prints is kept.
    """

    def __init__(self, order: Mapping[str, Any], log: Path) -> None:
        self._lock = Lock()
        self._ended = False
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        with log.open("ab") as said:
            self._process = subprocess.Popen(  # noqa: S603  (our own module, by this interpreter)
                [sys.executable, "-P", "-m", _CHILD],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,  # a Ctrl-C at the terminal is the server's to handle
            )
        self._order = json.dumps(order) + "\n"

    def answers(self) -> Iterator[dict[str, Any]]:
        """Yield what it answers, up to a result or an error; nothing more once `end` was called.

        A process that ends otherwise is an error, too.
        """
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):  # it has died already, which its exit status tells
            process.stdin.write(self._order.encode())
            process.stdin.flush()
        for line in process.stdout:
            if self._ended:
                return
            answer = json.loads(line)
            yield answer
            if "event" not in answer:
                return
        status = process.wait()
        if not self._ended:
            yield {"error": _sudden(status)}

    def end(self) -> None:
        """Kill it if it runs, and wait until it is gone."""
        with self._lock:
            self._ended = True
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """Kill it if it runs, and close its pipes."""
        self.end()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # the order was never read
                    pipe.close()


def _sudden(status: int) -> dict[str, Any]:
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    message = f"the training process ended unexpectedly ({how})"
    if status == -9:
        message += "; the system kills processes that need too much memory: try a smaller "
        message += "batch_size or a smaller base"
    return {"code": "server_error", "message": message, "param": None}
