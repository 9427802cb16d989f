"""The extractive generator shows the documents' own sentences, each from an exact place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.answer import Passage
from ragkit.config import Config
from ragkit.disagreement import Disagreement, Statement
from ragkit.evidence import Candidate
from ragkit.generate.extractive import ExtractiveGenerator, ExtractiveSettings
from ragkit.generate.protocol import Draft, GenerationRequest, TextDelta
from ragkit.pipeline import Pipeline
from ragkit.sentence import sentences
from ragkit_ingest.records import BlockKind
from ragkit_ingest.store.exact import ExactStore
from tests.support.hashing import HashingEmbedder
from tests.support.passage import passage

ITEM = BlockKind.LIST_ITEM


def evidence(
    found: Passage, scores: Sequence[float], named: Sequence[float] | None = None
) -> list[Candidate]:
    """Return the passage's sentences with these scores, best first.

    Args:
        found: The passage.
        scores: One a sentence.
        named: Share of the question's identifiers that each sentence holds; by default all.
    """
    spans = sentences(found.text, found.start, found.blocks)
    weighed = [
        Candidate(passage=found, sentence=span, features={"identifiers": share}, score=score)
        for span, score, share in zip(spans, scores, named or [1.0] * len(scores), strict=True)
    ]
    return sorted(weighed, key=lambda candidate: -candidate.score)


def drafted(ranked: Sequence[Candidate], settings: ExtractiveSettings | None = None) -> Draft:
    """Return the draft, having checked that it comes last and that its text came before."""
    request = GenerationRequest(question="?", passages=(), evidence=ranked)
    *pieces, draft = ExtractiveGenerator(settings).generate(request)
    assert isinstance(draft, Draft)
    told = "".join(piece.text for piece in pieces if isinstance(piece, TextDelta))
    assert told == "\n".join(sentence.text for sentence in draft.sentences)
    return draft


def texts(draft: Draft) -> list[str]:
    return [sentence.text for sentence in draft.sentences]


def test_without_evidence_nothing_is_drafted() -> None:
    assert drafted([]).sentences == ()


def test_the_best_sentence_is_shown_alone_if_it_is_far_ahead() -> None:
    ranked = evidence(passage("One. Two. Three."), (0.1, 0.9, 0.2))
    assert texts(drafted(ranked)) == ["Two."]


def test_others_are_shown_if_they_are_near() -> None:
    settings = ExtractiveSettings(near=0.5)
    ranked = evidence(passage("One. Two. Three."), (0.5, 0.9, 0.4))
    assert texts(drafted(ranked, settings)) == ["Two.", "One."]


def test_what_names_another_thing_is_not_shown_beside_what_was_asked_about() -> None:
    settings = ExtractiveSettings(near=0.5)
    errors = passage("E05 is heat. E04 is scale. E05 clears itself.")
    ranked = evidence(errors, (0.9, 0.85, 0.8), named=(1.0, 0.0, 1.0))
    assert texts(drafted(ranked, settings)) == ["E05 is heat.", "E05 clears itself."]


@pytest.mark.parametrize("most", [1, 2, 4])
def test_no_more_sentences_than_allowed(most: int) -> None:
    settings = ExtractiveSettings(max_sentences=most, near=0.0)
    ranked = evidence(passage("One. Two. Three. Four. Five."), (0.5,) * 5)
    assert len(drafted(ranked, settings).sentences) == most


def test_a_sentence_that_announces_a_list_brings_its_items() -> None:
    found = passage(
        "Bring these:", (ITEM, "a kettle"), (ITEM, "a lid"), "Come early.", (ITEM, "not this")
    )
    ranked = evidence(found, (0.9, 0.1, 0.1, 0.1, 0.1))
    assert texts(drafted(ranked)) == ["Bring these:", "a kettle", "a lid"]


def test_an_item_is_shown_once() -> None:
    found = passage("Bring these:", (ITEM, "a kettle"), (ITEM, "a lid"))
    ranked = evidence(found, (0.9, 0.8, 0.8))
    assert texts(drafted(ranked)) == ["Bring these:", "a kettle", "a lid"]


def test_a_long_list_is_cut() -> None:
    found = passage("Bring these:", *((ITEM, f"thing {n}") for n in range(30)))
    ranked = evidence(found, (0.9, *(0.1,) * 30))
    assert len(drafted(ranked, ExtractiveSettings(max_items=5)).sentences) == 6


@given(
    st.lists(
        st.tuples(st.sampled_from([BlockKind.PARAGRAPH, ITEM, BlockKind.TABLE_ROW]),
                  st.sampled_from(["Bring:", "a\n lid", "Tea | €4", "It is. So it is."])),
        min_size=1, max_size=8,
    ),
    st.integers(0, 500),
)  # fmt: skip
def test_sources_are_exact(contents: list[tuple[BlockKind, str]], start: int) -> None:
    found = passage(*contents, start=start)
    count = len(list(sentences(found.text, start, found.blocks)))
    draft = drafted(evidence(found, [1.0 - n / 50 for n in range(count)]))
    assert draft.sentences
    for sentence in draft.sentences:
        (source,) = sentence.sources
        assert source.document_id == found.document_id
        quote = found.text[source.start - start : source.end - start]
        assert " ".join(quote.split()) == sentence.text


def test_it_answers_with_an_embedder_that_gives_no_token_vectors(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "work.md").write_text(
        "# Work contract\n\n## Notice\n\nThe notice period is three months.\n\n"
        "## Equipment\n\nBring these:\n\n- a kettle\n- a lid\n"
    )
    config = Config(min_confidence=0.0)
    with Pipeline(
        tmp_path / "index", config=config, embedder=HashingEmbedder(), store=ExactStore()
    ) as rag:
        rag.ingest(folder)
        answer = rag.ask("How long is the notice period?")
        assert "The notice period is three months." in answer.text
        assert 0.0 <= answer.confidence <= 1.0
        for citation in answer.citations:
            span = (citation.start, citation.end)
            assert rag.show(citation.path, span=span).text == citation.quote


def answering(question: str, ranked: Sequence[Candidate]) -> list[str]:
    request = GenerationRequest(question=question, passages=(), evidence=ranked)
    *_, draft = ExtractiveGenerator().generate(request)
    assert isinstance(draft, Draft)
    return texts(draft)


def test_another_part_of_the_question_gets_a_sentence_of_its_own() -> None:
    water = passage("The water is hard.", document=1)
    manual = passage("Descale after 90 boils.", document=2)
    ranked = [*evidence(water, (0.9,)), *evidence(manual, (0.05,))]
    both = ["The water is hard.", "Descale after 90 boils."]
    assert answering("How hard is the water and when do I descale?", ranked) == both
    assert answering("How hard is the water?", ranked) == both[:1]
    weak = [ranked[0], *evidence(manual, (0.01,))]
    assert answering("How hard is the water and when do I descale?", weak) == both[:1]


def test_both_things_that_are_compared_are_shown() -> None:
    ranked = [
        *evidence(passage("The kettle weighs 1 kg.", document=1), (0.9,)),
        *evidence(passage("The urn weighs 6 kg.", document=2), (0.1,)),
    ]
    assert len(answering("Which is heavier, the kettle or the urn?", ranked)) == 2
    assert len(answering("How heavy is the kettle?", ranked)) == 1


def test_of_a_list_that_was_asked_for_every_item_is_shown() -> None:
    found = passage("Three things are needed.", (ITEM, "A mug."), (ITEM, "A pen."), (ITEM, "Tea."))
    whole = ["Three things are needed.", "A mug.", "A pen.", "Tea."]
    item_best = evidence(found, (0.01, 0.01, 0.9, 0.01))
    line_best = evidence(found, (0.9, 0.01, 0.01, 0.01))
    for ranked in (item_best, line_best):
        assert answering("Which things are needed?", ranked) == whole
    assert answering("How much is a pen?", item_best) == ["A pen."]


def test_what_disagrees_takes_no_other_sentences_place() -> None:
    found = passage("One. Two. Three. Four. Five.", document=1)
    other = passage("Uno.", document=2)
    ranked = [*evidence(found, (0.9, 0.8, 0.7, 0.6, 0.5)), *evidence(other, (0.9,))]
    ranked.insert(1, ranked.pop())
    said = [
        Statement(document_id=d, path=f"{d}.md", start=0, end=4, quote="", date="") for d in (1, 2)
    ]
    request = GenerationRequest(
        question="?",
        passages=(),
        evidence=ranked,
        disagreements=[Disagreement(first=said[0], other=said[1], dated=False)],
    )
    *_, draft = ExtractiveGenerator().generate(request)
    assert isinstance(draft, Draft)
    assert texts(draft) == ["One.", "Uno.", "Two.", "Three.", "Four."]
