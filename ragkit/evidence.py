"""Weighs the sentences of the passages: how well does each one answer the question?

The score is a small logistic model over features that a person can read. Nothing here searches
or writes: passages come in, ranked candidates go out. All generators share it, so that the same
evidence orders the passages, picks the sentences and decides whether to abstain.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ragkit.answer import Passage
from ragkit.logistic import Logistic, logit, packaged
from ragkit.quantity import gives
from ragkit.question import Question, Wanted, holds_identifier, satisfies
from ragkit.sentence import SentenceSpan, sentences
from ragkit.weighed import Weighed
from ragkit_ingest.embed.protocol import Vectors
from ragkit_ingest.lexical import words
from ragkit_ingest.records import BlockKind

READ = 16
"""How many sentences are read together with the question."""
_MANY_WORDS = 60
_FRESH_WORDS = 12


class EmbedsTexts(Protocol):
    """As much of an embedder as is needed here."""

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text."""
        ...


class ReadsSentences(Protocol):
    """As much of a reader as is needed here."""

    def scores(self, question: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return for each text the logit that it answers the question."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A sentence that might answer the question.

    Attributes:
        passage: Where it stands.
        sentence: The sentence.
        features: By name.
        score: Probability in [0, 1] that it answers, if anything does.
    """

    passage: Passage
    sentence: SentenceSpan
    features: Mapping[str, float]
    score: float

    @property
    def weighed(self) -> Weighed:
        """The sentence, its place and its score alone."""
        return Weighed(
            path=self.passage.path,
            page=self.passage.page,
            page_label=self.passage.page_label,
            start=self.sentence.start,
            end=self.sentence.end,
            text=self.sentence.text,
            score=self.score,
        )


@dataclass(frozen=True, slots=True)
class Held:
    """The analysed words of a text, and which of them are neighbours."""

    words: frozenset[str]
    pairs: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, *texts: str) -> Held:
        """Return what the texts hold together; words of two texts are never neighbours."""
        lists = [words(text) for text in texts]
        return cls(
            frozenset(word for found in lists for word in found),
            frozenset(pair for found in lists for pair in pairwise(found)),
        )

    def __or__(self, other: Held) -> Held:
        return Held(self.words | other.words, self.pairs | other.pairs)

    def coverage(self, word_weights: Mapping[str, float]) -> float:
        """Return the weighted share of the words that are held, in [0, 1]."""
        total = sum(word_weights.values())
        if total <= 0.0:
            return 0.0
        return sum(weight for word, weight in word_weights.items() if word in self.words) / total

    def share(self, wanted: Sequence[str]) -> float:
        """Return the share of the words that are held; 1 if none is wanted."""
        return sum(word in self.words for word in wanted) / len(wanted) if wanted else 1.0

    def identifiers(self, question: Question) -> float:
        """Return the share of the question's identifiers that are held; 1 if it has none."""
        wanted = question.identifiers
        if not wanted:
            return 1.0
        return sum(holds_identifier(i, self.words, self.pairs) for i in wanted) / len(wanted)


def weigh(
    question: Question,
    passages: Sequence[Passage],
    word_weights: Mapping[str, float],
    embedder: EmbedsTexts,
    model: Logistic | None = None,
) -> list[Candidate]:
    """Return every sentence of the passages with its score, best first.

    Args:
        question: Analysed.
        passages: With their blocks.
        word_weights: Inverse document frequency of the question's words, 0 or more.
        embedder: Of the index.
        model: Scores the features; by default the packaged one.
    """
    found = _unique(passages)
    if not found:
        return []
    model = model or packaged("sentence")
    texts = [in_context(passage, sentence) for passage, sentence in found]
    vectors = embedder.embed_documents([question.text, *texts])
    similarities = [float(value) for value in vectors[1:] @ vectors[0]]
    closest = max(similarities)
    around = {passage.chunk_id: _around(passage) for passage in passages}
    within = {passage.chunk_id: Held.of(passage.text) for passage in passages}
    weighed = []
    for (passage, sentence), similarity in zip(found, similarities, strict=True):
        features = {
            "similarity": similarity,
            "similarity_to_best": similarity - closest,
            **_passage_features(passage),
            **_sentence_features(
                question,
                sentence,
                word_weights,
                around[passage.chunk_id],
                within[passage.chunk_id],
            ),
        }
        weighed.append(
            Candidate(
                passage=passage,
                sentence=sentence,
                features=features,
                score=model.probability(features),
            )
        )
    return sorted(weighed, key=lambda c: (-c.score, c.passage.rank, c.sentence.start))


def read(
    question: Question,
    ranked: Sequence[Candidate],
    reader: ReadsSentences,
    model: Logistic | None = None,
) -> list[Candidate]:
    """Return the candidates, the best `READ` of them weighed anew after they were read, best first.

    Those have the features `first` (the logit of the score that they had), `reads` (the reader's
    logit) and `reads_to_best` (how far it is from the highest) more. The others follow in their
    order, with no better a score.

    Args:
        question: Analysed.
        ranked: As `weigh` returned them.
        reader: Scores a sentence together with the question.
        model: Scores the features of what was read; by default the packaged one.
    """
    if not ranked:
        return []
    model = model or packaged("sentence_read")
    looked_at = ranked[:READ]
    texts = [in_context(candidate.passage, candidate.sentence) for candidate in looked_at]
    logits = [float(value) for value in reader.scores(question.text, texts)]
    highest = max(logits)
    found = []
    for candidate, reads in zip(looked_at, logits, strict=True):
        features = {
            **candidate.features,
            "first": logit(candidate.score),
            "reads": reads,
            "reads_to_best": reads - highest,
        }
        found.append(replace(candidate, features=features, score=model.probability(features)))
    found.sort(key=lambda c: (-c.score, c.passage.rank, c.sentence.start))
    least = found[-1].score
    return [*found, *(replace(c, score=min(c.score, least)) for c in ranked[READ:])]


def reordered(passages: Sequence[Passage], ranked: Sequence[Candidate]) -> list[Passage]:
    """Return the passages by their best sentence; those without a sentence come last."""
    order = dict.fromkeys(candidate.passage.chunk_id for candidate in ranked)
    places = {chunk_id: place for place, chunk_id in enumerate(order)}
    return sorted(passages, key=lambda p: (places.get(p.chunk_id, len(places)), p.rank))


def in_context(passage: Passage, sentence: SentenceSpan) -> str:
    """Return the sentence behind the heading it stands under, as the embedder reads it."""
    heading = passage.headings[-1] if passage.headings else passage.title
    return f"{heading}: {sentence.text}" if heading else sentence.text


def _passage_features(passage: Passage) -> dict[str, float]:
    return {
        "passage_score": passage.score,
        "passage_similarity": passage.similarity or 0.0,
        "passage_rank": 1.0 / passage.rank,
    }


def _sentence_features(
    question: Question,
    sentence: SentenceSpan,
    word_weights: Mapping[str, float],
    around: Held,
    within: Held,
) -> dict[str, float]:
    own = Held.of(sentence.text)
    nearby = own | around
    passage = nearby | within
    ending = sentence.text.rstrip()[-1:]
    missing = question.wanted is not Wanted.ANY and not satisfies(question, sentence.text)
    asked = question.quantities
    given = gives(sentence.text, asked)
    fresh = len(own.words - word_weights.keys())
    return {
        "coverage": own.coverage(word_weights),
        "coverage_nearby": nearby.coverage(word_weights),
        "coverage_passage": passage.coverage(word_weights),
        "identifiers": own.identifiers(question),
        "identifiers_nearby": nearby.identifiers(question),
        "identifiers_passage": passage.identifiers(question),
        "names_nearby": nearby.share(question.names),
        "names_passage": passage.share(question.names),
        "focus": own.share(question.focus),
        "focus_nearby": nearby.share(question.focus),
        "focus_passage": passage.share(question.focus),
        "wanted_missing": float(missing),
        "quantity_missing": float(bool(asked) and not given),
        "quantity_given": float(bool(asked) and given),
        "years_absent": float(not set(question.years) <= passage.words),
        "fresh_words": min(fresh, _FRESH_WORDS) / _FRESH_WORDS,
        "table_row": float(sentence.kind is BlockKind.TABLE_ROW),
        "short": float(len(own.words) < 4),
        "length": min(len(own.words), _MANY_WORDS) / _MANY_WORDS,
        "ends_asking": float(ending == "?"),
        "ends_announcing": float(ending == ":"),
    }


def _around(passage: Passage) -> Held:
    """Return what stands around a passage: its title, its headings, its file's name."""
    return Held.of(passage.title, *passage.headings, passage.path.replace("/", " "))


def _unique(passages: Sequence[Passage]) -> list[tuple[Passage, SentenceSpan]]:
    """Return the passages' sentences, each wording once a document."""
    seen: set[tuple[int, str]] = set()
    found = []
    for passage in passages:
        for sentence in sentences(passage.text, passage.start, passage.blocks):
            wording = (passage.document_id, " ".join(sentence.text.split()).casefold())
            if wording not in seen:
                seen.add(wording)
                found.append((passage, sentence))
    return found
