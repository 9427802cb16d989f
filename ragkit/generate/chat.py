"""Writes answers with a chat model: a prompt in, sentences with the passages they claim out.

What the model claims is not believed here; `ragkit.citations` looks every sentence up.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, closing
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ragkit.generate.marker import claims
from ragkit.generate.model import ChatEvent, ChatModel, Finish
from ragkit.generate.protocol import (
    Draft,
    DraftSentence,
    GenerationEvent,
    GenerationRequest,
    TextDelta,
)
from ragkit.prompt import Prompt, PromptSettings, build
from ragkit.template import Template, load
from ragkit_ingest.embed.protocol import Closable
from ragkit_ingest.errors import ConfigError, GeneratorError

_REFUSAL_CHARACTERS = 40
_THINKS, _THOUGHT = "<think>", "</think>"
# A server that read less than this share of a prompt has cut it.
_LEAST_READ = 0.4
_SHORT_PROMPT_TOKENS = 1000
_ENDED = {
    "length": "the answer was cut off at {limit} tokens; raise max_answer_tokens for longer ones",
    "content_filter": "the model's provider withheld the answer, or part of it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatSettings:
    """How a chat model is used.

    Attributes:
        max_answer_tokens: Most tokens of an answer, 1 or more; so many are kept free.
        context_tokens: Most tokens of prompt and answer; 0 for what the model reads.
        price_in: Of a million prompt tokens, in the user's currency; 0 if unknown.
        price_out: Of a million tokens that are written.
        prompt: What shapes the prompt.
    """

    max_answer_tokens: int = 512
    context_tokens: int = 0
    price_in: float = 0.0
    price_out: float = 0.0
    prompt: PromptSettings = PromptSettings()  # noqa: RUF009  (frozen)


@runtime_checkable
class HasDestination(Protocol):
    """A model that sends what it is given somewhere.

    Attributes:
        destination: The address.
    """

    destination: str


class ChatGenerator:
    """Drafts answers with any chat model.

    Args:
        model: What writes.
        settings: How it is used.
        template: The prompt, "answer"; by default the packaged one.
    """

    def __init__(
        self,
        model: ChatModel,
        settings: ChatSettings | None = None,
        *,
        template: Template | None = None,
    ) -> None:
        self.name = model.name
        self.model = model
        self._settings = settings or ChatSettings()
        self._template = template or load("answer")

    @property
    def prompt_version(self) -> str:
        """The version of the prompt in use."""
        return self._template.version

    @property
    def prompt_sha256(self) -> str:
        """SHA-256 of the texts of the prompt in use, as JSON with sorted keys."""
        texts = json.dumps(dict(self._template.texts), sort_keys=True)
        return hashlib.sha256(texts.encode()).hexdigest()

    def close(self) -> None:
        """Release the model, if it holds anything."""
        if isinstance(self.model, Closable):
            self.model.close()

    def generate(self, request: GenerationRequest) -> Iterator[GenerationEvent]:
        """Yield text as the model writes it, then the draft.

        Raises:
            GeneratorError: If the model fails.
            ConfigError: If not even a part of a passage fits into the model's context.
        """
        writing = self._writing(request)
        with closing(self.model.stream(writing.prompt.messages, max_tokens=self._limit)) as events:
            for event in events:
                if text := writing.take(event):
                    yield TextDelta(text=text)
        yield writing.draft()

    async def agenerate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent]:
        """Yield what `generate` yields, without blocking the event loop."""
        writing = self._writing(request)
        async with aclosing(
            self.model.astream(writing.prompt.messages, max_tokens=self._limit)
        ) as events:
            async for event in events:
                if text := writing.take(event):
                    yield TextDelta(text=text)
        yield writing.draft()

    @property
    def _limit(self) -> int:
        return self._settings.max_answer_tokens

    def _writing(self, request: GenerationRequest) -> _Writing:
        context = min(
            filter(None, (self._settings.context_tokens, self.model.context_tokens)), default=0
        )
        prompt = build(
            request,
            self._template,
            self._settings.prompt,
            mark=secrets.token_hex(8),
            budget_tokens=context - self._limit if context else None,
            count_tokens=self.model.count_tokens,
        )
        if request.passages and not prompt.spans:
            raise ConfigError(
                f"no passage fits into the prompt: of {context} tokens of context, {self._limit} "
                f"are kept for the answer and {prompt.tokens} go to the instructions and the "
                "question; raise generator_context_tokens or lower max_answer_tokens"
            )
        return _Writing(self.model, prompt, self._settings, self._template)


class _Writing:
    """One answer while it is written."""

    def __init__(
        self, model: ChatModel, prompt: Prompt, settings: ChatSettings, template: Template
    ) -> None:
        self.prompt = prompt
        self._model = model
        self._settings = settings
        self._template = template
        self._pieces: list[str] = []
        self._thought: str | None = ""
        self._finish: Finish | None = None

    def take(self, event: ChatEvent) -> str:
        """Note an event; return the text to show of it."""
        if isinstance(event, Finish):
            self._finish = event
            return ""
        self._pieces.append(event)
        return self._shown(event)

    def _shown(self, piece: str) -> str:
        """Return a piece without the thought that the text may open with."""
        if self._thought is None:
            return piece
        self._thought = (self._thought + piece).lstrip()
        if self._thought.startswith(_THINKS):
            ended = _THOUGHT in self._thought[-len(piece) - len(_THOUGHT) :]
            rest = self._thought.partition(_THOUGHT)[2].lstrip() if ended else ""
        elif _THINKS.startswith(self._thought):  # it may become one
            return ""
        else:
            ended, rest = True, self._thought
        if ended:
            self._thought = None
        return rest

    def draft(self) -> Draft:
        """Return the finished draft."""
        finish = self._finish
        if finish is None:
            raise GeneratorError(
                f"the chat model {self._model.name} stopped without saying how it ended; its last "
                "event must be a Finish"
            )
        text = "".join(self._pieces)
        prompt_tokens, completion_tokens = finish.prompt_tokens, finish.completion_tokens
        if not finish.counted:
            prompt_tokens = self.prompt.tokens
            completion_tokens = self._model.count_tokens([text])[0] if text else 0
        settings = self._settings
        priced = settings.price_in or settings.price_out
        spent = prompt_tokens * settings.price_in + completion_tokens * settings.price_out
        return Draft(
            sentences=self._sentences(text, finish),
            prompt_tokens=prompt_tokens,
            completion_tokens=completion_tokens,
            estimated=not finish.counted,
            cost=spent / 1e6 if priced else None,
            finish_reason=finish.reason,
            model=finish.model or self._model.name.partition(":")[2],
            prompt_version=self._template.version,
            warnings=self._warnings(finish, text),
        )

    def _sentences(self, text: str, finish: Finish) -> tuple[DraftSentence, ...]:
        if finish.reason == "content_filter":
            return ()
        found = claims(text, len(self.prompt.spans))
        kept = [claim for claim in found if not self._refuses(claim.text)]
        if len(kept) < len(found) and not any(claim.passages for claim in kept):
            return ()
        return tuple(
            DraftSentence(
                text=claim.text,
                sources=tuple(self.prompt.spans[number - 1] for number in claim.passages),
            )
            for claim in kept
        )

    def _refuses(self, text: str) -> bool:
        """Return whether a sentence is the one that was asked for, or little more than it."""
        wanted, said = _letters(self._template.texts["refusal"]), _letters(text)
        return wanted in said and len(said) <= len(wanted) + _REFUSAL_CHARACTERS

    def _warnings(self, finish: Finish, text: str) -> tuple[str, ...]:
        said = [*self.prompt.warnings, *finish.warnings]
        if finish.reason in _ENDED:
            said.append(_ENDED[finish.reason].format(limit=self._settings.max_answer_tokens))
        elif finish.reason != "stop":
            said.append(f"the model ended its answer for an unusual reason: {finish.reason:.40}")
        if not text.strip():
            said.append("the model wrote nothing")
        asked = self.prompt.tokens
        if (
            finish.counted
            and asked >= _SHORT_PROMPT_TOKENS
            and finish.prompt_tokens < _LEAST_READ * asked
        ):
            said.append(
                f"the server read {finish.prompt_tokens} tokens of a prompt of about {asked}, so "
                "it has probably cut it; raise its context length or lower generator_context_tokens"
            )
        return tuple(said)


def _letters(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())
