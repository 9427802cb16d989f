"""Embeddings of LlamaIndex, wrapped."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("llama_index.core", reason="the extra llama-index is not installed")

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.embeddings.mock_embed_model import MockEmbedding

from ragkit_ingest.embed.llama_index import LlamaIndexEmbedder
from ragkit_ingest.errors import EmbedderError, UsageError
from tests.support.hashing import HashingEmbedder


class Hashing(BaseEmbedding):
    """An embedding of LlamaIndex that says what it is told to say."""

    says: Any = None
    fails: str = ""

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    def _get_text_embedding(self, text: str) -> list[float]:
        if self.fails:
            raise RuntimeError(self.fails)
        if self.says is not None:
            return self.says  # type: ignore[no-any-return]
        vector = HashingEmbedder(max_tokens=100_000).embed_query(text) * 2
        return [float(value) for value in vector]


def test_vectors_are_those_of_the_embedding_made_unit() -> None:
    embedder = LlamaIndexEmbedder(Hashing(model_name="hashing", embed_batch_size=2))
    texts = ["one", "two", "three", "", "five"]
    wanted = HashingEmbedder().embed_documents(texts)
    np.testing.assert_allclose(embedder.embed_documents(texts), wanted, atol=1e-6)
    assert embedder.fingerprint.dimension == 48


def test_the_mock_of_llama_index_works() -> None:
    embedder = LlamaIndexEmbedder(MockEmbedding(embed_dim=8), name="mock")
    np.testing.assert_allclose(embedder.embed_query("tea"), np.full(8, 8**-0.5), atol=1e-6)
    assert (embedder.fingerprint.name, embedder.fingerprint.dimension) == ("mock", 8)


def test_names_and_kinds_are_kept_apart() -> None:
    ours = [
        LlamaIndexEmbedder(Hashing(model_name="a")),
        LlamaIndexEmbedder(Hashing(model_name="b")),
        LlamaIndexEmbedder(Hashing(model_name="a"), name="a-prefixed"),
        LlamaIndexEmbedder(Hashing(model_name="a"), max_tokens=64),
        LlamaIndexEmbedder(MockEmbedding(embed_dim=48), name="a"),
    ]
    assert len({one.fingerprint.digest for one in ours}) == len(ours)


def test_a_nameless_embedding_is_refused() -> None:
    with pytest.raises(UsageError, match=r"MockEmbedding .*give one"):
        LlamaIndexEmbedder(MockEmbedding(embed_dim=8))
    with pytest.raises(UsageError, match="32 or more, not 31"):
        LlamaIndexEmbedder(Hashing(model_name="a"), max_tokens=31)


@pytest.mark.parametrize(
    ("says", "message"),
    [
        ([], "gave something of shape"),
        (["a", "b"], "ValidationError"),
        ([[1.0]], "ValidationError"),
        ([float("nan")] * 4, "not finite"),
        ([0.0] * 4, "length 0"),
    ],
)
def test_nonsense_is_refused(says: Any, message: str) -> None:
    with pytest.raises(EmbedderError, match=message):
        LlamaIndexEmbedder(Hashing(model_name="a", says=says)).embed_query("tea")


def test_a_dimension_that_changes_is_refused() -> None:
    inner = Hashing(model_name="a")
    embedder = LlamaIndexEmbedder(inner)
    embedder.embed_query("tea")
    inner.says = [1.0] * 47
    with pytest.raises(EmbedderError, match=r"\(1, 47\) for 1 texts, not \(1, 48\)"):
        embedder.embed_query("tea")


def test_a_failure_is_a_sentence() -> None:
    embedder = LlamaIndexEmbedder(Hashing(model_name="a", fails="no\nmoney"))
    with pytest.raises(EmbedderError, match=r"failed \(RuntimeError: no money\)"):
        embedder.embed_documents(["tea"])
