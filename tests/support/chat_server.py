"""A server that speaks `/v1/chat/completions`, streamed or plain."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from tests.support.endpoint_server import Answer, Behaviour, EndpointServer, serving_as

SSE = {"Content-Type": "text/event-stream; charset=utf-8"}
USAGE = {"prompt_tokens": 120, "completion_tokens": 7, "total_tokens": 127}


class ChatServer(EndpointServer):
    """Answers every question with `text`.

    Attributes:
        text: What is answered.
        usage: The tokens that are said to have been used; None to say nothing.
        reason: Why the answer ended.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.always = streamed
        self.text = "The urn leaks [1]."
        self.usage: dict[str, int] | None = USAGE
        self.reason = "stop"

    def prompt(self, at: int = -1) -> str:
        """Return the messages of a request, one after the other."""
        return "\n".join(message["content"] for message in self.requests[at]["messages"])


def event(data: object) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


def chunk(text: str | None = None, reason: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": reason}
    return event(
        {"id": "c", "object": "chat.completion.chunk", "model": "m-2", "choices": [choice]} | more
    )


def pieces(text: str) -> list[str]:
    return re.findall(r"\S+\s*", text)


def events(server: ChatServer) -> Iterator[bytes]:
    """Yield what a sound server streams."""
    yield event({"id": "c", "model": "m-2", "choices": [{"index": 0, "delta": {"role": "x"}}]})
    for piece in pieces(server.text):
        yield chunk(piece)
    yield chunk(reason=server.reason)
    if server.usage is not None:
        yield chunk(choices=[], usage=server.usage)
    yield b"data: [DONE]\n\n"


def streamed(server: ChatServer, request: dict[str, Any]) -> Answer:
    """Answer as a sound server does."""
    return 200, SSE, events(server)


def plain(server: ChatServer, request: dict[str, Any]) -> Answer:
    """Answer in one piece, as a server that does not stream."""
    return completion(server.text, server.reason, server.usage)


def completion(text: object, reason: str | None = "stop", usage: object = None) -> Answer:
    message = {"role": "assistant", "content": text}
    body = {
        "id": "c",
        "object": "chat.completion",
        "model": "m-2",
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": usage,
    }
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


def streaming(*parts: bytes) -> Behaviour:
    """Stream just these bytes, then cut the connection."""
    return lambda _server, _request: (200, SSE, iter(parts))


def drip(parts: Sequence[bytes], *, every_s: float = 0.02) -> Behaviour:
    """Stream these bytes again and again, until the client leaves or the test is over."""

    def behave(server: ChatServer, request: dict[str, Any]) -> Answer:
        def endless() -> Iterator[bytes]:
            yield chunk("The ")
            while not server.released.wait(every_s):
                yield from parts

        return 200, SSE, endless()

    return behave


def refusing(name: str, message: str, then: Behaviour = streamed) -> Behaviour:
    """Refuse requests that hold a parameter."""

    def behave(server: ChatServer, request: dict[str, Any]) -> Answer | None:
        if name not in request:
            return then(server, request)
        body = json.dumps({"error": {"message": message, "param": name}}).encode()
        return 400, {"Content-Type": "application/json"}, body

    return behave


def serving() -> AbstractContextManager[ChatServer]:
    """Run a server on a free port of the loopback interface."""
    return serving_as(ChatServer)
