"""A real HTTP server on this machine that speaks like OpenAI's, and misbehaves as told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

Answer = tuple[int, dict[str, str], bytes | Iterator[bytes]]
"""Status, headers and body; an iterator is sent piece by piece, and the connection then cut."""


class EndpointServer:
    """What the server was asked, and what it does next.

    Attributes:
        url: The base address, up to `/v1`.
        requests: The bodies received, in order.
        headers: Of each request, names in lower case.
        then: What is done with the next requests, one each; after that `always`.
        released: Set when the test is over; whoever hangs waits for it.
        left: Set when a client went away while it was answered.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.then: list[Behaviour] = []
        self.always: Behaviour = cut
        self.released = threading.Event()
        self.left = threading.Event()


Behaviour = Callable[[Any, dict[str, Any]], Answer | None]
"""Given the server and a request, returns the answer; None cuts the connection."""

S = TypeVar("S", bound=EndpointServer)


def error(status: int, message: str, code: str = "", **headers: str) -> Behaviour:
    """Answer with an error in OpenAI's shape."""
    body = json.dumps({"error": {"message": message, "type": "t", "code": code}}).encode()
    head = {"Content-Type": "application/json"}
    head |= {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _server, _request: (status, head, body)


def raw(body: bytes, content_type: str = "application/json", status: int = 200) -> Behaviour:
    return lambda _server, _request: (status, {"Content-Type": content_type}, body)


def hang(seconds: float) -> Behaviour:
    def behave(server: EndpointServer, request: dict[str, Any]) -> Answer | None:
        server.released.wait(seconds)
        return None

    return behave


def cut(server: EndpointServer, request: dict[str, Any]) -> None:
    """End the connection without an answer."""


@contextmanager
def serving_as(make: Callable[[str], S]) -> Iterator[S]:
    """Run a server on a free port of the loopback interface."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = {**json.loads(body), "_path": self.path}
            told.requests.append(request)
            told.headers.append({name.lower(): value for name, value in self.headers.items()})
            behave = told.then.pop(0) if told.then else told.always
            answer = behave(told, request)
            self.close_connection = True
            if answer is None:
                return
            status, headers, content = answer
            whole = isinstance(content, bytes)
            self.send_response(status)
            length = {"Content-Length": str(len(content))} if isinstance(content, bytes) else {}
            for name, value in (length | {"Connection": "close"} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            try:
                for piece in [content] if isinstance(content, bytes) else content:
                    self.wfile.write(piece)
                    self.wfile.flush()
            except (BrokenPipeError, ConnectionResetError):
                if whole:
                    raise
                told.left.set()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    told = make(f"http://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield told
    finally:
        told.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = time.mktime((2027, 3, 1, 12, 0, 0, 0, 0, 0))
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def asleep(self, seconds: float) -> None:
        self.sleep(seconds)
