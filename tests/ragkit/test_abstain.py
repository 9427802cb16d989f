"""Confidence is a probability, grows with the evidence, and does without token vectors."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ragkit.abstain import (
    confidence,
    evidence_features,
    meaning_features,
    reading_features,
)
from ragkit.answer import Passage
from ragkit.evidence import Candidate, read, weigh
from ragkit.logistic import Logistic
from ragkit.question import analyse
from ragkit_ingest.embed.protocol import TokenEmbedder, TokenVectors
from tests.support.hashing import HashingEmbedder
from tests.support.passage import passage

NOTICE = "How long is the notice period?"


class TokenHashingEmbedder(HashingEmbedder):
    """Gives every word its own vector, wherever it stands."""

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        return [self._tokens(text) for text in texts]

    def _tokens(self, text: str) -> TokenVectors:
        spans = tuple(match.span() for match in re.finditer(r"\w+|[^\w\s]", text))
        rows = [self._word(text[start:end].lower()) for start, end in spans]
        vectors = np.asarray(rows, np.float32).reshape(len(rows), self.fingerprint.dimension)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return TokenVectors(spans=spans, vectors=vectors / np.maximum(norms, 1e-9))


def sure(
    question: str,
    passages: Sequence[Passage],
    embedder: HashingEmbedder,
    model: Logistic | None = None,
) -> float:
    analysed = analyse(question)
    word_weights: Mapping[str, float] = dict.fromkeys(analysed.words, 2.0)
    ranked = weigh(analysed, passages, word_weights, embedder)
    return confidence(analysed, passages, ranked, word_weights, embedder, model)


def met(question: str, text: str) -> dict[str, float]:
    """Return how the question's words are met by the one sentence of a passage."""
    embedder = TokenHashingEmbedder()
    analysed = analyse(question)
    word_weights = dict.fromkeys(analysed.words, 2.0)
    ranked = weigh(analysed, [passage(text)], word_weights, embedder)
    return meaning_features(analysed, ranked, word_weights, embedder)


@pytest.mark.parametrize("embedder", [HashingEmbedder(), TokenHashingEmbedder()])
def test_no_evidence_is_no_confidence(embedder: HashingEmbedder) -> None:
    assert sure(NOTICE, [], embedder) == 0.0


def test_which_embedders_give_token_vectors() -> None:
    assert isinstance(TokenHashingEmbedder(), TokenEmbedder)
    assert not isinstance(HashingEmbedder(), TokenEmbedder)


@given(
    question=st.text(min_size=1),
    contents=st.lists(st.text(min_size=1), min_size=1, max_size=4),
    tokens=st.booleans(),
)
def test_confidence_is_a_probability(question: str, contents: list[str], tokens: bool) -> None:
    embedder = TokenHashingEmbedder() if tokens else HashingEmbedder()
    passages = [passage(text, rank=n, document=n) for n, text in enumerate(contents, start=1)]
    assert 0.0 <= sure(question, passages, embedder) <= 1.0


@pytest.mark.parametrize("embedder", [HashingEmbedder(), TokenHashingEmbedder()])
def test_evidence_makes_surer_than_none(embedder: HashingEmbedder) -> None:
    answers = passage("The notice period is two months.", headings=("Notice period",))
    strays = passage("Penguins swim.", headings=("Birds",))
    assert sure(NOTICE, [answers], embedder) > sure(NOTICE, [strays], embedder)


def test_word_meaning_is_used_only_where_there_are_token_vectors() -> None:
    by_meaning = Logistic(bias=0.0, weights={"met": 1.0})
    found = [passage("The notice period is two months.")]
    assert sure(NOTICE, found, TokenHashingEmbedder(), by_meaning) > 0.5
    with pytest.raises(KeyError, match="met"):
        sure(NOTICE, found, HashingEmbedder(), by_meaning)


def test_a_word_that_is_there_is_met_and_another_is_not() -> None:
    held = met("notice period", "The notice period ends.")
    assert held["met"] == pytest.approx(1.0, abs=1e-5)
    assert held["unmet"] == 0.0
    half = met("notice penguins", "The notice period ends.")
    assert half["unmet"] == pytest.approx(0.5)
    assert half["met_least"] < half["met"] < held["met"]


def test_a_question_of_common_words_meets_nothing() -> None:
    assert set(met("How is it?", "The notice period ends.").values()) == {0.0}


def test_words_that_no_passage_holds_are_unknown() -> None:
    embedder = HashingEmbedder()
    question = analyse("notice penguins")
    word_weights = {"notic": 1.0, "penguin": 3.0}
    found = [passage("The notice period ends.", title="Notice")]
    ranked = weigh(question, found, word_weights, embedder)
    features = evidence_features(question, found, ranked, word_weights)
    assert features["unknown_words"] == pytest.approx(0.75)
    assert features["rarest_word"] == 3.0


class Told:
    """Reads a sentence as it is told to."""

    def __init__(self, **logits: float) -> None:
        self.logits = logits

    def scores(self, question: str, texts: Sequence[str]) -> NDArray[np.float32]:
        found = [next(v for word, v in self.logits.items() if word in text) for text in texts]
        return np.asarray(found, np.float32)


def was_read(embedder: HashingEmbedder, **logits: float) -> list[Candidate]:
    found = [
        passage("The notice period is red.", "The notice period is blue."),
        passage("The notice period is green.", document=2),
    ]
    weighed = weigh(analyse(NOTICE), found, {"notic": 2.0}, embedder)
    return read(analyse(NOTICE), weighed, Told(**logits), Logistic(bias=0.0, weights={"reads": 1}))


def test_what_the_reader_found_counts() -> None:
    found = reading_features(was_read(HashingEmbedder(), red=3.0, blue=0.0, green=-2.0))
    assert found == {"best_reads": 3.0, "most_reads": 3.0, "next_reads": -2.0} | {
        "mean_reads": pytest.approx(1 / 3)
    }
    other = reading_features(was_read(HashingEmbedder(), red=0.0, blue=-1.0, green=4.0))
    assert (other["best_reads"], other["next_reads"]) == (4.0, 0.0)


def test_the_confidence_grows_with_what_was_read() -> None:
    embedder = TokenHashingEmbedder()

    def confident(logit: float) -> float:
        ranked = was_read(embedder, red=logit, blue=logit - 1, green=logit - 2)
        passages = [candidate.passage for candidate in ranked]
        return confidence(analyse(NOTICE), passages, ranked, {"notic": 2.0}, embedder)

    assert 0.0 <= confident(-5.0) < confident(0.0) < confident(5.0) <= 1.0
