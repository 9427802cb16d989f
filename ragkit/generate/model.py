"""What a chat model is: messages in, text as it is written out. It knows no documents.

Whatever is said here of a stream holds for both forms, `stream` and `astream`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of a dialogue.

    Attributes:
        role: Who speaks.
        content: What is said; never empty.
    """

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """How a text came to its end; always the last event.

    Attributes:
        reason: "stop" if the model ended it, "length" if its tokens ran out, "content_filter" if
            the provider withheld it, else the server's own word.
        prompt_tokens: Tokens read; 0 if the model does not say.
        completion_tokens: Tokens written; 0 if the model does not say.
        counted: Whether the model counted the tokens; otherwise they are estimates or 0.
        model: The name that the model gives itself; empty if it gives none.
        warnings: What a person should know, one sentence each.
    """

    reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    counted: bool = False
    model: str = ""
    warnings: tuple[str, ...] = ()


ChatEvent = str | Finish


class ChatModel(Protocol):
    """Writes the next message of a dialogue.

    Attributes:
        name: Shown with each answer, such as "openai:llama3".
    """

    name: str

    @property
    def context_tokens(self) -> int:
        """Most tokens of the messages and the answer together; 0 if unknown."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return each text's length in tokens, exact or by a careful estimate."""
        ...

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[ChatEvent]:
        """Yield pieces of text as they are written, then one `Finish`.

        Closing the iterator ends the writing: a request is aborted, a computation stopped.

        Args:
            messages: At least one; the last is the user's.
            max_tokens: Most tokens to write, 1 or more.

        Raises:
            GeneratorError: If the model or its endpoint fails. Pieces that were yielded before
                are no answer then.
        """
        ...

    def astream(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncGenerator[ChatEvent]:
        """Yield what `stream` yields, without blocking the event loop.

        Cancelling the task, or closing the iterator, ends the writing.
        """
        ...


def written(model: ChatModel, messages: Sequence[Message], *, max_tokens: int) -> str:
    """Return the whole text that the model writes.

    Raises:
        GeneratorError: If the model fails.
    """
    events = model.stream(messages, max_tokens=max_tokens)
    return "".join(event for event in events if isinstance(event, str))
