"""Keeps vectors of the catalog that were read and checked once, for as long as they are published.

A hybrid search compares some hundred candidates a second time, a filtered one every chunk of the
documents chosen; reading and checking a vector takes longer than comparing it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ragkit_ingest.catalog.reading import Generation, Reading
from ragkit_ingest.embed.protocol import Vectors


class VectorCache:
    """Vectors in memory, by chunk id.

    Args:
        most_bytes: Most memory that the vectors take. If what is asked for exceeds it, it is read
            and not kept; if it is full, it starts anew.
    """

    def __init__(self, most_bytes: int = 32 << 20) -> None:
        self._most_bytes = most_bytes
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._generation: Generation | None = None
        self._rows: dict[int, int] = {}
        self._kept: Vectors = np.empty((0, 0), np.float32)

    def __len__(self) -> int:
        """Return how many vectors are kept."""
        return len(self._rows)

    def vectors(self, reading: Reading, generation: Generation, ids: Sequence[int]) -> Vectors:
        """Return the vectors of live chunks, shape (len(ids), dimension), in order.

        Raises:
            DamagedIndexError: If one is missing, or not as it was written when it was read first.
        """
        dimension = generation.fingerprint.dimension
        most = self._most_bytes // (4 * dimension)
        if len(ids) > most:
            return reading.vectors(generation.space_id, ids, dimension)
        if generation != self._generation:
            self.clear()
            self._generation, self._kept = generation, np.empty((0, dimension), np.float32)
        missing = [id_ for id_ in dict.fromkeys(ids) if id_ not in self._rows]
        if len(self._rows) + len(missing) > most:
            self._rows = {}
            missing = list(dict.fromkeys(ids))
        if missing:
            self._keep(missing, reading.vectors(generation.space_id, missing, dimension), most)
        found: Vectors = self._kept[[self._rows[id_] for id_ in ids]]
        return found

    def _keep(self, ids: Sequence[int], vectors: Vectors, most: int) -> None:
        used, needed = len(self._rows), len(self._rows) + len(ids)
        if needed > len(self._kept):
            grown = np.empty((min(most, max(needed, 2 * used)), vectors.shape[1]), np.float32)
            grown[:used] = self._kept[:used]
            self._kept = grown
        self._kept[used:needed] = vectors
        self._rows.update(zip(ids, range(used, needed), strict=True))
