"""Hard negatives: passages that the present embedder takes for an answer, and that are none.

A passage nearly as near as the right one may be right too; such ones are left out.

Source: de Souza P. Moreira et al., "NV-Retriever", 2024: at most 95 % of the positive's score.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ragkit.tune.embedder.pair import Pair
from ragkit_ingest.index import Index

MARGIN = 0.95
_LOOKED_AT = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Triplet:
    """A question, a passage that answers it, and one that seems to."""

    question: str
    positive: str
    negative: str


def triplets(
    index: Index,
    pairs: Sequence[Pair],
    *,
    margin: float = MARGIN,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[Triplet]:
    """Return each pair with the nearest passage that is surely less near than the right one.

    Args:
        index: Open, with the embedder that is to be tuned or the one that answers.
        pairs: Of its live chunks.
        margin: Most similarity of a negative, as a share of the positive's, above 0 to 1.
        seed: Of the choice where no near passage is left.
        progress: Called after each pair.
    """
    chance = random.Random(seed)  # noqa: S311
    with index.reader() as reading:
        live = reading.live_ids()
    found = []
    for done, pair in enumerate(pairs, start=1):
        negative = _negative(index, pair, margin)
        if negative is None:
            negative = chance.choice([id_ for id_ in live if id_ != pair.chunk_id] or live)
        text = _text(index, negative)
        if text and text != pair.passage:
            found.append(Triplet(question=pair.question, positive=pair.passage, negative=text))
        if progress is not None:
            progress(done, len(pairs))
    return found


def _negative(index: Index, pair: Pair, margin: float) -> int | None:
    vector = index.embedder.embed_query(pair.question)
    right = float((index.vectors([pair.chunk_id]) @ vector)[0])
    for id_, similarity in index.dense(vector, _LOOKED_AT):
        if id_ != pair.chunk_id and similarity <= margin * right:
            return id_
    return None


def _text(index: Index, chunk_id: int) -> str:
    from ragkit_ingest.catalog.space import Spaces

    with index.reader():
        return next((text for _, text in Spaces(index.connection).embedded_texts([chunk_id])), "")
