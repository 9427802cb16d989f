"""The systems that are compared, and how each one cuts text by its own documentation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One system under measurement.

    Attributes:
        name: Its module in `bench.peers`, its environment's folder, its requirements file.
        label: Its name in the tables.
        setting: Store and chunking of its documented quick start.
        packages: Those whose versions are reported.
    """

    name: str
    label: str
    setting: str
    packages: tuple[str, ...]


OURS = System(
    name="ragkit",
    label="ragkit",
    setting="Markdown structure, chunks of up to 256 tokens with title and headings; SQLite with "
    "full text, and Chroma; hybrid search",
    packages=("ragkit", "chromadb", "openvino"),
)
PEERS = (
    System(
        name="llama_index",
        label="LlamaIndex",
        setting="SimpleDirectoryReader cuts Markdown at headings, SentenceSplitter 1,024 tokens "
        "(overlap 200), of which the model reads the first 256; default store, JSON files",
        packages=("llama-index-core", "sentence-transformers", "torch"),
    ),
    System(
        name="langchain",
        label="LangChain + Chroma",
        setting="RecursiveCharacterTextSplitter, 1,000 characters (overlap 200); Chroma",
        packages=("langchain-core", "langchain-chroma", "chromadb", "sentence-transformers"),
    ),
    System(
        name="haystack",
        label="Haystack",
        setting="MarkdownToDocument, DocumentSplitter of 150 words (overlap 50); "
        "InMemoryDocumentStore, one JSON file",
        packages=("haystack-ai", "sentence-transformers-haystack", "sentence-transformers"),
    ),
    System(
        name="txtai",
        label="txtai",
        setting="Textractor by sections: a chunk is what stands beneath a heading, of which the "
        "model reads the beginning; Faiss and SQLite",
        packages=("txtai", "faiss-cpu", "transformers"),
    ),
)
SYSTEMS = (OURS, *PEERS)
