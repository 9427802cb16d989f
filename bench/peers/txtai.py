"""txtai, as its RAG quick start has it.

`Textractor(sections=True)`, which cuts Markdown before each heading, and `Embeddings` that keep
their content. The quick start's docling backend is left out: it adds the cost of starting docling,
and Textractor reads Markdown without it.
https://github.com/neuml/txtai/blob/master/examples/rag_quickstart.py
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def ingest(folder: Path, index: Path, model: Path) -> int:
    """Index a folder of Markdown files and return how many chunks it came to."""
    from txtai import Embeddings
    from txtai.pipeline import Textractor

    textractor = Textractor(sections=True)
    chunks = [
        {"path": str(file), "text": chunk}
        for file in sorted(folder.rglob("*.md"))
        for chunk in textractor(str(file))
    ]
    embeddings = Embeddings(content=True, path=str(model))
    embeddings.index(chunks)
    embeddings.save(str(index))
    return int(embeddings.count())


def opened(index: Path, model: Path) -> Callable[[str, int], list[str]]:  # noqa: ARG001
    """Return a search: the file of each of the k best chunks, best first."""
    from txtai import Embeddings

    embeddings = Embeddings()
    embeddings.load(str(index))

    def search(question: str, k: int) -> list[str]:
        query = "select text, path, score from txtai where similar(:question)"
        found = embeddings.search(query, k, parameters={"question": question})
        return [hit["path"] for hit in found if hit["text"]]

    return search
