"""LangChain's chains get our passages, with their exact spans."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from ragkit.pipeline import Pipeline
from ragkit_ingest.errors import UsageError
from tests.ragkit.test_pipeline import QUESTION, pipeline
from tests.support.folder import Folder

pytest.importorskip("langchain_core", reason="the extra langchain is not installed")

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    folder = tmp_path_factory.mktemp("edge")
    docs = Folder(folder / "docs")
    docs.fill(6)
    docs.write("dated.md", "---\ndepartment: legal\n---\n# Leave\n\nLeave is 28 days.\n")
    with pipeline(folder / "index") as opened:
        opened.ingest(docs.path)
        yield opened


def test_documents_hold_the_exact_span_and_its_place(rag: Pipeline) -> None:
    retriever = rag.as_langchain_retriever(k=3)
    assert isinstance(retriever, BaseRetriever)
    found = retriever.invoke(QUESTION)
    hits = rag.search(QUESTION, k=3).hits
    assert [one.id for one in found] == [str(hit.chunk_id) for hit in hits]
    for one, hit in zip(found, hits, strict=True):
        place = one.metadata
        assert place["score"] == hit.score
        stored = rag.show(place["path"], span=(place["start"], place["end"])).text
        assert one.page_content == stored


def test_filters_modes_and_chains(rag: Pipeline) -> None:
    retriever = rag.as_langchain_retriever(k=5, mode="lexical", where={"department": "legal"})

    def paths(documents: list[Document]) -> list[str]:
        return [one.metadata["path"] for one in documents]

    assert (retriever | RunnableLambda(paths)).invoke("leave") == ["dated.md"]
    assert retriever.batch(["leave", "days"]) == [
        retriever.invoke("leave"),
        retriever.invoke("days"),
    ]


def test_asynchronously_the_same(rag: Pipeline) -> None:
    retriever = rag.as_langchain_retriever(k=2)
    assert asyncio.run(retriever.ainvoke(QUESTION)) == retriever.invoke(QUESTION)


def test_our_errors_come_through_and_nothing_of_the_pipeline_is_shown(rag: Pipeline) -> None:
    retriever = rag.as_langchain_retriever(mode="psychic")
    with pytest.raises(UsageError, match="the mode must be one of"):
        retriever.invoke("x")
    assert "Pipeline" not in repr(retriever)
