"""A real HTTP server on this machine that speaks `/v1/embeddings`, and misbehaves as told."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.hashing import HashingEmbedder

Answer = tuple[int, dict[str, str], bytes]
Behaviour = Callable[["EmbeddingServer", dict[str, Any]], Answer | None]
"""Given the server and a request, returns the answer; None cuts the connection."""


def well(server: EmbeddingServer, request: dict[str, Any]) -> Answer:
    """Answer as a sound server does, in the encoding asked for."""
    return answer_with(server.entries(request))


def answer_with(entries: object, status: int = 200, **headers: str) -> Answer:
    body = json.dumps({"object": "list", "model": "m", "data": entries}).encode()
    return status, {"Content-Type": "application/json", **headers}, body


def error(status: int, message: str, code: str = "", **headers: str) -> Behaviour:
    """Answer with an error in OpenAI's shape."""
    body = json.dumps({"error": {"message": message, "type": "t", "code": code}}).encode()
    head = {"Content-Type": "application/json"}
    head |= {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _server, _request: (status, head, body)


def raw(body: bytes, content_type: str = "application/json", status: int = 200) -> Behaviour:
    return lambda _server, _request: (status, {"Content-Type": content_type}, body)


def hang(seconds: float) -> Behaviour:
    def behave(server: EmbeddingServer, request: dict[str, Any]) -> Answer | None:
        server.released.wait(seconds)
        return None

    return behave


def cut(server: EmbeddingServer, request: dict[str, Any]) -> None:
    """End the connection without an answer."""


class EmbeddingServer:
    """What the server was asked, and what it does next.

    Attributes:
        url: The base address, up to `/v1`.
        requests: The bodies received, in order.
        headers: Of each request, names in lower case.
        then: What is done with the next requests, one each; after that it answers well.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.then: list[Behaviour] = []
        self.always: Behaviour = well
        self.released = threading.Event()
        self.model = HashingEmbedder(max_tokens=100_000)

    def entries(self, request: dict[str, Any], *, plain: bool = False) -> list[dict[str, Any]]:
        texts = request["input"]
        vectors = self.model.embed_documents([texts] if isinstance(texts, str) else texts) * 3
        coded = request.get("encoding_format") == "base64" and not plain
        return [
            {
                "object": "embedding",
                "index": index,
                "embedding": base64.b64encode(vector.astype("<f4").tobytes()).decode()
                if coded
                else [float(value) for value in vector],
            }
            for index, vector in enumerate(vectors)
        ]


@contextmanager
def serving() -> Iterator[EmbeddingServer]:
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
            self.send_response(status)
            headers = {"Content-Length": str(len(content)), "Connection": "close"} | headers
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False
    told = EmbeddingServer(f"http://127.0.0.1:{server.server_port}/v1")
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
