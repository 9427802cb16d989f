"""Writes with any endpoint that speaks OpenAI's `/v1/chat/completions`, local or remote.

The messages are sent to the endpoint that was named, and nowhere else: redirects are not
followed, and there is no default address.
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ragkit.generate.model import ChatEvent, Finish, Message
from ragkit.generate.relay import Portal, aconsumed, consumed
from ragkit_ingest.embed.backoff import Backoff
from ragkit_ingest.embed.estimate import TokenEstimate, clean
from ragkit_ingest.endpoint import Endpoint, EndpointFailure, said_in
from ragkit_ingest.errors import ConfigError, GeneratorError

_ADVICE = {
    400: "if the prompt is too long for the model, lower generator_context_tokens",
    413: "lower generator_context_tokens",
    422: "see what the server logged",
}
# How servers say that they do not know a parameter, or not this value of it.
_UNKNOWN_WORDS = (
    "unsupported",
    "not support",
    "unrecognized",
    "unrecognised",
    "unknown",
    "unexpected",
    "not permitted",
    "not allowed",
    "extra",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatEndpointSettings:
    """Which endpoint and model, and how it is asked.

    Attributes:
        url: The base address up to `/chat/completions`, such as "http://localhost:11434/v1".
        model: The model's name there.
        key_env: The environment variable that holds the key; a local server needs none.
        context_tokens: Most tokens of the messages and the answer together; 0 if unknown.
        temperature: 0 for the likeliest text, up to 2.
        seed: For servers that take one.
        timeout_s: Longest silence, in seconds.
        total_s: Longest time for one answer with all tries, in seconds.
        backoff: When failed requests are tried again.
    """

    url: str
    model: str
    key_env: str = "OPENAI_API_KEY"
    context_tokens: int = 4096
    temperature: float = 0.0
    seed: int = 0
    timeout_s: float = 60.0
    total_s: float = 600.0
    backoff: Backoff = field(default_factory=Backoff)

    def __post_init__(self) -> None:
        self.endpoint()
        if not self.model.strip():
            raise ConfigError("the chat model has no name; give it as openai:MODEL")
        if self.total_s <= 0:
            raise ConfigError(f"total_s must be above 0, not {self.total_s}")

    def endpoint(self) -> Endpoint:
        """Return where requests go.

        Raises:
            ConfigError: If the address is none.
        """
        return Endpoint(
            url=self.url,
            model=self.model,
            key_env=self.key_env,
            timeout_s=self.timeout_s,
            kind="generator",
            what="the chat endpoint",
            error=GeneratorError,
            advice=_ADVICE,
        )


class EndpointChatModel:
    """A model behind an OpenAI-compatible endpoint.

    Requests run in an event loop of the model's own, which keeps connections open. A request that
    fails before the first piece of text is tried again as the backoff allows; one that fails
    later is an error. Instances may be shared between threads and event loops.

    Args:
        settings: Which endpoint and model.
        estimate: Counts tokens, since the model's own tokenizer is not at hand.
        sleep: Waits before a request is tried again.
    """

    def __init__(
        self,
        settings: ChatEndpointSettings,
        *,
        estimate: TokenEstimate | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.name = f"openai:{settings.model}"
        self.context_tokens = settings.context_tokens
        self._settings = settings
        self._endpoint = settings.endpoint()
        self._estimate = estimate or TokenEstimate()
        self._sleep = sleep
        self._portal = Portal()
        self._client: Any = None
        self._refused: frozenset[str] = frozenset()

    @property
    def destination(self) -> str:
        """Where what it is given is sent."""
        return self._settings.url

    def close(self) -> None:
        """Abort what is being written, and close the connections.

        They are opened again if the model is used again.
        """
        self._portal.close(self._disconnected)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return each text's estimated length in tokens."""
        return self._estimate.count([clean(text) for text in texts]) if texts else []

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[ChatEvent]:
        """Yield pieces of text as they arrive, then one `Finish`.

        Raises:
            GeneratorError: If the endpoint cannot be reached, refuses, keeps failing, breaks off,
                is silent or slow for too long, or answers with something else than a chat
                completion.
        """
        return consumed(self._portal.producing(partial(self._events, messages, max_tokens)))

    def astream(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncGenerator[ChatEvent]:
        """Yield what `stream` yields, without blocking the event loop."""
        return aconsumed(self._portal.producing(partial(self._events, messages, max_tokens)))

    # -- tries -------------------------------------------------------------------------------

    async def _events(
        self, messages: Sequence[Message], max_tokens: int
    ) -> AsyncGenerator[ChatEvent]:
        try:
            async with (
                asyncio.timeout(self._settings.total_s),
                aclosing(self._tried(messages, max_tokens)) as events,
            ):
                async for event in events:
                    yield event
        except TimeoutError as exc:
            raise GeneratorError(
                f"{self._endpoint.who} did not finish its answer within "
                f"{self._settings.total_s:g} s; ask for less with max_answer_tokens, or give it "
                "more time with generator_total_s"
            ) from exc

    async def _tried(
        self, messages: Sequence[Message], max_tokens: int
    ) -> AsyncGenerator[ChatEvent]:
        failed = 0
        while True:
            reading = _Reading(self._endpoint)
            try:
                async with aclosing(self._attempt(messages, max_tokens, reading)) as pieces:
                    async for piece in pieces:
                        yield piece
            except EndpointFailure as exc:
                if not reading.text and self._left_out(exc):
                    continue
                failed += 1
                wait = self._settings.backoff.wait_s(failed, exc.headers) if exc.passing else None
                if reading.text:
                    raise GeneratorError(f"the answer broke off: {exc}") from exc
                if wait is None:
                    tries = f" ({failed} tries)" if failed > 1 else ""
                    raise GeneratorError(f"{exc}{tries}") from exc
            else:
                yield reading.finish(self._noted())
                return
            await self._sleep(wait)

    async def _attempt(
        self, messages: Sequence[Message], max_tokens: int, reading: _Reading
    ) -> AsyncGenerator[str]:
        with self._endpoint.translated(), self._shapes_translated():
            create = self._opened().chat.completions.with_streaming_response.create
            async with create(**self._request(messages, max_tokens)) as response:
                kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
                if kind == "application/json":
                    yield reading.take(await response.json())
                elif kind != "text/html":
                    async for chunk in await response.parse():
                        if text := reading.take(chunk.to_dict()):
                            yield text
                reading.check(kind)

    def _request(self, messages: Sequence[Message], max_tokens: int) -> dict[str, Any]:
        limit = "max_completion_tokens" if "max_tokens" in self._refused else "max_tokens"
        optional = {
            "temperature": self._settings.temperature,
            "seed": self._settings.seed,
            "stream_options": {"include_usage": True},
        }
        return {
            "model": self._settings.model,
            "messages": [
                {"role": message.role, "content": clean(message.content)} for message in messages
            ],
            "stream": True,
            limit: max_tokens,
            **{name: value for name, value in optional.items() if name not in self._refused},
            **self._endpoint.request_options(),
        }

    def _left_out(self, failure: EndpointFailure) -> bool:
        """Note a parameter that the server does not take; whether there is a new one."""
        said = failure.said.lower()
        if failure.status not in {400, 422} or not any(word in said for word in _UNKNOWN_WORDS):
            return False
        for name in ("max_tokens", "stream_options", "temperature", "seed"):
            if name in said and name not in self._refused:
                self._refused |= {name}
                return True
        return False

    def _noted(self) -> tuple[str, ...]:
        if "temperature" in self._refused:
            return (f"the model {self._settings.model} takes no temperature: answers may vary",)
        return ()

    def _opened(self) -> Any:
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        if self._client is None:
            self._client = AsyncOpenAI(
                **self._endpoint.client_options(),
                http_client=DefaultAsyncHttpxClient(follow_redirects=False),
            )
        return self._client

    async def _disconnected(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    @contextmanager
    def _shapes_translated(self) -> Iterator[None]:
        """Turn what an answer of the wrong shape raises into an `EndpointFailure`."""
        try:
            yield
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as exc:
            raise EndpointFailure(
                f"{self._endpoint.who} sent something that is no chat completion "
                f"({self._endpoint.harmless(str(exc))}); check that generator_url leads to an "
                "OpenAI-compatible interface"
            ) from exc


class _Reading:
    """What was read of one answer so far.

    Attributes:
        text: The pieces of text.

    Args:
        endpoint: Whose answer it is.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.text: list[str] = []
        self._endpoint = endpoint
        self._who = endpoint.who
        self._chunks = 0
        self._choices = 0
        self._declined = False
        self._reason = ""
        self._model = ""
        self._usage: Mapping[str, Any] = {}

    def take(self, data: Mapping[str, Any]) -> str:
        """Note a chunk, or a whole completion, and return its text."""
        if data.get("error"):
            said = self._endpoint.harmless(said_in(data))
            raise EndpointFailure(f"{self._who} answered with an error ({said})")
        self._chunks += 1
        self._model = data.get("model") or self._model
        usage = data.get("usage")
        self._usage = usage if isinstance(usage, Mapping) else self._usage
        text = ""
        for choice in (data.get("choices") or ())[:1]:
            self._choices += 1
            self._reason = choice.get("finish_reason") or self._reason
            message = choice.get("delta") or choice.get("message") or {}
            self._declined = self._declined or bool(message.get("refusal"))
            text = _text(message.get("content"))
        if text:
            self.text.append(text)
        return text

    def check(self, kind: str) -> None:
        """Refuse an answer that is none, or not a whole one.

        Raises:
            EndpointFailure: Saying which.
        """
        if not self._chunks:
            raise EndpointFailure(
                f"{self._who} answered with {kind or 'no content type'} and no chat completion in "
                "it; check that generator_url leads to an OpenAI-compatible interface"
            )
        if not self._choices:
            raise EndpointFailure(f"{self._who} answered without any choice; check the model")
        if not self._reason:
            raise EndpointFailure(
                f"{self._who} ended its stream before the answer was finished; check that the "
                "server is not overloaded",
                passing=True,
            )

    def finish(self, warnings: tuple[str, ...]) -> Finish:
        """Return how the answer ended."""
        prompt, completion = (
            _count(self._usage.get(name)) for name in ("prompt_tokens", "completion_tokens")
        )
        return Finish(
            reason="content_filter" if self._declined else self._reason,
            prompt_tokens=prompt or 0,
            completion_tokens=completion or 0,
            counted=prompt is not None and completion is not None,
            model=str(self._model),
            warnings=warnings,
        )


def _text(content: object) -> str:
    """Return the text of a message's content: a string, or a list of parts."""
    if content is None:
        return ""
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in content if isinstance(part, dict))
    if isinstance(content, str):
        return content
    raise TypeError(f"the content is of type {type(content).__name__}")


def _count(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return None
