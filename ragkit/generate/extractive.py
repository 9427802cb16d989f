"""The embedded generator: answers with the documents' own sentences. No model, no network.

It shows the sentence that answers best, and others only if they answer nearly as well or
complete it: the items behind a colon, the list that a list was asked for, what another part of
the question asks, what another document says about the same matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile

from ragkit.answer import Passage
from ragkit.evidence import Candidate, Held
from ragkit.generate.protocol import (
    Draft,
    DraftSentence,
    GenerationEvent,
    GenerationRequest,
    Span,
    TextDelta,
)
from ragkit.part import asks_for_a_list, parts
from ragkit.sentence import SentenceSpan, sentences
from ragkit_ingest.records import BlockKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractiveSettings:
    """How much is shown.

    Attributes:
        max_sentences: Most sentences that are chosen on their own merit, 1 or more.
        near: A further sentence is shown if its score is at least this share of the best.
        max_items: Most list items shown behind a sentence that announces them, or of a list that
            was asked for.
        part_near: What covers a part of the question that nothing chosen covers is shown if its
            score is at least this share of the best.
    """

    max_sentences: int = 4
    near: float = 0.25
    max_items: int = 8
    part_near: float = 0.03


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
        chosen = self._complete(self._choose(request), lists=asks_for_a_list(request.question))
        drafted = tuple(
            DraftSentence(text=_shown(sentence.text), sources=(_span(passage, sentence),))
            for passage, sentence in chosen
        )
        yield TextDelta(text="\n".join(sentence.text for sentence in drafted))
        yield Draft(sentences=drafted)

    def _choose(self, request: GenerationRequest) -> list[Candidate]:
        """Return the best sentence, and others that answer nearly as well or another part.

        Where the best one names what was asked about, the others must too: the row of error E04
        says nothing about E05. What another document says about the same matter is shown beside
        it and takes no other sentence's place.
        """
        ranked = request.evidence
        best = ranked[0]
        named = best.features.get("identifiers", 1.0)
        beside = {(d.other.document_id, d.other.start) for d in request.disagreements}
        chosen: list[Candidate] = []
        room = self._settings.max_sentences
        for candidate in ranked:
            extra = _place(candidate) in beside and bool(chosen)
            near = candidate.score >= self._settings.near * best.score
            if not near or candidate.features.get("identifiers", 1.0) < named:
                continue
            if extra or room:
                chosen.append(candidate)
                room -= not extra
        return chosen + self._for_other_parts(request, chosen)

    def _for_other_parts(
        self, request: GenerationRequest, chosen: Sequence[Candidate]
    ) -> list[Candidate]:
        """Return a sentence for each part of the question that no chosen one speaks of."""
        ranked, added = request.evidence, list[Candidate]()
        enough = self._settings.part_near * ranked[0].score
        for words in parts(request.question):
            if any(_covers(words, candidate) for candidate in (*chosen, *added)):
                continue
            able = [c for c in ranked if c.score >= enough and _covers(words, c)]
            added += able[:1]
        return added

    def _complete(
        self, chosen: Sequence[Candidate], *, lists: bool
    ) -> list[tuple[Passage, SentenceSpan]]:
        """Return the chosen sentences with what they need to be understood."""
        completed: dict[tuple[int, int], tuple[Passage, SentenceSpan]] = {}
        for place, candidate in enumerate(chosen):
            passage = candidate.passage
            around = list(sentences(passage.text, passage.start, passage.blocks))
            whole = lists and place == 0
            found = _run(around, candidate.sentence, self._settings.max_items, whole=whole)
            for sentence in found:
                completed.setdefault((passage.document_id, sentence.start), (passage, sentence))
        return list(completed.values())


def _run(
    around: Sequence[SentenceSpan], chosen: SentenceSpan, max_items: int, *, whole: bool
) -> list[SentenceSpan]:
    """Return the sentence, with its list items if it announces some.

    Args:
        around: The sentences of its passage, in reading order.
        chosen: The sentence.
        max_items: Most items.
        whole: Whether a list was asked for: then of a list item the whole list is shown, with the
            line before it, and behind any sentence the list that it stands before.
    """
    at = next((i for i, one in enumerate(around) if one.start == chosen.start), None)
    if at is None:
        return [chosen]
    if whole and chosen.kind is BlockKind.LIST_ITEM:
        while at > 0 and around[at - 1].kind is BlockKind.LIST_ITEM:
            at -= 1
        head = around[at - 1 : at] if at else []
        items = _items(around[at:], max_items)
        return [*head, *items] if chosen in items else [chosen]
    if not (whole or chosen.text.endswith(":")):
        return [chosen]
    return [chosen, *_items(around[at + 1 :], max_items)]


def _items(following: Sequence[SentenceSpan], most: int) -> list[SentenceSpan]:
    items = takewhile(lambda sentence: sentence.kind is BlockKind.LIST_ITEM, following)
    return list(islice(items, most))


def _covers(words: frozenset[str], candidate: Candidate) -> bool:
    """Return whether the sentence, with its headings, holds most of the words."""
    passage = candidate.passage
    held = Held.of(candidate.sentence.text, passage.title, *passage.headings).words
    return len(words & held) > len(words) / 2


def _place(candidate: Candidate) -> tuple[int, int]:
    return candidate.passage.document_id, candidate.sentence.start


def _span(passage: Passage, sentence: SentenceSpan) -> Span:
    return Span(document_id=passage.document_id, start=sentence.start, end=sentence.end)


def _shown(text: str) -> str:
    return " ".join(text.split())
