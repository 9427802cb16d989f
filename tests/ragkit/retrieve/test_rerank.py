"""Reranking within a search: the order is the reranker's, and nothing is lost by it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ragkit.answer import Passage
from ragkit.config import Config
from ragkit.pipeline import Pipeline
from ragkit.retrieve.retriever import MODES, RetrievalSettings, Retriever
from ragkit_ingest.errors import ConfigError, RerankerError, UsageError
from ragkit_ingest.index import Index
from ragkit_ingest.store.exact import ExactStore
from ragkit_ingest.sync import SyncSettings, sync
from tests.support import tiny_cross_encoder
from tests.support.counting import CountingParsers
from tests.support.folder import Folder, word
from tests.support.hashing import HashingEmbedder
from tests.support.rerankers import FakeReranker

COUNT = 40
BACKWARDS = FakeReranker(lambda place, _: float(place))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rerank")
    docs = Folder(folder / "docs")
    for n in range(COUNT):
        docs.write(f"{n}.md", f"# Note {n}\n\nThe {word(n)} costs {n} euro.\n")
    long = "\n\n".join(f"# Costs {n}\n\nIt costs {n} euro." for n in range(12))
    docs.write("long.md", long)
    index = Index(folder / "index", embedder=HashingEmbedder(), store=ExactStore(), create=True)
    sync(index, [docs.path], SyncSettings(), parsers=CountingParsers())
    index.close()
    return folder


@pytest.fixture
def index(folder: Path) -> Iterator[Index]:
    index = Index(folder / "index", embedder=HashingEmbedder(), store=ExactStore())
    yield index
    index.close()


def ids(passages: Iterator[Passage] | tuple[Passage, ...] | list[Passage]) -> list[int]:
    return [passage.chunk_id for passage in passages]


@pytest.mark.parametrize("mode", MODES)
def test_the_first_candidates_come_in_the_order_of_the_scores(index: Index, mode: str) -> None:
    settings = RetrievalSettings(rerank_depth=8)
    plain = Retriever(index, settings).search("costs", mode=mode, k=20)
    result = Retriever(index, settings, BACKWARDS).search("costs", mode=mode, k=20)
    assert ids(result.hits) == ids(plain.hits[7::-1] + plain.hits[8:])
    assert [hit.rank for hit in result] == list(range(1, 21))
    assert [hit.rerank_score for hit in result] == [7.0, 6, 5, 4, 3, 2, 1, 0, *[None] * 12]
    scores = {hit.chunk_id: hit.score for hit in plain}
    assert all(hit.score == scores[hit.chunk_id] for hit in result)
    assert "rerank" in result.timing_ms
    assert "rerank" not in plain.timing_ms


def test_equal_scores_keep_their_order(index: Index) -> None:
    plain = Retriever(index).search("costs", k=10)
    equal = Retriever(index, reranker=FakeReranker(lambda *_: 3.0)).search("costs", k=10)
    assert ids(equal.hits) == ids(plain.hits)
    tiny = Retriever(index, reranker=FakeReranker(lambda place, _: 1.0 + place * 1e-15))
    assert ids(tiny.search("costs", k=50).hits)[:50] == ids(
        Retriever(index).search("costs", k=50).hits[::-1]
    )


def test_a_passage_from_far_behind_comes_first(index: Index) -> None:
    wanted = Retriever(index).search("costs", k=50).hits[44]
    reranker = FakeReranker(lambda _, p: float(p.chunk_id == wanted.chunk_id))
    (first,) = Retriever(index, reranker=reranker).search("costs", k=1).hits
    assert (first.chunk_id, first.rank, first.rerank_score) == (wanted.chunk_id, 1, 1.0)
    assert len(reranker.seen[0]) == 50


@pytest.mark.parametrize("k", [1, 8, 30, 1000])
def test_there_are_still_k_results(index: Index, k: int) -> None:
    found = Retriever(index, RetrievalSettings(rerank_depth=5), BACKWARDS).search("costs", k=k)
    assert len(set(ids(found.hits))) == len(found) == min(k, COUNT + 12)


def test_a_cap_holds_for_the_new_order(index: Index) -> None:
    prefers_long = FakeReranker(lambda _, p: float(p.path == "long.md"))
    settings = RetrievalSettings(per_document=2, rerank_depth=52)
    hits = Retriever(index, settings, prefers_long).search("costs", k=10).hits
    assert [hit.path == "long.md" for hit in hits] == [True] * 2 + [False] * 8


def test_diversity_holds_for_the_new_order(index: Index) -> None:
    score = FakeReranker(lambda place, _: -float(place))
    plain, varied = (
        Retriever(index, RetrievalSettings(diversity=d), score).search("costs", k=10).hits
        for d in (0.0, 0.9)
    )
    assert ids(plain) != ids(varied)
    assert len(set(ids(varied))) == 10


def test_nothing_found_is_not_read(index: Index) -> None:
    reranker = FakeReranker(lambda *_: 1.0)
    found = Retriever(index, reranker=reranker).search("costs", where={"path": "nowhere"})
    assert (len(found), reranker.seen) == (0, [])


def test_a_search_in_the_same_index_goes_on_while_the_reranker_reads(index: Index) -> None:
    inner: list[int] = []

    def ask_in_between(place: int, _: Passage) -> float:
        if place == 0:
            with ThreadPoolExecutor(1) as thread:
                run = thread.submit(Retriever(index).search, "costs", k=3)
                inner.append(len(run.result(timeout=30)))
        return 0.0

    Retriever(index, reranker=FakeReranker(ask_in_between)).search("costs")
    assert inner == [3]


def test_nan_is_refused(index: Index) -> None:
    with pytest.raises(RerankerError, match="gave nan"):
        Retriever(index, reranker=FakeReranker(lambda *_: float("nan"))).search("costs")


def test_a_depth_below_one_is_refused() -> None:
    with pytest.raises(UsageError, match="rerank_depth must be 1 or more, not 0"):
        RetrievalSettings(rerank_depth=0)
    with pytest.raises(ConfigError, match="rerank_depth must be between 1 and 1000, not 0"):
        Config(rerank_depth=0)


# -- through the pipeline ----------------------------------------------------------------------


def pipeline(folder: Path, config: Config | None = None, **options: object) -> Pipeline:
    parts: dict[str, object] = {"embedder": HashingEmbedder(), "store": ExactStore()} | options
    config = config or Config(min_confidence=0.0)
    return Pipeline(folder / "index", config=config, **parts)  # type: ignore[arg-type]


def test_search_and_ask_use_the_reranker(folder: Path) -> None:
    reranker = FakeReranker(lambda place, _: float(place))
    with pipeline(folder, reranker=reranker) as rag:
        result = rag.search(f"the {word(3)} costs", k=5)
        assert [hit.rerank_score for hit in result] == [49.0, 48.0, 47.0, 46.0, 45.0]
        answer = rag.ask(f"What does the {word(3)} cost?")
    assert [len(seen) for seen in reranker.seen] == [50, 50]
    assert all(passage.rerank_score is not None for passage in answer.passages)
    shown = result.to_json()["hits"]
    assert isinstance(shown, list)
    assert shown[0]["rerank_score"] == 49.0


def test_a_reranker_is_named_in_the_settings(folder: Path, tmp_path: Path) -> None:
    model = tiny_cross_encoder.make(tmp_path / "model")
    config = Config(reranker=str(model), rerank_depth=7)
    with pipeline(folder, config) as rag:
        found = rag.search("the kettle costs", k=10)
    scores = [hit.rerank_score for hit in found]
    read = [score for score in scores[:7] if score is not None]
    assert len(read) == 7
    assert read == sorted(read, reverse=True)
    assert scores[7:] == [None] * 3
    with pipeline(folder, reranker=str(model)) as rag:
        assert rag.search("the kettle costs", k=1).hits[0].rerank_score is not None
    with pipeline(folder, config, reranker="") as rag:
        assert rag.search("the kettle costs", k=1).hits[0].rerank_score is None


def test_a_wrong_reranker_is_said_at_the_first_search(folder: Path) -> None:
    with (
        pipeline(folder, reranker="./no-such-model") as rag,
        pytest.raises(ConfigError, match="there is no folder"),
    ):
        rag.search("costs")
