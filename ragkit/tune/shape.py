"""Shapes samples as they are asked at run time: the prompt with its passages, the cited answer.

The messages are those that `ragkit.prompt` makes for a chat model, from passages that the index
finds for the question: the one that answers it (the gold passage) among others that do not.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ragkit.answer import Passage
from ragkit.citations import verify
from ragkit.generate.model import Message
from ragkit.generate.protocol import DraftSentence, GenerationRequest
from ragkit.pipeline import Pipeline
from ragkit.prompt import PromptSettings, build
from ragkit.sentence import split
from ragkit.support import Judge
from ragkit.template import Template
from ragkit_ingest.embed.estimate import TokenEstimate, clean
from ragkit_ingest.lexical import STOPWORDS, words

_POOL = 16
_COVERED = 0.8
_LEAST_SHARED = 2
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the index holds for a question.

    Attributes:
        gold: The passage that answers it; None if none is known to.
        others: Passages that do not hold what the gold one does, best first.
    """

    gold: Passage | None
    others: tuple[Passage, ...]


class Shaper:
    """Makes prompts of an index's passages.

    Args:
        rag: The pipeline that will be asked; its prompt, persona and search are used.
        template: The prompt "answer".
        passages: Most passages of a prompt, 1 or more.
        prompt_tokens: Most tokens of a prompt, as estimated; passages that do not answer are
            left out until it fits.
    """

    def __init__(
        self, rag: Pipeline, template: Template, *, passages: int, prompt_tokens: int
    ) -> None:
        self._rag = rag
        self._template = template
        self._passages = passages
        self._limit = prompt_tokens
        self._settings = PromptSettings(persona=rag.config.persona)
        self._estimate = TokenEstimate()
        self._looked: dict[str, tuple[Passage, ...]] = {}

    @property
    def refusal(self) -> str:
        """The sentence that the prompt asks for where the passages do not answer."""
        return self._template.texts["refusal"]

    def looked(self, question: str) -> tuple[Passage, ...]:
        """Return the passages that answering the question would look at, and some more."""
        if question not in self._looked:
            found = self._rag.look(question, k=_POOL)
            self._looked[question] = tuple(found.request.passages)
        return self._looked[question]

    def by_context(self, question: str, context: str) -> Found:
        """Return the passage that holds a known context, and others that do not."""
        passages = [*self.looked(question), *self._rag.search(context[:1000], k=5).hits]
        covered = [(_coverage(context, passage.text), passage) for passage in passages]
        best, gold = max(covered, key=lambda pair: pair[0], default=(0.0, None))
        if gold is None or best < _COVERED:
            return Found(gold=None, others=())
        return Found(gold=gold, others=self._without(question, gold, context))

    def by_answer(self, question: str, answer: str) -> Found:
        """Return the passage that supports a sentence of the answer, judged as answers are."""
        passages = self.looked(question)
        verified = verify(
            [DraftSentence(text=text) for text in _sentences(answer)],
            self._rag.index.document,
            passages,
            Judge(self._rag.embedder),
        )
        for citation in verified.citations:
            for passage in passages:
                inside = passage.start <= citation.start and citation.end <= passage.end
                if passage.path == citation.path and inside:
                    others = self._without(question, passage, citation.quote)
                    return Found(gold=passage, others=others)
        return Found(gold=None, others=())

    def without_answer(self, question: str, answers: Sequence[str] = ()) -> tuple[Passage, ...]:
        """Return passages found for the question in which none of the answers stands."""
        flat = [" ".join(words(answer)) for answer in answers]
        return tuple(
            passage
            for passage in self.looked(question)
            if not any(f" {one} " in f" {' '.join(words(passage.text))} " for one in flat)
        )

    def _without(self, question: str, gold: Passage, held: str) -> tuple[Passage, ...]:
        return tuple(
            passage
            for passage in self.looked(question)
            if not (passage.document_id == gold.document_id and _overlap(passage, gold))
            and _coverage(held, passage.text) < _COVERED
        )

    def drawn(
        self, found: Found, draw: random.Random, *, hidden: frozenset[str] = frozenset()
    ) -> tuple[list[Passage], int]:
        """Return passages in a drawn order, and the place of the gold one among them, from 1.

        Args:
            found: What there is; without a gold passage the place is 0.
            draw: Decides.
            hidden: Paths of documents that must not be shown.
        """
        others = [passage for passage in found.others if passage.path not in hidden]
        wanted = self._passages - (found.gold is not None)
        chosen = draw.sample(others, min(wanted, len(others)))
        if found.gold is None:
            return chosen, 0
        place = draw.randrange(len(chosen) + 1)
        return [*chosen[:place], found.gold, *chosen[place:]], place + 1

    def messages(
        self, question: str, passages: Sequence[Passage], draw: random.Random, gold: int = 0
    ) -> tuple[tuple[Message, ...], int]:
        """Return the messages of a prompt and the place of the gold passage in it, from 1.

        Args:
            question: As it is asked.
            passages: In their order.
            draw: Makes the word between the marks, which is new for each prompt.
            gold: The place of the passage that must stay, from 1; 0 for none.
        """
        mark = f"{draw.getrandbits(64):016x}"
        kept = list(enumerate(passages, start=1))
        while True:
            shown = [replace(passage, rank=rank) for rank, (_, passage) in enumerate(kept, 1)]
            made = build(
                GenerationRequest(question=question, passages=shown),
                self._template,
                self._settings,
                mark=mark,
                budget_tokens=None,
                count_tokens=self._count,
            )
            spare = [pair for pair in kept if pair[0] != gold]
            if made.tokens <= self._limit or not spare:
                break
            kept.remove(spare[-1])
        places = [number for number, _ in kept]
        return made.messages, places.index(gold) + 1 if gold else 0

    def _count(self, texts: Sequence[str]) -> list[int]:
        return self._estimate.count([clean(text) for text in texts]) if texts else []


def cited(answer: str, number: int, held: str) -> str | None:
    """Return the answer with the passage's number after each sentence that rests on it.

    A sentence rests on it if it repeats a number of it, or two of its content words; what the
    voice adds of its own does not. None if no sentence does.

    Args:
        answer: In the house voice.
        number: Of the passage, from 1.
        held: What the passage says of it.
    """
    said = _content(held)
    numbers = set(_NUMBER.findall(held))
    pieces, at, any_ = [], 0, False
    for start, end in split(answer):
        sentence = answer[start:end]
        rests = bool(numbers & set(_NUMBER.findall(sentence)))
        rests = rests or len(said & _content(sentence)) >= _LEAST_SHARED
        pieces.append(answer[at:end] + (f" [{number}]" if rests else ""))
        any_ = any_ or rests
        at = end
    return "".join([*pieces, answer[at:]]) if any_ else None


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split(text)]


def _content(text: str) -> set[str]:
    return {word for word in words(text) if word not in STOPWORDS}


def _coverage(held: str, text: str) -> float:
    """Return the share of the content words of what is held that stand in a text."""
    wanted = _content(held)
    return len(wanted & _content(text)) / len(wanted) if wanted else 0.0


def _overlap(one: Passage, other: Passage) -> bool:
    return one.start < other.end and other.start < one.end
