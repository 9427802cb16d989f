"""The index of the example company, as tests ask it."""

from __future__ import annotations

from functools import cache

from ragkit.answer import Answer, Citation
from ragkit.pipeline import Pipeline
from ragkit_ingest.records import Block


class Company:
    """The index of the example company; each question is asked once.

    Args:
        rag: The pipeline on it.
    """

    def __init__(self, rag: Pipeline) -> None:
        self.rag = rag
        self.ask = cache(rag.ask)
        self.search = rag.search
        self.show = rag.show

    def blocks_at(self, answer: Answer, citation: Citation) -> list[Block]:
        """Return the blocks that the citation touches, as the passages looked at have them."""
        return [
            block
            for passage in answer.passages
            if passage.path == citation.path
            for block in passage.blocks
            if block.start < citation.end and citation.start < block.end
        ]
