"""Keeps near-duplicates from crowding everything else out of the first passages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from ragkit_ingest.embed.protocol import Vectors

Ranking = Sequence[tuple[int, float]]
"""(id, score), best first."""


def capped(order: Ranking, owners: Mapping[int, int], *, most: int) -> list[tuple[int, float]]:
    """Return the ranking with at most so many ids of one owner before all the others.

    Nothing is lost: what exceeds the cap comes last, in its order.

    Args:
        order: Best first.
        owners: The owner (document) of every id.
        most: How many of one owner, 1 or more.
    """
    held: Counter[int] = Counter()
    first: list[tuple[int, float]] = []
    rest: list[tuple[int, float]] = []
    for entry in order:
        owner = owners[entry[0]]
        held[owner] += 1
        (first if held[owner] <= most else rest).append(entry)
    return first + rest


def varied(
    order: Ranking, vectors: Mapping[int, Vectors], *, count: int, diversity: float
) -> list[tuple[int, float]]:
    """Return the ranking with its first ids chosen one by one: relevant, yet unlike each other.

    Args:
        order: Best first; scores in [0, 1].
        vectors: The unit vector of every id.
        count: How many are chosen; the others follow in their order.
        diversity: Weight of the difference in [0, 1]: 0 keeps the order, 1 looks at nothing else.

    Source:
        Carbonell and Goldstein, "The Use of MMR", SIGIR 1998: maximal marginal relevance, with
        lambda = 1 - diversity.
    """
    if diversity == 0.0 or len(order) < 2:
        return list(order)
    scores = np.asarray([score for _, score in order])
    matrix = np.stack([vectors[id_] for id_, _ in order])
    nearest = np.full(len(order), -1.0)
    left = np.ones(len(order), bool)
    chosen: list[int] = []
    while len(chosen) < min(count, len(order)):
        alike = np.maximum(nearest, 0.0) if chosen else np.zeros(len(order))
        gains = np.where(left, (1.0 - diversity) * scores - diversity * alike, -np.inf)
        best = int(np.argmax(gains))
        chosen.append(best)
        left[best] = False
        nearest = np.maximum(nearest, matrix @ matrix[best])
    return [order[row] for row in chosen] + [
        entry for entry, kept in zip(order, left.tolist(), strict=True) if kept
    ]
