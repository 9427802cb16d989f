"""Documents of LlamaIndex readers are answered from, with citations that hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from ragkit import SourceDocument
from ragkit.pipeline import Pipeline
from ragkit_ingest.source import SourceItem
from tests.ragkit.test_pipeline import pipeline

pytest.importorskip("llama_index.core", reason="the extra llama-index is not installed")

from llama_index.core.schema import Document, ImageNode, MediaResource, Node, TextNode


def tickets() -> list[Document]:
    return [
        Document(
            id_="T-1",
            text="The urn in Delft leaks at the tap. A new seal was fitted on Friday.",
            metadata={"state": "open", "secret": "xyzzy"},
            text_template="LEAK {metadata_str} LEAK {content}",
        ),
        Document(
            id_="T/2",
            text="The kettle hums. It is descaled every month.",
            metadata={"state": "closed"},
        ),
    ]


@pytest.fixture
def rag(tmp_path: Path) -> Pipeline:
    return pipeline(tmp_path / "index")


def test_a_document_of_llama_index_has_the_shape() -> None:
    item: SourceItem = tickets()[0]
    assert (item.id_, item.metadata["state"]) == ("T-1", "open")


def test_documents_are_found_filtered_shown_and_cited(rag: Pipeline) -> None:
    report = rag.ingest_documents(tickets(), source="tickets")
    assert report.files.indexed == 2
    answer = rag.ask("What is descaled every month?", where={"state": "closed"})
    assert answer.citations
    for citation in answer.citations:
        assert citation.path == "tickets/T/2"
        assert citation.verified
        stored = rag.show(citation.path, span=(citation.start, citation.end))
        assert stored.text == citation.quote
    hits = rag.search("descaled", where={"path": "tickets/*", "format": "document"}).hits
    assert {hit.path for hit in hits} == {"tickets/T-1", "tickets/T/2"}
    assert [d.path for d in rag.status().documents] == ["tickets/T-1", "tickets/T/2"]
    assert rag.ingest_documents(tickets(), source="tickets").files.unchanged == 2


def test_templates_and_metadata_do_not_get_into_the_text(rag: Pipeline) -> None:
    rag.ingest_documents(tickets(), source="tickets")
    shown = rag.show("tickets/T-1").text
    assert shown == "The urn in Delft leaks at the tap. A new seal was fitted on Friday."
    assert not any("LEAK" in hit.text or "xyzzy" in hit.text for hit in rag.search("leak").hits)


def test_nodes_of_every_kind_give_their_raw_text(rag: Pipeline) -> None:
    nodes = [
        Node(id_="media", text_resource=MediaResource(text="Of a media resource.")),
        TextNode(id_="text", text="Of a text node."),
        ImageNode(id_="image", image="aGVsbG8="),
        Node(id_="none", image_resource=MediaResource(data=b"aGVsbG8=")),
        SourceDocument(id="ours", text="Of our own record."),
    ]
    report = rag.ingest_documents(nodes, source="nodes")  # type: ignore[arg-type]
    assert report.no_text == ("nodes/image", "nodes/none")
    texts = {name: rag.show(f"nodes/{name}").text for name in ("media", "text", "ours")}
    assert texts == {
        "media": "Of a media resource.",
        "text": "Of a text node.",
        "ours": "Of our own record.",
    }


def test_ids_made_up_anew_each_time_move_the_documents_and_embed_nothing(rag: Pipeline) -> None:
    texts = [f"Text number {n}." for n in range(6)]
    rag.ingest_documents([Document(text=text) for text in texts], source="web")
    report = rag.ingest_documents([Document(text=text) for text in texts], source="web")
    assert (report.files.indexed, report.files.removed, report.embedded) == (6, 6, 0)
