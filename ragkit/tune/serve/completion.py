"""Chat completions with a local model, in the shapes of `/v1/chat/completions`."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from ragkit.generate.local import LocalChatModel
from ragkit.generate.model import Finish, Message
from ragkit.tune.serve.body import ChatBody
from ragkit.tune.serve.fault import broken, invalid
from ragkit_ingest.errors import GeneratorError, RagkitError

_DEFAULT_TOKENS = 4096
"""Most tokens of an answer to a request that does not say, if the model has room for them."""


class Stops:
    """Cuts a text that arrives in pieces at the first of some sequences.

    Args:
        stops: None of them empty.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held = ""
        self.found = False

    def take(self, piece: str) -> str:
        """Return the text that may be shown now: none that can turn out to begin a sequence."""
        if self.found:
            return ""
        text = self._held + piece
        places = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        if places:
            self.found = True
            self._held = ""
            return text[: min(places)]
        keep = max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def rest(self) -> str:
        """Return what was held back, at the end of the text."""
        rest, self._held = self._held, ""
        return rest


def _overlap(text: str, stop: str) -> int:
    """Return how many of the last characters of a text begin the sequence."""
    most = min(len(text), len(stop) - 1)
    return next((n for n in range(most, 0, -1) if text.endswith(stop[:n])), 0)


@dataclass(slots=True, kw_only=True)
class Completion:
    """One answer while it is written.

    Attributes:
        body: The request.
        model: What writes.
        limit: Most tokens.
        prompt_tokens: Of the messages.
    """

    body: ChatBody
    model: LocalChatModel
    limit: int
    prompt_tokens: int
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))
    _reason: str = "stop"
    _written: list[str] = field(default_factory=list)
    _tokens: int = 0

    async def pieces(self) -> AsyncGenerator[str]:
        """Yield the text as it is written, up to a stop sequence.

        Raises:
            GeneratorError: If the model fails.
        """
        stops = Stops(self.body.stops)
        events = self.model.astream(_messages(self.body), max_tokens=self.limit)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Finish):
                    self._reason = event.reason
                    self._tokens = event.completion_tokens
                    break
                self._written.append(event)
                if text := stops.take(event):
                    yield text
                if stops.found:
                    break
        if text := stops.rest():
            yield text

    async def whole(self) -> dict[str, Any]:
        """Return the answer in one piece."""
        text = "".join([piece async for piece in self.pieces()])
        return {
            **self._head("chat.completion"),
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text, "refusal": None},
                    "logprobs": None,
                    "finish_reason": self._reason,
                }
            ],
            "usage": self._usage(),
        }

    async def stream(self, first: str | None, rest: AsyncIterator[str]) -> AsyncGenerator[str]:
        """Yield the answer as server-sent events.

        Args:
            first: The first piece of the text; None if there is none.
            rest: The others.
        """
        try:
            yield self._chunk({"role": "assistant", "content": "", "refusal": None})
            if first is not None:
                yield self._chunk({"content": first})
                async for piece in rest:
                    yield self._chunk({"content": piece})
            yield self._chunk({}, reason=self._reason)
        except RagkitError as exc:
            fault = broken()
            fault.message = str(exc)
            yield _event(fault.to_json())
            return
        options = self.body.stream_options
        if options is not None and options.include_usage:
            head = self._head("chat.completion.chunk")
            yield _event({**head, "choices": [], "usage": self._usage()})
        yield "data: [DONE]\n\n"

    def _chunk(self, delta: dict[str, Any], *, reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        chunk = {**self._head("chat.completion.chunk"), "choices": [choice]}
        options = self.body.stream_options
        if options is not None and options.include_usage:
            chunk["usage"] = None
        return _event(chunk)

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.body.model}

    def _usage(self) -> dict[str, int]:
        if not self._tokens and self._written:  # a stop sequence ended it before the model did
            self._tokens = self.model.count_tokens(["".join(self._written)])[0]
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self._tokens,
            "total_tokens": self.prompt_tokens + self._tokens,
        }


def completion(body: ChatBody, opened: LocalChatModel) -> Completion:
    """Return the answer to a request, before it is begun; loads the model.

    Raises:
        Fault: If the messages, or they and the answer, are longer than the model reads, or its
            template does not take them.
        GeneratorError: If the model cannot be loaded.
    """
    temperature = 1.0 if body.temperature is None else body.temperature
    seed = secrets.randbits(31) if body.seed is None else body.seed % (1 << 31)
    model = opened.sampling(temperature=temperature, seed=seed)
    try:
        length = model.prompt_tokens(_messages(body))
    except GeneratorError as exc:
        raise invalid("messages", f"The model's chat template refuses the messages: {exc}") from exc
    context = model.context_tokens
    room = context - length if context else _DEFAULT_TOKENS
    asked = body.limit
    if room < 1 or (asked or 1) > room:
        told = f"you requested {length + (asked or 1)} tokens ({length} in the messages, "
        told += f"{asked or 1} in the completion)"
        raise invalid(
            "messages",
            f"This model's maximum context length is {context} tokens. However, {told}. Please "
            "reduce the length of the messages or completion.",
            "context_length_exceeded",
        )
    limit = asked or min(room, _DEFAULT_TOKENS)
    return Completion(body=body, model=model, limit=limit, prompt_tokens=length)


def _messages(body: ChatBody) -> tuple[Message, ...]:
    return tuple(
        Message(
            role="system" if message.role == "developer" else message.role, content=message.text
        )
        for message in body.messages
    )


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"
