"""Gives a found chunk the text around it: its neighbours in the same section of its document.

A section is a run of chunks that stand beneath the same headings. What is added is the stored
text itself, so a passage stays one exact span of its document.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from ragkit.answer import Passage
from ragkit_ingest.catalog.reading import Neighbour, Reading


def expanded(
    reading: Reading, hits: Iterable[Passage], *, tokens: int, k: int
) -> Iterator[Passage]:
    """Yield at most k passages that do not overlap, each grown to at most so many tokens.

    A passage grows by whole chunks, the following and the preceding one in turn, until the
    section ends, another passage begins or the next chunk would be too much. A hit that stands in
    a better one's passage is part of it, and leaves its place to the next hit. Scores and ranks
    stay those of the chunk that was found; a hit that is not live any more is yielded as it is.

    Args:
        reading: One state of the catalog.
        hits: Best first, each the span of its chunk; read only as far as needed.
        tokens: Most tokens of a passage, counted as the splitter counts its chunks.
        k: How many, 1 or more.
    """
    taken: set[int] = set()
    given = 0
    for hit in hits:
        if hit.chunk_id in taken:
            continue
        run = _run(reading, hit.chunk_id, tokens, taken)
        taken |= {chunk.id for chunk in run} | {hit.chunk_id}
        yield _grown(reading, hit, run)
        given += 1
        if given == k:
            return


def _run(reading: Reading, chunk_id: int, tokens: int, taken: set[int]) -> list[Neighbour]:
    """Return the chunk and what is added to it, in reading order; empty if it is not live."""
    found = reading.neighbour(chunk_id)
    if found is None:
        return []
    run, left = [found], tokens - found.tokens
    sides = [reading.following(found), reading.preceding(found)]
    while sides and left > 0:
        for side in list(sides):
            chunk = next(side, None)
            if (
                chunk is None
                or chunk.tokens > left
                or chunk.id in taken
                or chunk.headings != found.headings
            ):
                sides.remove(side)
                continue
            run.append(chunk)
            left -= chunk.tokens
    return sorted(run, key=lambda chunk: chunk.start)


def _grown(reading: Reading, hit: Passage, run: list[Neighbour]) -> Passage:
    if len(run) < 2:
        return hit
    start, end, page = run[0].start, run[-1].end, run[0].page
    label = hit.page_label
    if page != hit.page:
        label = reading.page_labels([hit.document_id])[hit.document_id].get(page or 0, "")
    text = reading.text(hit.document_id)[start:end]
    return replace(hit, start=start, end=end, text=text, page=page, page_label=label, blocks=())
