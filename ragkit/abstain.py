"""How likely the documents hold the answer: the confidence that decides whether to abstain.

Computed from the question and the evidence alone, so that it means the same for every
generator.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ragkit.answer import Passage
from ragkit.evidence import Candidate, Held
from ragkit.logistic import Logistic, logit, packaged
from ragkit.question import TOKEN, Question
from ragkit_ingest.embed.protocol import TokenEmbedder, TokenVectors, Vectors
from ragkit_ingest.lexical import STOPWORDS, words

_BEST = 4
_SHOWN_CHARACTERS = 800
_UNREAD = -6.0
_CARRIED = (
    "similarity",
    "coverage",
    "coverage_nearby",
    "coverage_passage",
    "identifiers",
    "identifiers_nearby",
    "identifiers_passage",
    "names_nearby",
    "names_passage",
    "focus",
    "focus_nearby",
    "focus_passage",
    "wanted_missing",
    "quantity_missing",
    "quantity_given",
    "years_absent",
    "fresh_words",
    "passage_similarity",
)
_COMMON = STOPWORDS | {"much", "many", "long", "often", "must", "may", "does"}


def confidence(
    question: Question,
    passages: Sequence[Passage],
    ranked: Sequence[Candidate],
    word_weights: Mapping[str, float],
    embedder: object,
    model: Logistic | None = None,
) -> float:
    """Return the probability in [0, 1] that the passages hold the answer.

    Args:
        question: Analysed.
        passages: That were looked at.
        ranked: Their sentences, best first.
        word_weights: Inverse document frequency of the question's words, 0 or more.
        embedder: Of the index; a `TokenEmbedder`, as the packaged one is, also compares words by
            meaning, and what the reader found is a feature too if the sentences were read.
        model: Turns features into a probability; by default a packaged one: the one that counts
            meaning and reading where there are both, as a pipeline with a `TokenEmbedder` always
            has, else the one that counts neither.
    """
    if not ranked:
        return 0.0
    features = evidence_features(question, passages, ranked, word_weights)
    name = "answer_without_tokens"
    if isinstance(embedder, TokenEmbedder):
        features |= meaning_features(question, ranked, word_weights, embedder)
        if "reads" in ranked[0].features:
            name = "answer"
            features |= reading_features(ranked)
    return (model or packaged(name)).probability(features)


def evidence_features(
    question: Question,
    passages: Sequence[Passage],
    ranked: Sequence[Candidate],
    word_weights: Mapping[str, float],
) -> dict[str, float]:
    """Return what the best sentence and the next four hold of the question.

    Features named `best_...` are the best sentence's; `mean_...` are means over the best five,
    weighted by their scores.
    """
    best, five = ranked[0], ranked[:5]
    logits = [logit(candidate.score) for candidate in ranked]
    weights = np.asarray([candidate.score for candidate in five]) + 1e-9
    held = Held.of(*(text for p in passages for text in (p.path, p.title, *p.headings, p.text)))
    others = [
        logit
        for candidate, logit in zip(ranked, logits, strict=True)
        if candidate.passage.document_id != best.passage.document_id
    ]
    features = {
        "best_score": logits[0],
        "mean_score": float(np.mean(logits[:3])),
        "lead": logits[0] - (logits[1] if len(logits) > 1 else -9.0),
        "lead_over_documents": logits[0] - max(others, default=-9.0),
        "top_similarity": max(candidate.features["similarity"] for candidate in five),
        "top_passage_similarity": max((p.similarity or 0.0) for p in passages),
        "unknown_words": 1.0 - held.coverage(word_weights),
        "unknown_identifiers": 1.0 - held.identifiers(question),
        "unknown_names": 1.0 - held.share(question.names),
        "question_words": math.log1p(len(word_weights)),
        "rarest_word": max(word_weights.values(), default=0.0),
    }
    for name in _CARRIED:
        values = np.asarray([candidate.features[name] for candidate in five])
        features[f"best_{name}"] = float(values[0])
        features[f"mean_{name}"] = float(values @ weights / weights.sum())
    return features


def reading_features(ranked: Sequence[Candidate]) -> dict[str, float]:
    """Return what the reader made of the sentences that it read; the best one is among them.

    `best_reads` is the logit of the best sentence, `most_reads` the highest, `next_reads` the
    highest of another document, `mean_reads` the mean of the five best sentences.
    """
    best = ranked[0]
    read = [candidate for candidate in ranked if "reads" in candidate.features]
    own = best.passage.document_id
    others = [c.features["reads"] for c in read if c.passage.document_id != own]
    return {
        "best_reads": best.features["reads"],
        "most_reads": max(candidate.features["reads"] for candidate in read),
        "next_reads": max(others, default=_UNREAD),
        "mean_reads": float(np.mean([candidate.features["reads"] for candidate in read[:5]])),
    }


def meaning_features(
    question: Question,
    ranked: Sequence[Candidate],
    word_weights: Mapping[str, float],
    embedder: TokenEmbedder,
) -> dict[str, float]:
    """Return how well each word of the question is met, in meaning, by the best sentences.

    Each content word is compared with every word of the sentence and of its headings, as the
    embedder sees them in their context; its best cosine counts.

    Source:
        Khattab and Zaharia, SIGIR 2020 (ColBERT): the maximum similarity by query token.
    """
    texts = [_with_headings(candidate)[:_SHOWN_CHARACTERS] for candidate in ranked[:_BEST]]
    asked, *told = embedder.embed_tokens([question.text, *texts])
    query_words, query = _word_vectors(question.text, asked, _COMMON)
    met = []
    for text, tokens in zip(texts, told, strict=True):
        _, sentence = _word_vectors(text, tokens, frozenset())
        if len(query) and len(sentence):
            met.append((query @ sentence.T).max(axis=1))
    if not met:
        return dict.fromkeys(("met", "met_least", "met_two_least", "unmet", "met_by_any"), 0.0)
    weights = np.asarray(
        [0.5 + max((word_weights.get(w, 0.0) for w in words(t)), default=0.0) for t in query_words]
    )
    first = met[0]
    return {
        "met": float(weights @ first / weights.sum()),
        "met_least": float(first.min()),
        "met_two_least": float(np.sort(first)[:2].mean()),
        "unmet": float(weights @ (first < 0.5) / weights.sum()),
        "met_by_any": float(max(weights @ row / weights.sum() for row in met)),
    }


def _word_vectors(
    text: str, tokens: TokenVectors, left_out: frozenset[str] | set[str]
) -> tuple[list[str], Vectors]:
    """Return the words of a text and their unit vectors, means over their tokens."""
    found: list[str] = []
    vectors = []
    for match in TOKEN.finditer(text):
        if match.group().casefold() in left_out:
            continue
        rows = [
            row
            for row, (start, end) in enumerate(tokens.spans)
            if start >= match.start() and end <= match.end()
        ]
        if rows:
            mean = tokens.vectors[rows].mean(axis=0)
            found.append(match.group())
            vectors.append(mean / max(float(np.linalg.norm(mean)), 1e-9))
    return found, np.asarray(vectors, np.float32)


def _with_headings(candidate: Candidate) -> str:
    passage = candidate.passage
    return f"{' > '.join([passage.title, *passage.headings[-2:]])}: {candidate.sentence.text}"
