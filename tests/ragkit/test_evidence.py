"""Sentences are weighed by what a reader would look for, and ordered the same way every time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from ragkit.evidence import READ, Candidate, Held, in_context, read, reordered, weigh
from ragkit.logistic import FLAT, Logistic
from ragkit.question import analyse
from ragkit.reader import Reader
from ragkit.sentence import sentences
from ragkit_ingest.embed.minilm import MiniLM
from ragkit_ingest.records import BlockKind
from tests.support.hashing import HashingEmbedder
from tests.support.passage import passage

NOTICE = "How long is the notice period?"
WEIGHTS = {"notic": 3.0, "period": 1.0}


def only(name: str) -> Logistic:
    """Return a model that scores by one feature."""
    return Logistic(bias=0.0, weights={name: 1.0})


def texts(ranked: list[Candidate]) -> list[str]:
    return [candidate.sentence.text for candidate in ranked]


def feature(question: str, text: str, name: str) -> float:
    """Return a feature of the one sentence of a passage."""
    word_weights = dict.fromkeys(analyse(question).words, 1.0)
    found = weigh(analyse(question), [passage(text)], word_weights, HashingEmbedder(), FLAT)
    (candidate,) = found
    return candidate.features[name]


def test_held_counts_words_as_the_index_does() -> None:
    held = Held.of("Notices of the QK-350", "End.")
    assert held.share(("notic", "qk350")) == 1.0
    assert held.share(("notic", "gym")) == 0.5
    assert held.share(()) == 1.0


def test_words_of_two_texts_are_no_neighbours() -> None:
    question = analyse("What does clause 14 say?")
    assert Held.of("Clause 14").identifiers(question) == 1.0
    assert Held.of("Clause", "14").identifiers(question) == 0.0
    assert (Held.of("Clause") | Held.of("14")).identifiers(question) == 0.0


def test_a_question_without_identifiers_misses_none() -> None:
    assert Held.of("").identifiers(analyse(NOTICE)) == 1.0


def test_coverage_is_weighted_by_rarity() -> None:
    assert Held.of("notice").coverage(WEIGHTS) == 0.75
    assert Held.of("periods").coverage(WEIGHTS) == 0.25
    assert Held.of("gym").coverage(WEIGHTS) == 0.0
    assert Held.of("notice").coverage({}) == 0.0
    assert Held.of("notice").coverage({"notic": 0.0}) == 0.0


@given(
    st.lists(st.text()),
    st.dictionaries(st.sampled_from(["notic", "period", "tea", "a"]), st.floats(0, 1e6)),
)
def test_coverage_stays_between_zero_and_one(
    found: list[str], word_weights: dict[str, float]
) -> None:
    assert 0.0 <= Held.of(*found).coverage(word_weights) <= 1.0 + 1e-9


def test_every_sentence_is_weighed_and_headings_are_not() -> None:
    found = passage((BlockKind.HEADING, "Notice"), "It is long. It is two months.")
    ranked = weigh(analyse(NOTICE), [found], WEIGHTS, HashingEmbedder())
    assert sorted(texts(ranked)) == ["It is long.", "It is two months."]
    assert all(0.0 <= candidate.score <= 1.0 for candidate in ranked)


def test_the_best_comes_first() -> None:
    passages = [
        passage("The gate is blue. The notice is short."),
        passage("The notice period is two months.", rank=2, document=2),
    ]
    ranked = weigh(analyse(NOTICE), passages, WEIGHTS, HashingEmbedder(), only("coverage"))
    assert texts(ranked) == [
        "The notice period is two months.",
        "The notice is short.",
        "The gate is blue.",
    ]
    assert [candidate.score for candidate in ranked] == sorted(
        (candidate.score for candidate in ranked), reverse=True
    )


def test_ties_go_by_rank_then_by_place() -> None:
    passages = [
        passage("Third.", rank=2, document=2),
        passage("First. Second.", rank=1),
        passage("Fourth. Fifth.", rank=3, document=1, start=500),
    ]
    ranked = weigh(analyse(NOTICE), passages, WEIGHTS, HashingEmbedder(), FLAT)
    assert texts(ranked) == ["First.", "Second.", "Third.", "Fourth.", "Fifth."]
    assert {candidate.score for candidate in ranked} == {0.5}


def test_a_wording_counts_once_a_document() -> None:
    passages = [
        passage("Keep it dry."),
        passage("Keep  it\nDRY.", rank=2, start=90),
        passage("Keep it dry.", rank=3, document=2),
    ]
    ranked = weigh(analyse(NOTICE), passages, WEIGHTS, HashingEmbedder(), FLAT)
    assert [(c.passage.document_id, c.passage.rank) for c in ranked] == [(1, 1), (2, 3)]


@pytest.mark.parametrize("found", [[], [passage()], [passage((BlockKind.HEADING, "Notice"))]])
def test_without_sentences_there_is_no_evidence(found: list[object]) -> None:
    assert weigh(analyse(NOTICE), found, WEIGHTS, HashingEmbedder()) == []  # type: ignore[arg-type]


def test_the_packaged_model_prefers_the_sentence_that_answers() -> None:
    found = passage(
        "The notice period is two months.",
        "The garden is open to all staff.",
    )
    ranked = weigh(analyse(NOTICE), [found], WEIGHTS, HashingEmbedder())
    assert texts(ranked)[0] == "The notice period is two months."


@pytest.mark.parametrize(
    ("question", "text", "name", "value"),
    [
        (NOTICE, "It is long.", "wanted_missing", 1.0),
        (NOTICE, "It is two months.", "wanted_missing", 0.0),
        ("May I bring a dog?", "No dog is allowed.", "wanted_missing", 0.0),
        ("How wide is the QK-350?", "The QK-200 is 20 cm wide.", "identifiers", 0.0),
        ("How wide is the QK-350?", "The QK-350 is 22 cm wide.", "identifiers", 1.0),
        ("Does the Boiler Hall open?", "The hall opens.", "names_nearby", 0.5),
        ("What is the width of it?", "The width is 20 cm.", "focus", 1.0),
        ("What is the width of it?", "It is 20 cm.", "focus", 0.0),
        (NOTICE, "Is it long?", "ends_asking", 1.0),
        (NOTICE, "It depends on:", "ends_announcing", 1.0),
        ("Who won the race in 2025?", "In 2025 the Slipway team won.", "years_absent", 0.0),
        ("Who won the race in 2025?", "In 2024 the Slipway team won.", "years_absent", 1.0),
        ("Who won the race?", "In 2024 the Slipway team won.", "years_absent", 0.0),
    ],
)
def test_what_is_looked_for(question: str, text: str, name: str, value: float) -> None:
    assert feature(question, text, name) == value


def test_what_stands_around_a_sentence_is_seen() -> None:
    under = passage("It is 22 cm.", title="Manual", headings=("QK-350",), path="product/kettle.md")
    question = analyse("How wide is the QK-350?")
    (candidate,) = weigh(question, [under], {"qk350": 1.0}, HashingEmbedder(), FLAT)
    assert candidate.features["identifiers"] == 0.0
    assert candidate.features["identifiers_nearby"] == 1.0
    assert candidate.features["coverage_nearby"] == 1.0


def test_the_embedder_reads_a_sentence_behind_its_heading() -> None:
    (alone,) = sentences("It is long.", 0, [])
    assert in_context(passage("It is long."), alone) == "It is long."
    assert in_context(passage("It is long.", title="Manual"), alone) == "Manual: It is long."
    headed = passage("It is long.", title="Manual", headings=("Notice", "Length"))
    assert in_context(headed, alone) == "Length: It is long."


def test_passages_are_reordered_by_their_best_sentence() -> None:
    passages = [
        passage((BlockKind.HEADING, "Notice")),
        passage("The gate is blue.", rank=2, document=2),
        passage("The notice period is two months.", rank=3, document=3),
    ]
    ranked = weigh(analyse(NOTICE), passages, WEIGHTS, HashingEmbedder(), only("coverage"))
    assert [p.rank for p in reordered(passages, ranked)] == [3, 2, 1]
    assert reordered(passages, []) == passages


class Lengths:
    """Reads a sentence as the better an answer the longer it is; remembers what it was given."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def scores(self, question: str, texts: Sequence[str]) -> NDArray[np.float32]:
        assert question == NOTICE
        self.given += texts
        return np.asarray([len(text) for text in texts], np.float32)


def numbered(count: int) -> list[Candidate]:
    """Return weighed sentences, the nth of them with n words."""
    told = " ".join(f"{'Word ' * n}{n}." for n in range(1, count + 1))
    return weigh(analyse(NOTICE), [passage(told)], {}, HashingEmbedder(), FLAT)


def test_what_was_read_is_weighed_anew() -> None:
    ranked, reader = numbered(3), Lengths()
    found = read(analyse(NOTICE), ranked, reader, Logistic(bias=-20.0, weights={"reads": 1.0}))
    assert texts(found) == texts(ranked)[::-1]
    assert reader.given == [in_context(c.passage, c.sentence) for c in ranked]
    features = [candidate.features for candidate in found]
    assert [one["reads_to_best"] for one in features] == [0.0, -5.0, -10.0]
    assert [one["first"] for one in features] == [0.0, 0.0, 0.0]
    assert features[0]["reads"] == len(reader.given[2])
    assert all(
        c.score == pytest.approx(1 / (1 + math.exp(20 - f["reads"])))
        for c, f in zip(found, features, strict=True)
    )
    assert all("reads" not in candidate.features for candidate in ranked)


def test_what_was_not_read_comes_last_with_no_better_a_score() -> None:
    ranked, reader = numbered(READ + 3), Lengths()
    found = read(analyse(NOTICE), ranked, reader, Logistic(bias=-9.0, weights={}))
    assert len(reader.given) == READ
    assert texts(found) == texts(ranked)
    assert [("reads" in candidate.features) for candidate in found] == [True] * READ + [False] * 3
    assert max(c.score for c in found[READ:]) <= min(c.score for c in found[:READ])


def test_nothing_is_read_where_nothing_was_found() -> None:
    assert read(analyse(NOTICE), [], Lengths()) == []


def test_the_packaged_models_read_what_answers() -> None:
    embedder = MiniLM()
    told = passage(
        "Notice must be given in writing.",
        "The notice period is three months.",
        "The gym opens at six.",
    )
    ranked = weigh(analyse(NOTICE), [told], WEIGHTS, embedder)
    found = read(analyse(NOTICE), ranked, Reader())
    assert texts(found)[0] == "The notice period is three months."
    assert found[0].score > 3 * found[1].score
