"""ragkit, as its README has it: `Pipeline.ingest`, `Pipeline.search`, `Pipeline.ask`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def ingest(folder: Path, index: Path, model: Path) -> int:  # noqa: ARG001 - it brings the model
    """Index a folder of Markdown files and return how many chunks it came to."""
    from ragkit import Pipeline
    from ragkit.config import Config

    with Pipeline(index, config=Config()) as rag:
        return rag.ingest(folder).chunks.total


def opened(index: Path, model: Path) -> Callable[[str, int], list[str]]:  # noqa: ARG001
    """Return a search: the file of each of the k best chunks, best first."""
    from ragkit import Pipeline
    from ragkit.config import Config

    rag = Pipeline(index, config=Config())

    def search(question: str, k: int) -> list[str]:
        return [hit.path for hit in rag.search(question, k=k).hits if hit.text]

    return search


def answered(index: Path, question: str) -> str:
    """Return the cited answer to a question, or that there is none."""
    from ragkit import Pipeline
    from ragkit.config import Config

    with Pipeline(index, config=Config()) as rag:
        return rag.ask(question).text
