"""Writes with any LLM of LlamaIndex, which is met here and nowhere further in."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing, closing, contextmanager
from functools import partial
from typing import Any, Protocol, runtime_checkable

from ragkit.generate.model import ChatEvent, Finish, Message
from ragkit.generate.relay import Portal, aconsumed
from ragkit_ingest.embed.estimate import TokenEstimate, clean
from ragkit_ingest.errors import GeneratorError


@runtime_checkable
class LLM(Protocol):
    """As much of `llama_index.core.llms.LLM` as is used."""

    @property
    def metadata(self) -> Any:
        """Has `model_name` and `context_window`."""
        ...

    def stream_chat(self, messages: Any) -> Iterator[Any]:
        """Yield responses with `delta` or a growing `message.content`."""
        ...

    async def astream_chat(self, messages: Any) -> AsyncIterator[Any]:
        """Return what yields the same, asynchronously."""
        ...


class LlamaIndexChatModel:
    """An LLM of LlamaIndex as a chat model of ours.

    How long an answer may be, the temperature and where texts are sent are the LLM's own affair:
    `max_tokens` only reserves room in its context. Asynchronous calls run in an event loop of the
    model's own, so that an LLM that blocks does not block the caller's.

    Args:
        llm: Any object of that shape.
        name: Shown with each answer; by default its model's name.
        estimate: Counts tokens, since the model's own tokenizer is not at hand.
    """

    def __init__(self, llm: LLM, *, name: str = "", estimate: TokenEstimate | None = None) -> None:
        self._llm = llm
        said = str(getattr(llm.metadata, "model_name", "") or "")
        kind = type(llm).__name__
        self.name = name or f"llama-index:{said if said not in {'', 'unknown'} else kind}"
        self.context_tokens = max(0, int(getattr(llm.metadata, "context_window", 0) or 0))
        self._estimate = estimate or TokenEstimate()
        self._portal = Portal()

    def close(self) -> None:
        """Stop what is being written."""
        self._portal.close()

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return each text's estimated length in tokens."""
        return self._estimate.count([clean(text) for text in texts]) if texts else []

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[ChatEvent]:  # noqa: ARG002
        """Yield pieces of text as they are written, then one `Finish`.

        Raises:
            GeneratorError: If the LLM fails.
        """
        reading = _Reading()
        with self._translated():
            responses = self._llm.stream_chat(_theirs(messages))
            with closing(_closable(responses)):
                for response in responses:
                    if text := reading.take(response):
                        yield text
        yield reading.finish()

    def astream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,  # noqa: ARG002
    ) -> AsyncGenerator[ChatEvent]:
        """Yield what `stream` yields, without blocking the event loop."""
        return aconsumed(self._portal.producing(partial(self._events, messages)))

    async def _events(self, messages: Sequence[Message]) -> AsyncGenerator[ChatEvent]:
        reading = _Reading()
        with self._translated():
            responses: Any = await self._llm.astream_chat(_theirs(messages))
            async with aclosing(responses):
                async for response in responses:
                    if text := reading.take(response):
                        yield text
        yield reading.finish()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except Exception as exc:  # the classes behind it have no error root in common
            said = " ".join(str(exc).split())[:200]
            raise GeneratorError(
                f"the LLM {self.name} of LlamaIndex failed ({type(exc).__name__}: {said}); check "
                "how it was set up"
            ) from exc


class _Reading:
    """What was read of one answer so far."""

    def __init__(self) -> None:
        self._text = ""
        self._raw: Any = None

    def take(self, response: Any) -> str:
        """Note a response, and return what it adds to the text."""
        self._raw = getattr(response, "raw", None) or self._raw
        delta = getattr(response, "delta", None)
        whole = getattr(response.message, "content", None) or ""
        if delta is None:
            delta = whole[len(self._text) :] if whole.startswith(self._text) else ""
        self._text += delta
        return str(delta)

    def finish(self) -> Finish:
        """Return how the answer ended, as far as the LLM's provider says it."""
        usage = _of(self._raw, "usage")
        prompt, completion = (_of(usage, name) for name in ("prompt_tokens", "completion_tokens"))
        choices = _of(self._raw, "choices") or []
        reason = _of(choices[0], "finish_reason") if isinstance(choices, list) and choices else ""
        counted = isinstance(prompt, int) and isinstance(completion, int)
        return Finish(
            reason=str(reason or "stop"),
            prompt_tokens=prompt if counted else 0,
            completion_tokens=completion if counted else 0,
            counted=counted,
            model=str(_of(self._raw, "model") or ""),
        )


def _of(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)


def _theirs(messages: Sequence[Message]) -> list[Any]:
    from llama_index.core.llms import ChatMessage

    return [ChatMessage(role=message.role, content=message.content) for message in messages]


def _nothing() -> Iterator[Any]:
    """Yield nothing."""
    yield from ()


def _closable(responses: Any) -> Any:
    """Return the responses, or something closable in their place if they cannot be closed."""
    return responses if hasattr(responses, "close") else _nothing()
