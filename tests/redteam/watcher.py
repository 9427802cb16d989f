"""Watches what happens beside the answer: connections, files that are read, processes, fetches."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_RUNS = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.startfile")


@dataclass(slots=True)
class Watcher:
    """What was noticed while it was `on`.

    Attributes:
        url: Where the attacker listens.
        allowed: The ports of the endpoint that was configured.
        bait: Files that nobody has a reason to read.
        noticed: One line each: what was done that no document may cause.
    """

    url: str
    allowed: set[int] = field(default_factory=set)
    bait: set[str] = field(default_factory=set)
    noticed: list[str] = field(default_factory=list)
    on: bool = False

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take an audit event of the interpreter."""
        if not self.on:
            return
        if event == "socket.connect":
            address = arguments[1]
            if not isinstance(address, tuple) or address[1] not in self.allowed:
                self.noticed.append(f"network: {address}")
        elif event == "open" and str(arguments[0]) in self.bait:
            self.noticed.append(f"file: {arguments[0]}")
        elif event in _RUNS:
            self.noticed.append(f"process: {arguments[0]}")


@contextmanager
def watching() -> Iterator[Watcher]:
    """Listen as the attacker does, and hear the interpreter's audit events."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            watcher.noticed.append(f"network: fetched {self.path}")
            self.send_response(204)
            self.end_headers()

        do_POST = do_HEAD = do_GET  # noqa: N815  (names of the library)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    watcher = Watcher(url=f"http://127.0.0.1:{server.server_port}")
    _hear(watcher)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield watcher
    finally:
        watcher.on = False
        server.shutdown()
        thread.join()
        server.server_close()


def _hear(watcher: Watcher) -> None:
    sys.addaudithook(watcher.hear)  # can never be taken away, so it only listens while it is on
