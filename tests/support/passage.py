"""Passages of made-up documents, with their blocks."""

from __future__ import annotations

from ragkit.answer import Passage
from ragkit_ingest.records import Block, BlockKind

Content = tuple[BlockKind, str]


def passage(
    *contents: str | Content,
    rank: int = 1,
    document: int = 1,
    start: int = 0,
    title: str = "",
    headings: tuple[str, ...] = (),
    path: str = "",
) -> Passage:
    """Return a passage of the blocks, paragraphs if only their text is given, joined by breaks."""
    text = ""
    blocks = []
    for content in contents:
        kind, words = (BlockKind.PARAGRAPH, content) if isinstance(content, str) else content
        text += "\n" if text else ""
        at = start + len(text)
        level = 1 if kind is BlockKind.HEADING else 0
        blocks.append(Block(kind=kind, start=at, end=at + len(words), level=level))
        text += words
    return Passage(
        rank=rank,
        chunk_id=100 * document + rank,
        document_id=document,
        path=path or f"{document}.md",
        title=title,
        headings=headings,
        page=None,
        start=start,
        end=start + len(text),
        text=text,
        score=1.0 / rank,
        similarity=0.5,
        blocks=tuple(blocks),
    )
