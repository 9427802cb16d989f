"""A memory of vectors gives what the embedder would give."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import ragkit.remembered
from ragkit.config import Config
from ragkit.pipeline import Pipeline
from ragkit.remembered import RememberedTokens, remembered
from ragkit_ingest.embed.minilm import MiniLM
from ragkit_ingest.embed.protocol import TokenEmbedder
from ragkit_ingest.store.exact import ExactStore
from tests.support.hashing import HashingEmbedder


def test_a_text_is_embedded_once_and_in_its_place() -> None:
    inner = HashingEmbedder()
    memory = remembered(inner)
    texts = ["one", "two", "one", "three"]
    assert (memory.embed_documents(texts) == HashingEmbedder().embed_documents(texts)).all()
    assert inner.embedded == ["one", "two", "three"]
    again = ["three", "four", "two"]
    assert (memory.embed_documents(again) == HashingEmbedder().embed_documents(again)).all()
    assert inner.embedded == ["one", "two", "three", "four"]
    assert not isinstance(memory, TokenEmbedder)


def test_the_oldest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ragkit.remembered, "SENTENCES", 3)
    inner = HashingEmbedder()
    memory = remembered(inner)
    for text in ("a", "b", "c", "a", "d"):
        memory.embed_documents([text])
    memory.embed_documents(["a", "b"])
    assert inner.embedded == ["a", "b", "c", "d", "b"]
    many = list("abcdefgh")
    assert (memory.embed_documents(many) == HashingEmbedder().embed_documents(many)).all()


def test_threads_may_share_it() -> None:
    memory = remembered(HashingEmbedder())
    texts = [[f"text {n % 50}" for n in range(start, start + 20)] for start in range(40)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(memory.embed_documents, texts))
    for own, vectors in zip(texts, found, strict=True):
        assert (vectors == HashingEmbedder().embed_documents(own)).all()


def test_a_sentence_has_the_same_vector_whatever_stands_beside_it() -> None:
    model = MiniLM()
    texts = ["The fee is nine euros.", "Yes.", "word " * 90, "The urn is hot and the lid is shut."]
    texts += [f"Line {n} of a list that goes on and on." for n in range(30)]
    apart = model.embed_apart(texts)
    for place, text in enumerate(texts):
        assert (model.embed_apart([text])[0] == apart[place]).all()
    assert (model.embed_apart(texts[::-1])[::-1] == apart).all()
    assert np.abs((apart * model.embed_documents(texts)).sum(axis=1) - 1).max() < 1e-3
    assert model.embed_apart([]).shape == (0, 384)
    memory = remembered(model)
    assert isinstance(memory, RememberedTokens)
    assert (memory.embed_documents(texts[5:]) == apart[5:]).all()
    (tokens,) = memory.embed_tokens([texts[0]])
    assert (tokens.vectors == model.embed_tokens([texts[0]])[0].vectors).all()


def test_answers_do_not_depend_on_what_was_asked_before(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for name, text in (
        ("a.md", "# Leave\n\nThe annual leave is 25 days. Illness is reported at once.\n"),
        ("b.md", "# Urns\n\nThe warranty of an urn is 36 months. It weighs 8 kg.\n"),
    ):
        (tmp_path / "docs" / name).write_text(text)
    questions = ["How many days is the annual leave?", "What does an urn weigh?"]

    def asked(*order: str) -> list[object]:
        with Pipeline(
            tmp_path / "index",
            config=Config(min_confidence=0.0),
            embedder=HashingEmbedder(),
            store=ExactStore(),
        ) as rag:
            rag.ingest(tmp_path / "docs")
            answers = [rag.ask(question) for question in order]
        last = answers[-1]
        return [last.text, last.confidence, [e.score for e in last.evidence]]

    assert asked(*questions) == asked(questions[1])
