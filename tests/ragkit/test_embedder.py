"""Any embedder through a pipeline: chosen by name, followed in length, never mixed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ragkit.config import Config
from ragkit.pipeline import Pipeline
from ragkit_ingest.errors import ConfigError, EmbedderError, EmbedderMismatchError
from ragkit_ingest.store.exact import ExactStore
from tests.support import embedding_server, tiny_model
from tests.support.embedding_server import EmbeddingServer
from tests.support.endpoint_server import error
from tests.support.folder import Folder
from tests.support.hashing import HashingEmbedder

LONG = "# Leave\n\n" + " ".join(f"Clause {n} grants leave of {n} days." for n in range(120))


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with embedding_server.serving() as server:
        yield server


@pytest.fixture
def full(docs: Folder) -> Path:
    docs.path.mkdir(exist_ok=True)
    (docs.path / "leave.md").write_text(LONG, encoding="utf-8")
    (docs.path / "urn.md").write_text("# Urn\n\nThe urn leaks at the tap.", encoding="utf-8")
    return docs.path


def test_an_endpoint_by_name_ingests_and_searches(
    server: EmbeddingServer, full: Path, tmp_path: Path
) -> None:
    config = Config(embedder="endpoint:m", embedder_url=server.url, workers=1)
    with Pipeline(tmp_path / "index", config=config, store=ExactStore()) as rag:
        assert rag.ingest(full).failures == ()
        assert rag.search("the urn leaks", mode="dense").hits[0].path == "urn.md"
        assert rag.status().embedder == "m"
    with Pipeline(tmp_path / "index", config=config, store=ExactStore()) as again:
        assert again.ingest(full).embedded == 0


def test_an_endpoint_that_fails_leaves_the_index_as_it_was(
    server: EmbeddingServer, full: Path, tmp_path: Path
) -> None:
    config = Config(embedder="endpoint:m", embedder_url=server.url, workers=1)
    with Pipeline(tmp_path / "index", config=config, store=ExactStore()) as rag:
        rag.ingest(full)
        (full / "new.md").write_text("# New\n\nA seal was fitted.", encoding="utf-8")
        server.always = error(401, "no")
        with pytest.raises(EmbedderError, match="answered 401"):
            rag.ingest(full)
        assert {one.path for one in rag.status().documents} >= {"leave.md", "urn.md"}
        assert rag.status().generation == 1
        server.always = embedding_server.well
        assert rag.ingest(full).files.indexed == 1


def test_another_embedder_is_refused(server: EmbeddingServer, full: Path, tmp_path: Path) -> None:
    with Pipeline(tmp_path / "index", embedder=HashingEmbedder(), store=ExactStore()) as rag:
        rag.ingest(full)
    config = Config(embedder="endpoint:m", embedder_url=server.url)
    with (
        Pipeline(tmp_path / "index", config=config, store=ExactStore()) as rag,
        pytest.raises(EmbedderMismatchError, match=r"made by the embedder hashing .*but m \("),
    ):
        rag.search("tea")
    with (
        Pipeline(tmp_path / "index", embedder="minilm", store=ExactStore()) as rag,
        pytest.raises(EmbedderMismatchError, match="all-MiniLM-L6-v2"),
    ):
        rag.ingest(full)


def test_a_model_folder_by_name(full: Path, tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    bert = tiny_model.save(tmp_path / "models" / "bert")
    other = tiny_model.save(tmp_path / "models" / "mpnet", kind="mpnet")
    with Pipeline(tmp_path / "index", embedder=f"st:{bert}", store=ExactStore()) as rag:
        assert rag.ingest(full).failures == ()
        assert rag.search("urn", mode="dense").hits
    with (
        Pipeline(tmp_path / "index", embedder=f"st:{other}", store=ExactStore()) as rag,
        pytest.raises(EmbedderMismatchError, match=r"made by the embedder bert .*but mpnet"),
    ):
        rag.status()


def test_default_chunks_shrink_to_what_the_embedder_reads(full: Path, tmp_path: Path) -> None:
    embedder = HashingEmbedder(max_tokens=64)
    with Pipeline(tmp_path / "index", embedder=embedder, store=ExactStore()) as rag:
        rag.ingest(full)
    longest = max(embedder.count_tokens(embedder.embedded))
    assert 32 < longest <= 62


def test_chosen_chunks_may_be_longer_with_an_embedder_that_reads_more(
    full: Path, tmp_path: Path
) -> None:
    embedder = HashingEmbedder(max_tokens=1024)
    config = Config(chunk_tokens=1000, workers=1)
    with Pipeline(tmp_path / "index", config=config, embedder=embedder, store=ExactStore()) as rag:
        rag.ingest(full)
    assert 256 < max(embedder.count_tokens(embedder.embedded)) <= 998


def test_chosen_chunks_that_are_too_long_are_refused(full: Path, tmp_path: Path) -> None:
    with (
        Pipeline(tmp_path / "index", config=Config(chunk_tokens=300)) as rag,
        pytest.raises(ConfigError, match=r"chunk_tokens is 300, but .* reads 256 tokens"),
    ):
        rag.ingest(full)
    assert not (tmp_path / "index").exists()


def test_an_unknown_name_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no embedder 'ada'"):
        Pipeline(tmp_path / "index", embedder="ada")
