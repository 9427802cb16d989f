"""What a generator is: a question and its passages in, text and where it came from out.

A generator only drafts. Whether a sentence may be shown as supported is decided afterwards,
the same way for every generator, by `ragkit.citations`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ragkit.answer import Passage
from ragkit.disagreement import Disagreement
from ragkit.evidence import Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One question of a conversation and the answer that was given to it."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """Everything a generator may know.

    Attributes:
        question: Standing on its own, follow-ups already rewritten.
        passages: Best first; `DraftSentence.sources` refer to their `chunk_id`.
        history: Earlier turns, oldest first; empty outside a chat.
        evidence: The passages' sentences with how well each answers, best first.
        disagreements: Pairs of sentences among them that disagree, the newer one first.
    """

    question: str
    passages: Sequence[Passage]
    history: Sequence[Turn] = ()
    evidence: Sequence[Candidate] = ()
    disagreements: Sequence[Disagreement] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of a document that a generator claims to have used.

    Attributes:
        document_id: The document.
        start: Offset of its first character in the document's text.
        end: Offset after its last character.
    """

    document_id: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftSentence:
    """A sentence as drafted, with the spans it claims to rest on (not yet verified)."""

    text: str
    sources: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """A piece of text, to be shown as it arrives."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The finished draft; always the last event.

    Attributes:
        sentences: In order; empty if the generator found nothing to say.
        prompt_tokens: Tokens read; 0 for generators without tokens.
        completion_tokens: Tokens written.
        estimated: Whether these counts are estimates.
        cost: Of the tokens, in the currency of the configured prices; None if unknown.
        finish_reason: Why the model ended: "stop", "length" and so on; empty without a model.
        model: The name that the model gives itself; empty without a model.
        prompt_version: Of the prompt's template; empty without a prompt.
        warnings: What a person should know of how the draft came about, one sentence each.
    """

    sentences: tuple[DraftSentence, ...]
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False
    cost: float | None = 0.0
    finish_reason: str = ""
    model: str = ""
    prompt_version: str = ""
    warnings: tuple[str, ...] = ()


GenerationEvent = TextDelta | Draft


@runtime_checkable
class Generator(Protocol):
    """Drafts an answer.

    Attributes:
        name: Shown with each answer, such as `"extractive"`.
    """

    name: str

    def generate(self, request: GenerationRequest) -> Iterator[GenerationEvent]:
        """Yield text as it is written, then one `Draft`.

        Raises:
            GeneratorError: If the model or its endpoint fails.
        """
        ...


@runtime_checkable
class HasAgenerate(Generator, Protocol):
    """A generator that can be waited for. Cancelling the task, or closing the iterator, stops it.

    One that has no `agenerate` is run in a thread, and stops at its next event.
    """

    def agenerate(self, request: GenerationRequest) -> AsyncGenerator[GenerationEvent]:
        """Yield what `generate` yields, without blocking the event loop."""
        ...
