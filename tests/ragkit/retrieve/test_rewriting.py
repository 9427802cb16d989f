"""Other wordings are searched for as well, and follow-ups are made whole by the chat model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ragkit.chat import Conversation
from ragkit.config import Config
from ragkit.generate.model import Message
from ragkit.generate.protocol import Turn
from ragkit.pipeline import Pipeline
from ragkit.retrieve.fusion import reciprocal_ranks
from ragkit.retrieve.rewriting import followup, fused, wordings
from ragkit.template import load
from ragkit_ingest.errors import ConfigError, GeneratorError
from ragkit_ingest.store.exact import ExactStore
from tests.support.fake_chat_model import FakeChatModel
from tests.support.folder import Folder
from tests.support.hashing import HashingEmbedder
from tests.support.passage import passage

NOTICE = Turn(question="How long is the notice period?", answer="Three months. <|im_end|>")


def words(says: str, kind: str = "multi") -> list[str]:
    template = load("queries" if kind == "multi" else "hyde")
    return wordings("What leaks?", kind, FakeChatModel(says), template)


@pytest.mark.parametrize(
    ("says", "wanted"),
    [
        ("a leak\nwhat drips", ["a leak", "what drips"]),
        ("1. a leak\n- what drips\nQuery: tap", ["a leak", "what drips", "tap"]),
        ('"a leak"\n\n\u201cdrips\u201d\n***', ["a leak", "drips"]),
        ("what leaks?\na leak\nA leak", ["a leak"]),
        ("one\ntwo\nthree\nfour", ["one", "two", "three"]),
        ("", []),
        ("x" * 9000, ["x" * 1000]),
    ],
)
def test_wordings_are_the_lines_that_differ(says: str, wanted: list[str]) -> None:
    assert words(says) == wanted


def test_a_supposed_passage_is_one_text() -> None:
    said = "<think>Hm.</think>The urn leaks. [1]\nThe tap drips."
    assert words(said, "hyde") == ["The urn leaks. The tap drips."]


def test_reciprocal_ranks_sum_over_rankings() -> None:
    assert reciprocal_ranks([[1, 2, 3], [3, 2, 4]]) == [3, 2, 1, 4]
    assert reciprocal_ranks([["a"], ["b"]]) == ["a", "b"]
    assert reciprocal_ranks([[], []]) == []


def test_what_the_question_found_stays_as_it_was() -> None:
    one, two, three = (passage("Tea.", document=n, rank=n) for n in (1, 2, 3))
    found = fused([[one, two], [three, two]], 3)
    assert [hit.document_id for hit in found] == [2, 1, 3]
    assert [hit.rank for hit in found] == [1, 2, 3]
    assert [hit.similarity for hit in found] == [0.5, 0.5, None]
    assert [hit.score for hit in found] == [0.5, 1.0, 0.5]
    assert len(fused([[one, two], [three]], 2)) == 2


# -- follow-ups ------------------------------------------------------------------------------


def rewritten(says: Any, text: str = "And for contractors?") -> str:
    return followup(text, [NOTICE], FakeChatModel(says), load("followup"))


def test_the_model_sees_the_conversation_made_harmless() -> None:
    model = FakeChatModel("How long is it for contractors?")
    assert followup("And for contractors?", [NOTICE], model, load("followup")) == (
        "How long is it for contractors?"
    )
    assert NOTICE.question in model.prompt
    assert "<|im_end|>" not in model.prompt
    assert model.prompt.endswith("Last question: And for contractors?")


@pytest.mark.parametrize("says", ["", "...", "Sure!\nHow long is it?", "word " * 300])
def test_what_cannot_be_a_question_leaves_it_to_the_rules(says: str) -> None:
    assert rewritten(says) == "How long is the notice period for contractors?"


def test_labels_and_quotes_are_dropped() -> None:
    assert rewritten('Question: "How long for contractors?"') == "How long for contractors?"


def test_a_model_that_fails_leaves_it_to_the_rules() -> None:
    def fail(_: object) -> str:
        raise GeneratorError("down")

    assert rewritten(fail) == "How long is the notice period for contractors?"


def test_without_history_nothing_is_asked() -> None:
    model = FakeChatModel("x")
    assert followup("And for contractors?", [], model, load("followup")) == "And for contractors?"
    assert model.asked == []


# -- the pipeline ----------------------------------------------------------------------------


def says(messages: Any) -> str:
    """Answer each of the prompts."""
    system = next(message for message in messages if isinstance(message, Message))
    if system.content.startswith("You word a question"):
        return "the urn drips"
    if system.content.startswith("You rewrite"):
        return "Who mends the urn?"
    return "The urn drips on Mondays. [1]"


@pytest.fixture
def index(tmp_path: Path) -> Path:
    docs = Folder(tmp_path / "docs")
    docs.write("urn.md", "# Urn\n\nThe urn drips on Mondays.\n")
    docs.write("tea.md", "# Tea\n\nTea is served at noon.\n")
    with pipeline(tmp_path / "index", None) as rag:
        rag.ingest(docs.path)
    return tmp_path / "index"


def pipeline(index: Path, generator: Any, **settings: Any) -> Pipeline:
    config = Config(min_confidence=0.0, workers=1, **settings)
    parts: Any = {"embedder": HashingEmbedder(), "store": ExactStore()}
    return Pipeline(index, config=config, generator=generator, **parts)


def test_other_wordings_find_what_the_question_does_not(index: Path) -> None:
    question = "When does the boiler lose water?"
    with pipeline(index, FakeChatModel(says), mode="lexical") as rag:
        assert rag.ask(question).passages == ()
    with pipeline(index, FakeChatModel(says), mode="lexical", query_rewriting="multi") as rag:
        assert [passage.path for passage in rag.ask(question).passages] == ["urn.md"]


def test_rewriting_without_a_chat_model_is_a_sentence(index: Path) -> None:
    with (
        pipeline(index, None, query_rewriting="hyde") as rag,
        pytest.raises(ConfigError, match="'hyde', but the generator extractive is no chat model"),
    ):
        rag.ask("When does it drip?")
    with pytest.raises(ConfigError, match="must be multi, hyde or empty, not 'all'"):
        Config(query_rewriting="all")


def test_a_conversation_lets_the_chat_model_rewrite(index: Path) -> None:
    with pipeline(index, FakeChatModel(says)) as rag:
        talk = Conversation(rag)
        assert talk.ask("When does the urn drip?").standalone_question == "When does the urn drip?"
        assert talk.ask("And who mends it?").standalone_question == "Who mends the urn?"
