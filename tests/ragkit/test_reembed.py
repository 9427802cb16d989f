"""A pipeline moves to another embedder by name, and others follow it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ragkit.config import Config
from ragkit.pipeline import Pipeline
from ragkit.retrieve.retriever import Retriever
from ragkit_ingest.embed.bert_folder import BertFolder, fits
from ragkit_ingest.embed.sentence_transformer import SentenceTransformerEmbedder
from ragkit_ingest.errors import (
    EmbedderError,
    EmbedderMismatchError,
    UsageError,
)
from ragkit_ingest.store.exact import ExactStore
from tests.support import embedding_server, tiny_model
from tests.support.embedding_server import EmbeddingServer
from tests.support.endpoint_server import error
from tests.support.folder import Folder
from tests.support.hashing import HashingEmbedder


@pytest.fixture
def model(tmp_path: Path) -> str:
    pytest.importorskip("sentence_transformers")
    return f"st:{tiny_model.save(tmp_path / 'models' / 'bert')}"


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    with embedding_server.serving() as server:
        yield server


@pytest.fixture
def full(docs: Folder) -> Path:
    docs.fill(12)
    return docs.path


def opened(tmp_path: Path, **options: object) -> Pipeline:
    given: dict[str, object] = {"config": Config(workers=1), "store": ExactStore()} | options
    return Pipeline(tmp_path / "index", **given)  # type: ignore[arg-type]


def test_the_index_remembers_its_embedder(
    full: Path, tmp_path: Path, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    relative = f"st:{Path(model[3:]).relative_to(tmp_path)}"
    with opened(tmp_path, embedder=relative) as rag:
        rag.ingest(full)
    monkeypatch.chdir("/")
    with opened(tmp_path) as rag:
        assert rag.search("what costs 3 euro", mode="dense").hits
        assert rag.status().embedder == "bert"
        assert rag.status().spaces[0].chosen_by == model


def test_a_swap_is_followed_and_rolled_back(full: Path, tmp_path: Path, model: str) -> None:
    with opened(tmp_path) as rag, opened(tmp_path) as reader:
        rag.ingest(full)
        before = [hit.path for hit in reader.search("what costs 3 euro").hits]
        report = rag.reembed(model)
        assert (report.swapped, report.former) == (True, "all-MiniLM-L6-v2")
        assert report.embedded == report.texts == 12
        assert rag.search("euro").hits
        assert rag.status().embedder == "bert"
        # another pipeline, opened before and told nothing, follows
        assert reader.search("what costs 3 euro").hits
        assert reader.status().embedder == "bert"
        assert reader.ask("What costs 3 euro?").embedder == "bert"
        (full / "new.md").write_text("# New\n\nThe urn costs 99 euro.", encoding="utf-8")
        assert rag.ingest().embedded == 1
        back = rag.rollback()
        assert back.embedded == 1
        assert reader.search("urn", mode="dense").hits
        assert reader.status().embedder == "all-MiniLM-L6-v2"
        (full / "new.md").unlink()
        reader.ingest()
        assert [hit.path for hit in reader.search("what costs 3 euro").hits] == before
        assert [space.role for space in reader.status().spaces] == ["live", "previous"]
        assert rag.forget_previous() == 12
        with pytest.raises(UsageError, match="nothing to roll back to"):
            rag.rollback()


def test_another_configured_embedder_is_refused_and_told_of_reembed(
    full: Path, tmp_path: Path, model: str
) -> None:
    with opened(tmp_path) as rag:
        rag.ingest(full)
    named = Config(workers=1, embedder=model)
    with opened(tmp_path, config=named) as rag:
        with pytest.raises(EmbedderMismatchError, match="ragkit reembed"):
            rag.search("tea")
        assert rag.reembed().swapped  # to the configured one
        assert rag.search("tea", mode="dense").hits


def test_without_a_name_there_is_nothing_to_move_to(full: Path, tmp_path: Path) -> None:
    with opened(tmp_path) as rag:
        rag.ingest(full)
        with pytest.raises(UsageError, match="no embedder is named"):
            rag.reembed()


def test_an_object_can_be_moved_to_but_not_back_by_name(full: Path, tmp_path: Path) -> None:
    with opened(tmp_path, embedder=HashingEmbedder()) as rag:
        rag.ingest(full)
        rag.reembed(HashingEmbedder(name="other"))
        assert rag.search("euro", mode="dense").hits
        with pytest.raises(UsageError, match="hashing was given as an object"):
            rag.rollback()
        back = HashingEmbedder()
        assert rag.reembed(back).embedded == 0
        assert back.embedded == []


def test_the_judge_is_given_both_searches(full: Path, tmp_path: Path, model: str) -> None:
    seen = []

    def judge(before: Retriever | None, after: Retriever) -> bool:
        assert before is not None
        for search in (before, after):
            hits = search.search("what costs 3 euro", mode="hybrid", k=5).hits
            seen.append({hit.path for hit in hits})
        return False

    with opened(tmp_path) as rag:
        rag.ingest(full)
        assert not rag.reembed(model, judge=judge).swapped
        assert rag.status().embedder == "all-MiniLM-L6-v2"
        assert rag.status().generation == 1
    assert [len(paths) for paths in seen] == [5, 5]


def test_an_endpoint_that_goes_down_and_one_that_changes(
    server: EmbeddingServer, full: Path, tmp_path: Path
) -> None:
    config = Config(workers=1, embedder_url=server.url)
    with opened(tmp_path, config=config) as rag:
        rag.ingest(full)
        server.always = error(401, "no")
        with pytest.raises(EmbedderError, match="answered 401"):
            rag.reembed("endpoint:m")
        assert rag.search("euro").hits
        server.always = embedding_server.well
        assert rag.reembed("endpoint:m").swapped
        assert rag.status().embedder == "m"
    with opened(tmp_path) as rag, pytest.raises(UsageError, match="embedder_url"):
        rag.search("tea")  # the address is not remembered: questions go only where they are told to


def test_a_folder_is_computed_as_by_torch(tmp_path: Path, model: str) -> None:
    folder = Path(model[3:])
    if not fits(folder):
        pytest.skip("this machine has a graphics card")
    quick, slow = BertFolder(str(folder)), SentenceTransformerEmbedder(str(folder), device="cpu")
    texts = ["The notice period is three months.", "tea " * 200, "Ünïcode, with commas!"]
    assert quick.fingerprint == slow.fingerprint
    assert quick.count_tokens(texts) == slow.count_tokens(texts)
    cosines = (quick.embed_documents(texts) * slow.embed_documents(texts)).sum(axis=1)
    assert cosines.min() > 0.99
    assert float(quick.embed_query(texts[0]) @ slow.embed_query(texts[0])) > 0.99
    quick.release()
    assert quick.embed_documents([]).shape == (0, 32)


@pytest.mark.parametrize("pooling", ["cls", "max"])
def test_other_folders_are_computed_by_torch(tmp_path: Path, pooling: str) -> None:
    pytest.importorskip("sentence_transformers")
    assert not fits(tiny_model.save(tmp_path / pooling, pooling=pooling))
    assert not fits(tiny_model.save(tmp_path / "mpnet", kind="mpnet"))
    assert not fits(tmp_path / "none")
