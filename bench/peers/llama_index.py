"""LlamaIndex, as its starter tutorial for local models has it.

`SimpleDirectoryReader`, `HuggingFaceEmbedding`, `VectorStoreIndex` over its default store, kept on
disk by `storage_context.persist`; a retriever in place of the query engine, which needs a language
model. https://developers.llamaindex.ai/python/framework/getting_started/starter_example_local/
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def ingest(folder: Path, index: Path, model: Path) -> int:
    """Index a folder of Markdown files and return how many chunks it came to."""
    from llama_index.core import SimpleDirectoryReader, VectorStoreIndex

    _use(model)
    documents = SimpleDirectoryReader(str(folder), recursive=True).load_data()
    made = VectorStoreIndex.from_documents(documents)
    made.storage_context.persist(str(index))
    return len(made.docstore.docs)


def opened(index: Path, model: Path) -> Callable[[str, int], list[str]]:
    """Return a search: the file of each of the k best chunks, best first."""
    from llama_index.core import StorageContext, load_index_from_storage

    _use(model)
    stored = load_index_from_storage(StorageContext.from_defaults(persist_dir=str(index)))

    def search(question: str, k: int) -> list[str]:
        found = stored.as_retriever(similarity_top_k=k).retrieve(question)
        return [hit.node.metadata["file_path"] for hit in found if hit.node.get_content()]

    return search


def _use(model: Path) -> None:
    from llama_index.core import Settings
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding

    Settings.embed_model = HuggingFaceEmbedding(model_name=str(model))
