"""How well a sentence answers a question, and how likely it is that the answer was found.

Both are small logistic models over features that a person can read; their weights stand in
`weights.json`, fitted by `bench/fit_evidence.py`. Nothing here searches or writes: passages come
in, scores go out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Protocol

from ragkit.answer import Passage
from ragkit.question import Question, Wanted, satisfies
from ragkit.sentence import SentenceSpan, sentences
from ragkit_ingest.embed.protocol import Vectors
from ragkit_ingest.lexical import words
from ragkit_ingest.records import BlockKind

SENTENCE_FEATURES = (
    "similarity",
    "coverage",
    "coverage_with_headings",
    "passage_score",
    "passage_similarity",
    "first_passage",
    "wanted_found",
    "wanted_missing",
    "table_row",
    "short",
    "asks_back",
)
ANSWER_FEATURES = (
    "sentence_score",
    "similarity",
    "passage_similarity",
    "coverage",
    "coverage_with_headings",
    "passage_coverage",
    "rarest_word_found",
    "unknown_words",
    "wanted_missing",
    "margin",
)
_HEADING_SHARE = 0.7


class EmbedsTexts(Protocol):
    """As much of an embedder as is needed here."""

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A sentence that might answer the question.

    Attributes:
        passage: Where it stands.
        sentence: The sentence.
        features: By name, in the order of `SENTENCE_FEATURES`.
        score: Probability in [0, 1] that it answers.
    """

    passage: Passage
    sentence: SentenceSpan
    features: Mapping[str, float]
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Logistic:
    """A logistic model.

    Attributes:
        bias: Added to the weighted sum.
        weights: By feature; a feature that is not named counts nothing.
    """

    bias: float
    weights: Mapping[str, float]

    def probability(self, features: Mapping[str, float]) -> float:
        """Return the model's probability in [0, 1]."""
        total = self.bias + sum(
            weight * features[name] for name, weight in self.weights.items() if name in features
        )
        return 1.0 / (1.0 + math.exp(-max(-60.0, min(60.0, total))))


def sentence_model() -> Logistic:
    """Return the packaged model that scores sentences."""
    return _models()["sentence"]


def answer_model() -> Logistic:
    """Return the packaged model of the probability that the answer was found."""
    return _models()["answer"]


@cache
def _models() -> dict[str, Logistic]:
    loaded = json.loads((files("ragkit") / "weights.json").read_text(encoding="utf-8"))
    return {
        name: Logistic(bias=model["bias"], weights=model["weights"])
        for name, model in loaded["models"].items()
    }


def candidates(
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
    model = model or sentence_model()
    texts = [_in_context(passage, sentence) for passage, sentence in found]
    vectors = embedder.embed_documents([question.text, *texts])
    similarities = vectors[1:] @ vectors[0]
    best_score = max(passage.score for passage, _ in found) or 1.0
    scored = []
    for (passage, sentence), similarity in zip(found, similarities, strict=True):
        features = _sentence_features(question, passage, sentence, word_weights)
        features["similarity"] = float(similarity)
        features["passage_score"] = passage.score / best_score
        scored.append(
            Candidate(
                passage=passage,
                sentence=sentence,
                features=features,
                score=model.probability(features),
            )
        )
    return sorted(scored, key=lambda c: (-c.score, c.passage.rank, c.sentence.start))


def answer_features(
    question: Question,
    passages: Sequence[Passage],
    ranked: Sequence[Candidate],
    word_weights: Mapping[str, float],
) -> dict[str, float]:
    """Return the features that tell whether the documents hold the answer.

    Args:
        question: Analysed.
        passages: That were looked at.
        ranked: Their sentences, best first; not empty.
        word_weights: Inverse document frequency of the question's words, 0 or more.
    """
    best = ranked[0]
    rarest = max(word_weights.values(), default=0.0)
    held = set(words(_with_headings(best.passage, best.passage.text)))
    rare = [word for word, weight in word_weights.items() if weight >= 0.8 * rarest]
    others = [c.score for c in ranked if c.passage.document_id != best.passage.document_id]
    return {
        "sentence_score": best.score,
        "similarity": max(c.features["similarity"] for c in ranked[:5]),
        "passage_similarity": max((p.similarity or 0.0) for p in passages),
        "coverage": best.features["coverage"],
        "coverage_with_headings": best.features["coverage_with_headings"],
        "passage_coverage": _coverage(word_weights, held),
        "rarest_word_found": float(any(word in held for word in rare)) if rare else 1.0,
        "unknown_words": _unknown_share(word_weights, passages),
        "wanted_missing": best.features["wanted_missing"],
        "margin": best.score - max(others, default=0.0),
    }


def _sentence_features(
    question: Question,
    passage: Passage,
    sentence: SentenceSpan,
    word_weights: Mapping[str, float],
) -> dict[str, float]:
    own = set(words(sentence.text))
    around = set(words(_with_headings(passage, "")))
    found = satisfies(question.wanted, sentence.text)
    specific = question.wanted is not Wanted.ANY
    return {
        "coverage": _coverage(word_weights, own),
        "coverage_with_headings": _coverage(word_weights, own, around),
        "passage_similarity": passage.similarity or 0.0,
        "first_passage": float(passage.rank == 1),
        "wanted_found": float(specific and found),
        "wanted_missing": float(specific and not found),
        "table_row": float(sentence.kind is BlockKind.TABLE_ROW),
        "short": float(len(own) < 4),
        "asks_back": float(sentence.text.rstrip().endswith(("?", ":"))),
    }


def _coverage(
    word_weights: Mapping[str, float], held: set[str], around: set[str] | None = None
) -> float:
    """Return the weighted share of the question's words that are held, in [0, 1].

    A word that only stands around the text (in its title or headings) counts in part.
    """
    total = sum(word_weights.values())
    if total <= 0.0:
        return 0.0
    got = sum(
        weight if word in held else _HEADING_SHARE * weight if around and word in around else 0.0
        for word, weight in word_weights.items()
    )
    return got / total


def _unknown_share(word_weights: Mapping[str, float], passages: Sequence[Passage]) -> float:
    """Return the weighted share of the question's words that no passage holds."""
    held: set[str] = set()
    for passage in passages:
        held.update(words(_with_headings(passage, passage.text)))
    return 1.0 - _coverage(word_weights, held)


def _unique(passages: Sequence[Passage]) -> list[tuple[Passage, SentenceSpan]]:
    """Return the passages' sentences, each wording once, where it stands first."""
    seen: set[str] = set()
    found = []
    for passage in passages:
        for sentence in sentences(passage.text, passage.start, passage.blocks):
            wording = " ".join(sentence.text.split()).casefold()
            if wording not in seen:
                seen.add(wording)
                found.append((passage, sentence))
    return found


def _with_headings(passage: Passage, text: str) -> str:
    return "\n".join([passage.title, *passage.headings, text])


def _in_context(passage: Passage, sentence: SentenceSpan) -> str:
    heading = passage.headings[-1] if passage.headings else passage.title
    return f"{heading}: {sentence.text}" if heading else sentence.text
