"""Training examples: dialogues in files, as chat JSON Lines or as prompt and completion."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.generate.model import Message
from ragkit.json_lines import lines
from ragkit_ingest.errors import UsageError

CHAT = "chat"
COMPLETION = "completion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A dialogue to learn from.

    Attributes:
        messages: The last is the assistant's.
        weights: Whether each message is learnt; it counts for the assistant's only.
    """

    messages: tuple[Message, ...]
    weights: tuple[bool, ...] = ()

    def __post_init__(self) -> None:
        if not self.messages or self.messages[-1].role != "assistant":
            raise ValueError("its last message is not the assistant's")
        if not self.weights:
            object.__setattr__(self, "weights", (True,) * len(self.messages))
        if len(self.weights) != len(self.messages):
            raise ValueError(f"{len(self.weights)} weights for {len(self.messages)} messages")
        if not self.learnt:
            raise ValueError("no message of the assistant has a weight above 0")

    @property
    def learnt(self) -> tuple[str, ...]:
        """What is learnt: the assistant's messages, but those of weight 0."""
        return tuple(
            message.content
            for message, weight in zip(self.messages, self.weights, strict=True)
            if message.role == "assistant" and weight
        )

    def to_json(self, format_: str = CHAT) -> dict[str, object]:
        """Return the example as a line of a file."""
        if format_ == COMPLETION:
            return {"prompt": _prompt(self.messages[:-1]), "completion": self.messages[-1].content}
        return {
            "messages": [
                {"role": message.role, "content": message.content}
                | ({} if weight or message.role != "assistant" else {"weight": 0})
                for message, weight in zip(self.messages, self.weights, strict=True)
            ]
        }


def load_examples(file: Path) -> list[Example]:
    """Return the examples of a chat JSON Lines file, in its order.

    Raises:
        UsageError: If the file cannot be read, is empty, or a line is no dialogue of texts; the
            message names the line.
    """
    examples = [
        line.read(_example, "is no example", advice="see `ragkit tune check`")
        for line in lines(file, "examples")
    ]
    if not examples:
        raise UsageError(f"{file} holds no examples; write one dialogue a line")
    return examples


def to_lines(examples: Sequence[Example], format_: str = CHAT) -> str:
    """Return the text of a file of examples."""
    texts = (json.dumps(one.to_json(format_), ensure_ascii=False) for one in examples)
    return "".join(f"{text}\n" for text in texts)


def _example(value: Any) -> Example:
    messages = value.get("messages") if isinstance(value, dict) else None
    if not isinstance(messages, list) or not all(isinstance(one, dict) for one in messages):
        raise ValueError("it holds no list of messages")
    return Example(
        messages=tuple(message_of(one) for one in messages),
        weights=tuple(one.get("weight", 1) != 0 for one in messages),
    )


def message_of(value: Any) -> Message:
    """Return the message of a dialogue in JSON.

    Raises:
        ValueError: If it is none, of another role, or holds no text.
    """
    if not isinstance(value, dict):
        raise ValueError("a message is no object")  # noqa: TRY004
    role: Any = value.get("role")
    content = value.get("content")
    role = "system" if role == "developer" else role
    if role not in ("system", "user", "assistant"):
        raise ValueError(f"the role {role!r:.40} cannot be trained here")
    if isinstance(content, list) and all(_is_text(part) for part in content):
        content = "".join(part["text"] for part in content)
    if not isinstance(content, str) or not content.strip():
        raise ValueError(f"a message of the {role} holds no text")
    return Message(role=role, content=content)


def _is_text(part: object) -> bool:
    return isinstance(part, dict) and isinstance(part.get("text"), str)


def _prompt(messages: Sequence[Message]) -> str:
    """Return the messages before the answer as one text; a lone question as it is."""
    if len(messages) == 1:
        return messages[0].content
    return "\n\n".join(message.content for message in messages)
