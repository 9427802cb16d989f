"""The systems that are compared, and how each one cuts text by its own documentation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One system under measurement.

    Attributes:
        name: Its module in `bench.peers`.
        label: Its name in the tables.
        setting: Store and chunking of its documented quick start.
        packages: Those whose versions are reported.
        embeds_all: Whether all of its text goes through the model; what a chunk has beyond the
            256 tokens that the model reads does not.
        installed_as: The system whose environment and requirements it shares; by default its own.
    """

    name: str
    label: str
    setting: str
    packages: tuple[str, ...]
    embeds_all: bool = True
    installed_as: str = ""

    @property
    def environment(self) -> str:
        """The name of its environment's folder and requirements file."""
        return self.installed_as or self.name


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
        embeds_all=False,
    ),
    System(
        name="llama_index_256",
        label="LlamaIndex, 256 tokens",
        setting="the same with Settings.chunk_size = 256 (overlap 20), which the model reads whole",
        packages=("llama-index-core", "sentence-transformers", "torch"),
        installed_as="llama_index",
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
        embeds_all=False,
    ),
)
SYSTEMS = (OURS, *PEERS)
