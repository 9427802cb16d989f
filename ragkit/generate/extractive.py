"""The embedded generator: answers with the documents' own sentences. No model, no network.

It shows the sentence that answers best, and others only if they answer nearly as well or
complete it: the items behind a colon, the line that introduces them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from ragkit.answer import Passage
from ragkit.evidence import Candidate
from ragkit.generate.protocol import (
    Draft,
    DraftSentence,
    GenerationEvent,
    GenerationRequest,
    Span,
    TextDelta,
)
from ragkit.sentence import SentenceSpan, sentences
from ragkit_ingest.records import BlockKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractiveSettings:
    """How much is shown.

    Attributes:
        max_sentences: Most sentences that are chosen on their own merit, 1 or more.
        near: A further sentence is shown if its score is at least this share of the best.
        max_items: Most list items shown behind a sentence that announces them.
    """

    max_sentences: int = 4
    near: float = 0.25
    max_items: int = 8


class ExtractiveGenerator:
    """Picks sentences.

    Args:
        settings: How much is shown.
    """

    name = "extractive"

    def __init__(self, settings: ExtractiveSettings | None = None) -> None:
        self._settings = settings or ExtractiveSettings()

    def generate(self, request: GenerationRequest) -> Iterator[GenerationEvent]:
        """Yield the chosen sentences, then the draft."""
        if not request.evidence:
            yield Draft(sentences=())
            return
        chosen = self._complete(self._choose(request.evidence))
        drafted = tuple(
            DraftSentence(text=_shown(sentence.text), sources=(_span(passage, sentence),))
            for passage, sentence in chosen
        )
        yield TextDelta(text="\n".join(sentence.text for sentence in drafted))
        yield Draft(sentences=drafted)

    def _choose(self, ranked: Sequence[Candidate]) -> list[Candidate]:
        """Return the best sentence, and others that answer nearly as well.

        Where the best one names what was asked about, the others must too: the row of error E04
        says nothing about E05.
        """
        best = ranked[0]
        named = best.features.get("identifiers", 1.0)
        near = (
            candidate
            for candidate in ranked
            if candidate.score >= self._settings.near * best.score
            and candidate.features.get("identifiers", 1.0) >= named
        )
        return list(islice(near, self._settings.max_sentences))

    def _complete(self, chosen: Sequence[Candidate]) -> list[tuple[Passage, SentenceSpan]]:
        """Return the chosen sentences with what they need to be understood."""
        completed: dict[tuple[int, int], tuple[Passage, SentenceSpan]] = {}
        for candidate in chosen:
            passage = candidate.passage
            around = list(sentences(passage.text, passage.start, passage.blocks))
            for sentence in _run(around, candidate.sentence, self._settings.max_items):
                completed.setdefault((passage.document_id, sentence.start), (passage, sentence))
        return list(completed.values())


def _run(
    around: Sequence[SentenceSpan], chosen: SentenceSpan, max_items: int
) -> list[SentenceSpan]:
    """Return the sentence, with its list items if it announces some."""
    if not chosen.text.endswith(":"):
        return [chosen]
    items: list[SentenceSpan] = []
    for sentence in around:
        if sentence.start <= chosen.start:
            continue
        if sentence.kind is not BlockKind.LIST_ITEM or len(items) == max_items:
            break
        items.append(sentence)
    return [chosen, *items]


def _span(passage: Passage, sentence: SentenceSpan) -> Span:
    return Span(document_id=passage.document_id, start=sentence.start, end=sentence.end)


def _shown(text: str) -> str:
    return " ".join(text.split())
