"""What a vector store is: a folder built once from ids and vectors, then only read.

The catalog holds the truth; a store can always be built again from it. So a store needs no
transactions of its own: it is built in a folder that no reader knows yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from ragkit_ingest.embed.protocol import Vectors

Batch = tuple[Sequence[int], Vectors]
"""Chunk ids and their vectors, shape (len(ids), dimension)."""


class VectorSearcher(Protocol):
    """A built folder, open for reading."""

    def query(self, vector: Vectors, k: int) -> list[tuple[int, float]]:
        """Return at most k (chunk id, cosine similarity), most similar first.

        Equal similarities are ordered by id. Fewer than k only if fewer exist.
        """
        ...

    def ids(self) -> set[int]:
        """Return every chunk id in the folder."""
        ...

    def vectors(self, ids: Sequence[int]) -> Vectors:
        """Return the stored vectors of the ids, in that order.

        Raises:
            DamagedStoreError: If one is not there.
        """
        ...

    def close(self) -> None:
        """Release files and memory; a second call does nothing."""
        ...


class VectorStore(Protocol):
    """Builds and opens folders of vectors.

    Attributes:
        name: Stored with each generation, so that a reader knows what to open it with.
    """

    name: str

    def build(
        self, folder: Path, batches: Iterable[Batch], *, dimension: int, count: int = 0
    ) -> int:
        """Write a new folder from all batches; return how many vectors it holds.

        Args:
            folder: Must not exist yet.
            batches: Each id once.
            dimension: Length of a vector.
            count: How many vectors the batches hold together, 0 if that is not known.

        Raises:
            StorageError: If the folder could not be written in full.
        """
        ...

    def derive(
        self, base: Path, folder: Path, added: Iterable[Batch], removed: Sequence[int]
    ) -> int:
        """Write a new folder that is `base` with ids removed, then others added.

        `base` is not changed. Returns how many vectors the new folder holds.

        Raises:
            StorageError: If the folder could not be written in full.
            DamagedStoreError: If `base` cannot be read.
        """
        ...

    def open(self, folder: Path) -> VectorSearcher:
        """Open a built folder for reading.

        Raises:
            DamagedStoreError: If it is not intact.
        """
        ...

    def check(self, folder: Path) -> None:
        """Look for damage that opening the folder would not notice.

        Raises:
            DamagedStoreError: If there is any.
        """
        ...
