"""LangChain with Chroma, as its semantic search and RAG tutorials have it.

`DirectoryLoader` with `TextLoader`, `RecursiveCharacterTextSplitter` with the tutorial's sizes,
`HuggingFaceEmbeddings`, a persistent `Chroma`. https://docs.langchain.com/oss/python/langchain/rag
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def ingest(folder: Path, index: Path, model: Path) -> int:
    """Index a folder of Markdown files and return how many chunks it came to."""
    from langchain_community.document_loaders import DirectoryLoader, TextLoader
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    loader = DirectoryLoader(
        str(folder),
        glob="**/*.md",
        loader_cls=TextLoader,
        loader_kwargs={"encoding": "utf-8"},
    )
    splitter = RecursiveCharacterTextSplitter(
        chunk_size=1000, chunk_overlap=200, add_start_index=True
    )
    chunks = splitter.split_documents(loader.load())
    _store(index, model).add_documents(documents=chunks)
    return len(chunks)


def opened(index: Path, model: Path) -> Callable[[str, int], list[str]]:
    """Return a search: the file of each of the k best chunks, best first."""
    store = _store(index, model)

    def search(question: str, k: int) -> list[str]:
        found = store.similarity_search(question, k=k)
        return [hit.metadata["source"] for hit in found if hit.page_content]

    return search


def _store(index: Path, model: Path) -> Any:
    from langchain_chroma import Chroma
    from langchain_huggingface import HuggingFaceEmbeddings

    return Chroma(
        collection_name="pages",
        embedding_function=HuggingFaceEmbeddings(model_name=str(model)),
        persist_directory=str(index),
    )
