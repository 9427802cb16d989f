"""Compares questions with the sentences of chunks, whose vectors it keeps in memory.

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


class Sentences:
    """The sentences of some chunks, to be compared with questions.

    Args:
        held: The unit vectors of each chunk's, shape (sentences, dimension); a chunk may have none.
    """

    def __init__(self, held: Sequence[Vectors]) -> None:
        lengths = np.asarray([len(vectors) for vectors in held], np.int64)
        self._some = lengths > 0
        self._starts = (np.cumsum(lengths) - lengths)[self._some]
        self._vectors = np.concatenate(held) if self._some.any() else None

    def __bool__(self) -> bool:
        """Return whether any of the chunks has a sentence."""
        return self._vectors is not None

    def nearest(self, vector: Vectors) -> NDArray[np.float32]:
        """Return the highest cosine of each chunk's sentences, in order; `NONE` if it has none.

        Args:
            vector: A unit vector, shape (dimension,).
        """
        found = np.full(len(self._some), NONE, np.float32)
        if self._vectors is not None:
            found[self._some] = np.maximum.reduceat(self._vectors @ vector, self._starts)
        return found


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

    def of(self, reading: Reading, generation: Generation, ids: Sequence[int]) -> Sentences:
        """Return the sentences of chunks.

        Args:
            reading: Of the catalog.
            generation: The live one.
            ids: Of live chunks.

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
        return Sentences([self._kept[id_] for id_ in ids])
