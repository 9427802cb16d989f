"""A chat model that says what it is told to, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Sequence

from ragkit.generate.model import ChatEvent, Finish, Message

Says = Callable[[Sequence[Message]], str]


class FakeChatModel:
    """Says a text, or what a function makes of the messages; counts words as tokens."""

    name = "fake:one"

    def __init__(self, says: str | Says, *, context: int = 0, finish: Finish | None = None) -> None:
        self.context_tokens = context
        self.asked: list[tuple[Message, ...]] = []
        self.limits: list[int] = []
        self.closed = 0
        self._says = says
        self._finish = finish or Finish()

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[ChatEvent]:
        self.asked.append(tuple(messages))
        self.limits.append(max_tokens)
        text = self._says if isinstance(self._says, str) else self._says(messages)
        try:
            yield from text.splitlines(keepends=True)
            yield self._finish
        finally:
            self.closed += 1

    async def astream(
        self, messages: Sequence[Message], *, max_tokens: int
    ) -> AsyncGenerator[ChatEvent]:
        for event in self.stream(messages, max_tokens=max_tokens):
            await asyncio.sleep(0)
            yield event

    def close(self) -> None:
        self.closed += 100

    @property
    def prompt(self) -> str:
        """The last prompt, its messages one after the other."""
        return "\n".join(message.content for message in self.asked[-1])
