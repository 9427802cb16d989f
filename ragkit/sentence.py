"""Finds the sentences of a passage, within its blocks, as exact spans.

A sentence never crosses a block: headings stay out, a table row or a list item stays whole
unless it holds several sentences. Rules rather than a model, so that the same text always gives
the same spans.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ragkit_ingest.records import Block, BlockKind

# The end of a sentence: a stop, closing quotes or brackets, then white space.
_END = re.compile(r"[.!?\u2026\u3002\uff01\uff1f]+[\"'\u201d\u2019)\]]*(?=\s|$)")
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|approx|dr|mr|mrs|ms|prof|st|inc|ltd|co|corp|jr|sr|al|dept|incl|excl"
    r"|ed|eds|est)|\b[A-Z])\.$",
    re.IGNORECASE,
)
# Before a number ("no. 5") they are abbreviations, before anything else words ("I said no.").
_BEFORE_NUMBER = re.compile(
    r"\b(?:nos?|art|sec|ch|figs?|eq|vol|pp?|para|cl|ref|tel|ext)\.$", re.IGNORECASE
)
# These end a sentence if a capital follows.
_MAY_CLOSE = re.compile(r"\b(?:etc|min|max|a\.m|p\.m)\.$", re.IGNORECASE)
_NUMBERED = re.compile(r"[(\[#\u00a7+]?\d|[ivxlc]{2,}\b", re.IGNORECASE)
# The number of an item stays with it, a bare yes or no with what explains it.
_OPENING = re.compile(r"\s*(?:\(?(?:\d{1,3}|[a-z])\.|(?:yes|no)[.!])", re.IGNORECASE)
_INITIAL = re.compile(r"(?:^|[\s(])[A-Z]\.$")
# The mark of a list item in plain text, at the beginning of a line.
_BULLET = re.compile(r"(?:^|(?<=\n))[ \t]*[-*\u2022\u2023\u25aa\u2013][ \t]+(?=\S)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentenceSpan:
    """A sentence of a document.

    Attributes:
        start: Offset of its first character in the document's text.
        end: Offset after its last character.
        text: The document's text from start to end.
        kind: Of the block that holds it; an item of a list that plain text marks with dashes is a
            list item, although its block is a paragraph.
        block: Index of that block among those given.
    """

    start: int
    end: int
    text: str
    kind: BlockKind
    block: int


def sentences(text: str, offset: int, blocks: Sequence[Block]) -> Iterator[SentenceSpan]:
    """Yield the sentences of a passage in reading order; headings and code have none.

    Args:
        text: The passage's text.
        offset: Where the passage begins in its document.
        blocks: The document's blocks within the passage, cut to it; with none, the whole
            passage counts as one paragraph.
    """
    whole = Block(kind=BlockKind.PARAGRAPH, start=offset, end=offset + len(text)) if text else None
    for index, block in enumerate(blocks or ([whole] if whole else [])):
        if block.kind in {BlockKind.HEADING, BlockKind.CODE}:
            continue
        content = text[block.start - offset : block.end - offset]
        spans = [(0, len(content))] if block.kind is BlockKind.TABLE_ROW else split(content)
        for start, end in spans:
            item = block.kind is BlockKind.PARAGRAPH and _is_marked(content, start)
            yield SentenceSpan(
                start=block.start + start,
                end=block.start + end,
                text=content[start:end],
                kind=BlockKind.LIST_ITEM if item else block.kind,
                block=index,
            )


def split(text: str) -> list[tuple[int, int]]:
    """Return the spans of the sentences in a paragraph, without the white space around them.

    A line that begins with the mark of a list item begins a sentence, and the mark stays out.
    """
    marks = list(_BULLET.finditer(text))
    starts = [0, *(mark.end() for mark in marks)]
    ends = [*(mark.start() for mark in marks), len(text)]
    return [
        (start + first, start + last)
        for start, end in zip(starts, ends, strict=True)
        for first, last in _sentences(text[start:end])
    ]


def _is_marked(text: str, start: int) -> bool:
    return any(mark.end() == start for mark in _BULLET.finditer(text))


def _sentences(text: str) -> list[tuple[int, int]]:
    spans = []
    start = 0
    for match in _END.finditer(text):
        if not _is_end(text, start, match.end()):
            continue
        spans.append((start, match.end()))
        start = match.end()
    spans.append((start, len(text)))
    return [trimmed for span in spans if (trimmed := _trim(text, *span)) is not None]


def _is_end(text: str, start: int, end: int) -> bool:
    following = text[end : end + 40].lstrip()
    if not following:
        return True
    if _OPENING.fullmatch(text, start, end):
        return False
    if text[end - 1] == "." and _abbreviates(text, start, end, following):
        return False
    return not following[0].islower()


def _abbreviates(text: str, start: int, end: int, following: str) -> bool:
    """Return whether the stop at the end of the span belongs to its last word alone."""
    last = text[start:end].split()[-1]
    if _BEFORE_NUMBER.search(last):
        return _NUMBERED.match(following) is not None
    if _MAY_CLOSE.search(last):
        return not following[0].isupper()
    if _INITIAL.search(text[max(start, end - 4) : end]):
        return True
    return _ABBREVIATION.search(last) is not None


def _trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if any(char.isalnum() for char in text[start:end]) else None
