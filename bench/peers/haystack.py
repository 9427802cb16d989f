"""Haystack, as its tutorial on preprocessing files has it.

A pipeline of `MarkdownToDocument`, `DocumentCleaner`, `DocumentSplitter` with the tutorial's sizes,
`SentenceTransformersDocumentEmbedder` and `DocumentWriter` into an `InMemoryDocumentStore`, kept on
disk by `save_to_disk`. https://haystack.deepset.ai/tutorials/30_file_type_preprocessing_index_pipeline
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

_STORE = "store.json"


def ingest(folder: Path, index: Path, model: Path) -> int:
    """Index a folder of Markdown files and return how many chunks it came to."""
    from haystack import Pipeline
    from haystack.components.converters import MarkdownToDocument
    from haystack.components.preprocessors import DocumentCleaner, DocumentSplitter
    from haystack.components.writers import DocumentWriter
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack.document_stores.types import DuplicatePolicy
    from haystack_integrations.components.embedders.sentence_transformers import (
        SentenceTransformersDocumentEmbedder,
    )

    store = InMemoryDocumentStore()
    parts = {
        "convert": MarkdownToDocument(store_full_path=True),
        "clean": DocumentCleaner(),
        "split": DocumentSplitter(split_by="word", split_length=150, split_overlap=50),
        "embed": SentenceTransformersDocumentEmbedder(model=str(model)),
        "write": DocumentWriter(store, policy=DuplicatePolicy.OVERWRITE),
    }
    pipeline = Pipeline()
    for name, part in parts.items():
        pipeline.add_component(name, part)
    names = list(parts)
    for before, after in itertools.pairwise(names):
        pipeline.connect(before, after)
    pipeline.run({"convert": {"sources": sorted(folder.rglob("*.md"))}})
    index.mkdir(parents=True, exist_ok=True)
    store.save_to_disk(str(index / _STORE))
    return int(store.count_documents())


def opened(index: Path, model: Path) -> Callable[[str, int], list[str]]:
    """Return a search: the file of each of the k best chunks, best first."""
    from haystack import Pipeline
    from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack_integrations.components.embedders.sentence_transformers import (
        SentenceTransformersTextEmbedder,
    )

    pipeline = Pipeline()
    pipeline.add_component("embed", SentenceTransformersTextEmbedder(model=str(model)))
    store = InMemoryDocumentStore.load_from_disk(str(index / _STORE))
    pipeline.add_component("retrieve", InMemoryEmbeddingRetriever(document_store=store))
    pipeline.connect("embed.embedding", "retrieve.query_embedding")

    def search(question: str, k: int) -> list[str]:
        found = pipeline.run({"embed": {"text": question}, "retrieve": {"top_k": k}})
        return [hit.meta["file_path"] for hit in found["retrieve"]["documents"] if hit.content]

    return search
