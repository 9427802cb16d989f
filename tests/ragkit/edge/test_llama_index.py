"""LlamaIndex's agents get our passages and our verified answers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragkit.pipeline import ABSTENTION, Pipeline
from ragkit_ingest.errors import MissingExtraError, UsageError
from tests.ragkit.test_pipeline import QUESTION, pipeline
from tests.support.folder import Folder, word

pytest.importorskip("llama_index.core", reason="the extra llama-index is not installed")

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.base.response.schema import Response
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.response_synthesizers import get_response_synthesizer
from llama_index.core.schema import MetadataMode, TextNode


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    folder = tmp_path_factory.mktemp("edge")
    docs = Folder(folder / "docs")
    docs.fill(6)
    docs.write("dated.md", "---\ndepartment: legal\nscore: 7\n---\n# Leave\n\nLeave is 28 days.\n")
    with pipeline(folder / "index") as opened:
        opened.ingest(docs.path)
        yield opened


def test_nodes_hold_the_exact_span_and_its_place(rag: Pipeline) -> None:
    retriever = rag.as_retriever(k=3)
    assert isinstance(retriever, BaseRetriever)
    found = retriever.retrieve(QUESTION)
    hits = rag.search(QUESTION, k=3).hits
    assert [node.score for node in found] == [hit.score for hit in hits]
    for node in found:
        place = node.metadata
        stored = rag.show(place["path"], span=(place["start"], place["end"])).text
        assert node.text == stored
        assert isinstance(node.node, TextNode)
        assert (node.node.start_char_idx, node.node.end_char_idx) == (place["start"], place["end"])
        assert node.node.source_node is not None
        assert node.node.source_node.node_id == place["path"]
        shown = node.node.get_content(MetadataMode.LLM)
        assert place["path"] in shown
        assert "chunk_id" not in shown


def test_metadata_of_the_document_is_there_and_does_not_replace_ours(rag: Pipeline) -> None:
    (node,) = rag.as_retriever(k=1, where={"department": "legal"}).retrieve("leave")
    assert node.metadata["department"] == "legal"
    assert node.metadata["score"] == node.score != 7
    assert node.metadata["headings"] == "Leave"
    assert "page" not in node.metadata


def test_the_answer_comes_with_its_verified_citations(rag: Pipeline) -> None:
    engine = rag.as_query_engine()
    assert isinstance(engine, BaseQueryEngine)
    response = engine.query(QUESTION)
    assert isinstance(response, Response)
    answer = rag.ask(QUESTION)
    assert str(response) == answer.text
    assert [node.text for node in response.source_nodes] == [c.quote for c in answer.citations]
    assert response.metadata is not None
    assert response.metadata["abstained"] is False
    for node in response.source_nodes:
        place = node.metadata
        assert place["verified"] is True
        stored = rag.show(place["path"], span=(place["start"], place["end"])).text
        assert stored == node.text


def test_an_abstention_has_no_source(tmp_path: Path) -> None:
    from ragkit.config import Config

    docs = Folder(tmp_path / "docs")
    docs.fill(2)
    with pipeline(tmp_path / "index", config=Config(min_confidence=1.0, workers=1)) as rag:
        rag.ingest(docs.path)
        response = rag.as_query_engine().query(QUESTION)
    assert (str(response), response.source_nodes) == (ABSTENTION, [])


def test_asynchronously_the_same(rag: Pipeline) -> None:
    async def both() -> tuple[str, list[str]]:
        response = await rag.as_query_engine(k=4).aquery(QUESTION)
        nodes = await rag.as_retriever(k=2, mode="lexical").aretrieve(QUESTION)
        return str(response), [node.node_id for node in nodes]

    text, ids = asyncio.run(both())
    assert text == rag.ask(QUESTION, k=4).text
    assert ids == [str(hit.chunk_id) for hit in rag.search(QUESTION, k=2, mode="lexical").hits]


def test_the_retriever_serves_an_engine_of_theirs(rag: Pipeline) -> None:
    from llama_index.core.llms.mock import MockLLM

    synthesizer = get_response_synthesizer(llm=MockLLM())
    engine = RetrieverQueryEngine(rag.as_retriever(k=1), response_synthesizer=synthesizer)
    assert word(3) in str(engine.query(QUESTION))


def test_our_errors_come_through(rag: Pipeline) -> None:
    with pytest.raises(UsageError, match="the mode must be one of"):
        rag.as_retriever(mode="psychic").retrieve("x")


LLAMA = ("ragkit.edge.llama_index", "llama_index.core.base.base_query_engine")
CHAIN = ("ragkit.edge.langchain", "langchain_core.callbacks")


@pytest.mark.parametrize(
    ("module", "package", "make", "extra"),
    [
        (*LLAMA, "as_retriever", "llama-index"),
        (*LLAMA, "as_query_engine", "llama-index"),
        (*CHAIN, "as_langchain_retriever", "langchain"),
    ],
)
def test_without_the_framework_it_says_what_to_install(
    rag: Pipeline, monkeypatch: pytest.MonkeyPatch, module: str, package: str, make: str, extra: str
) -> None:
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'ragkit\[{extra}\]'"):
        getattr(rag, make)()
