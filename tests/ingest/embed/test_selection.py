"""Embedders by name, and how long their chunks may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit_ingest.embed.endpoint import EndpointEmbedder
from ragkit_ingest.embed.minilm import MiniLM
from ragkit_ingest.embed.selection import EmbedderSettings, chunk_limit, select
from ragkit_ingest.errors import ConfigError, EmbedderError
from tests.support.hashing import HashingEmbedder


def test_the_packaged_model_is_the_default() -> None:
    assert isinstance(select(EmbedderSettings()), MiniLM)


def test_an_endpoint_is_made_of_its_settings_and_not_contacted() -> None:
    settings = EmbedderSettings(
        embedder="endpoint:org/m:latest",
        url="http://127.0.0.1:1/v1",
        dimensions=8,
        max_tokens=64,
        query_prefix="q: ",
        document_prefix="d: ",
    )
    embedder = select(settings)
    assert isinstance(embedder, EndpointEmbedder)
    made = embedder.fingerprint
    assert (made.name, made.dimension, made.max_tokens) == ("org/m:latest", 8, 64)
    assert (made.query_prefix, made.document_prefix) == ("q: ", "d: ")


def test_an_endpoint_needs_an_address() -> None:
    with pytest.raises(ConfigError, match=r"endpoint:m needs an address; set embedder_url"):
        select(EmbedderSettings(embedder="endpoint:m"))


def test_a_folder_is_a_sentence_transformers_model(tmp_path: Path) -> None:
    with pytest.raises(EmbedderError, match="holds no sentence-transformers model"):
        _ = select(EmbedderSettings(embedder=f"st:{tmp_path}")).fingerprint


@pytest.mark.parametrize("name", ["", "MINILM", "st:", "endpoint:", "openai:x", ":x"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="there is no embedder"):
        select(EmbedderSettings(embedder=name))


def test_the_chunk_limit_leaves_room_for_the_prefix() -> None:
    assert chunk_limit(MiniLM()) == 256
    settings = EmbedderSettings(
        embedder="endpoint:m",
        url="http://127.0.0.1:1/v1",
        dimensions=8,
        max_tokens=64,
        document_prefix="search_document: ",
    )
    embedder = select(settings)
    assert chunk_limit(embedder) == 64 - embedder.count_tokens(["search_document: "])[0] < 64


def test_a_model_that_reads_too_little_is_refused() -> None:
    with pytest.raises(ConfigError, match="reads 31 tokens of a chunk, and a chunk needs 32"):
        chunk_limit(HashingEmbedder(max_tokens=31))
