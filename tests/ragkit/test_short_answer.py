"""The words of a citation that answer: which runs are candidates, and which one is chosen."""

from __future__ import annotations

import pytest

from ragkit.answer import Citation
from ragkit.evidence import Candidate
from ragkit.logistic import Logistic
from ragkit.sentence import SentenceSpan
from ragkit.short_answer import MAX_WORDS, asked_about, candidates, short_answer
from ragkit_ingest.embed.minilm import MiniLM
from ragkit_ingest.records import BlockKind
from tests.support.passage import passage


@pytest.fixture(scope="module")
def embedder() -> MiniLM:
    return MiniLM()


def cited(quote: str, *, n: int = 1, start: int = 100) -> Citation:
    end = start + len(quote)
    return Citation(
        n=n, path="work.md", page=None, start=start, end=end, quote=quote, verified=True
    )


def runs(embedder: MiniLM, question: str, sentence: str) -> list[str]:
    asked, told = embedder.embed_tokens([question, sentence])
    about = asked_about(question, asked)
    return [sentence[s.start : s.end] for s in candidates(about, sentence, told)]


@pytest.mark.parametrize(
    ("question", "quote", "expected"),
    [
        ("Where is Normandy?", "Normandy is a region in France.", "France"),
        ("Who wrote the report?", "The report was written by Edda Quill in March.", "Edda Quill"),
        (
            "How many days of leave do we get?",
            "Everybody gets 28 days of leave a year.",
            "28 days",
        ),
        ("When does the lease end?", "The lease ends on 31 March 2029.", "31 March 2029"),
        (
            "What does E05 mean?",
            "Code: E05; Meaning: No connection to the hub",
            "No connection to the hub",
        ),
    ],
)
def test_the_words_that_answer(embedder: MiniLM, question: str, quote: str, expected: str) -> None:
    found = short_answer(question, [cited(quote)], (), embedder)
    assert found is not None
    assert expected in found.text or found.text in expected
    assert (found.start, found.end) == (
        100 + quote.index(found.text),
        100 + quote.index(found.text) + len(found.text),
    )
    assert 0.0 < found.probability <= 1.0


def test_a_run_stays_within_a_clause_and_begins_and_ends_with_meaning(embedder: MiniLM) -> None:
    found = runs(embedder, "What is it?", "Colour: the blue of the lid, or red; size (in mm): 40")
    assert "blue of the lid" in found
    assert "40" in found
    for text in ("the blue", "blue of", "red; size", "Colour", "lid, or"):
        assert text not in found


def test_a_sentence_of_empty_words_still_has_candidates(embedder: MiniLM) -> None:
    assert runs(embedder, "Is it to be?", "It is to be.")


def test_no_run_is_longer_than_the_limit(embedder: MiniLM) -> None:
    sentence = " ".join(f"word{number}" for number in range(30))
    assert max(len(text.split()) for text in runs(embedder, "What?", sentence)) == MAX_WORDS


@pytest.mark.parametrize("question", ["Is smoking allowed?", "Explain the rota.", "expenses"])
def test_no_words_answer_what_asks_for_none(embedder: MiniLM, question: str) -> None:
    assert short_answer(question, [cited("The rota changes on Monday.")], (), embedder) is None


def test_none_without_citations_words_or_token_vectors(embedder: MiniLM) -> None:
    assert short_answer("Who?", [], (), embedder) is None
    assert short_answer("Who?", [cited("...")], (), embedder) is None
    assert short_answer("Who?", [cited("Edda Quill.")], (), object()) is None


def test_the_evidence_weighs_the_citations(embedder: MiniLM) -> None:
    first, second = cited("Edda wrote it.", start=0), cited("Orla wrote it.", n=2, start=50)

    def weighed(at: int, score: float) -> Candidate:
        span = SentenceSpan(start=at, end=at + 14, text="", kind=BlockKind.PARAGRAPH, block=0)
        return Candidate(
            passage=passage("It.", path="work.md"), sentence=span, features={}, score=score
        )

    for scores, expected in (((0.9, 0.2), 1), ((0.2, 0.9), 2)):
        evidence = [weighed(0, scores[0]), weighed(50, scores[1])]
        found = short_answer("Who wrote it?", [first, second], evidence, embedder)
        assert found is not None
        assert found.citation == expected


def test_the_model_decides(embedder: MiniLM) -> None:
    digits = Logistic(bias=0.0, weights={"digits": 10.0, "one_word": 5.0})
    found = short_answer("What?", [cited("Room 7 is Edda Quill.")], (), embedder, digits)
    assert found is not None
    assert found.text == "7"
