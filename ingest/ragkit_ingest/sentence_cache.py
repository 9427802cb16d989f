"""Compares a question with the sentences of chunks, whose vectors it keeps in memory.

Kept for as long as they are published: reading and checking them takes longer than comparing them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ragkit_ingest.catalog.reading import Generation, Reading
from ragkit_ingest.embed.protocol import Vectors

NONE = -1.0
"""The similarity of a chunk that has no sentences: no cosine is less."""


class SentenceCache:
    """Vectors of sentences in memory, by the id of their chunk.

    Args:
        most_bytes: Once the vectors take more memory than that, the next search starts anew.
    """

    def __init__(self, most_bytes: int = 32 << 20) -> None:
        self._most_bytes = most_bytes
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._generation: Generation | None = None
        self._kept: dict[int, Vectors] = {}
        self._bytes = 0

    def __len__(self) -> int:
        """Return of how many chunks the sentences are kept."""
        return len(self._kept)

    def nearest(
        self, reading: Reading, generation: Generation, vector: Vectors, ids: Sequence[int]
    ) -> NDArray[np.float32]:
        """Return the highest cosine of each chunk's sentences, shape (len(ids),), in order.

        Args:
            reading: Of the catalog.
            generation: The live one.
            vector: A unit vector, shape (dimension,).
            ids: Of live chunks; one without sentences gets `NONE`.

        Raises:
            DamagedIndexError: If a vector is not as it was written when it was read first.
        """
        if generation != self._generation or self._bytes > self._most_bytes:
            self.clear()
            self._generation = generation
        if missing := [id_ for id_ in dict.fromkeys(ids) if id_ not in self._kept]:
            dimension = generation.fingerprint.dimension
            read = reading.sentences(generation.space_id, missing, dimension)
            none = np.empty((0, dimension), np.float32)
            self._kept |= {id_: read.get(id_, none) for id_ in missing}
            self._bytes += sum(vectors.nbytes for vectors in read.values())
        held = [self._kept[id_] for id_ in ids]
        lengths = np.asarray([len(vectors) for vectors in held])
        found = np.full(len(ids), NONE, np.float32)
        some = lengths > 0
        if some.any():
            cosines = np.concatenate(held) @ vector
            starts = np.cumsum(lengths) - lengths
            found[some] = np.maximum.reduceat(cosines, starts[some])
        return found
