"""The exact store: every vector compared. The oracle that other stores are measured against."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit_ingest.embed.protocol import Vectors
from ragkit_ingest.errors import DamagedStoreError, StorageError
from ragkit_ingest.failpoint import failpoint
from ragkit_ingest.store.array_file import read_array
from ragkit_ingest.store.protocol import Batch
from ragkit_ingest.store.seal import check_seal, write_seal

_IDS = "ids.npy"
_VECTORS = "vectors.npy"


def top(ids: NDArray[np.int64], similarities: Vectors, k: int) -> list[tuple[int, float]]:
    """Return the k best (id, similarity), most similar first, equal ones by id."""
    chosen = no_worse(similarities, k)
    ids, similarities = ids[chosen], similarities[chosen]
    order = np.lexsort((ids, -similarities))[:k]
    return [(int(ids[index]), float(similarities[index])) for index in order]


def no_worse(values: NDArray[Any], k: int) -> NDArray[np.int64] | slice:
    """Return where the k highest values are, with all that tie with the last of them."""
    if not 0 < k < len(values):
        return slice(None)
    least = np.partition(values, len(values) - k)[len(values) - k]
    return np.flatnonzero(values >= least)


class ExactStore:
    """Two NumPy files a folder: `ids.npy`, int64, and `vectors.npy`, float32; and their seal."""

    name = "exact"

    def build(
        self, folder: Path, batches: Iterable[Batch], *, dimension: int, count: int = 0
    ) -> int:
        """Write a new folder from all batches; return how many vectors it holds."""
        del count  # needed by stores that size something beforehand
        ids: list[int] = []
        parts: list[Vectors] = [np.zeros((0, dimension), np.float32)]
        for batch_ids, vectors in batches:
            ids += batch_ids
            parts.append(vectors)
        self._write(folder, np.asarray(ids, np.int64), np.concatenate(parts))
        return len(ids)

    def derive(
        self, base: Path, folder: Path, added: Iterable[Batch], removed: Sequence[int]
    ) -> int:
        """Write a new folder that is `base` with ids removed, then others added."""
        searcher = self.open(base)
        kept = ~np.isin(searcher.all_ids, np.asarray(list(removed), np.int64))
        batches = [(searcher.all_ids[kept].tolist(), searcher.all_vectors[kept]), *added]
        return self.build(folder, batches, dimension=searcher.all_vectors.shape[1])

    def open(self, folder: Path) -> ExactSearcher:
        """Open a built folder for reading."""
        check_seal(folder)
        try:
            ids = read_array(folder / _IDS)
            vectors = read_array(folder / _VECTORS)
        except (OSError, ValueError, EOFError) as exc:
            raise DamagedStoreError(f"the vectors in {folder} cannot be read ({exc})") from exc
        if len(ids) != len(vectors) or vectors.ndim != 2:
            raise DamagedStoreError(
                f"the vectors in {folder} are incomplete: {len(ids)} ids, {len(vectors)} vectors"
            )
        return ExactSearcher(ids, vectors)

    def check(self, folder: Path) -> None:
        """Compare both files with the seal, which is all there is."""
        check_seal(folder)

    def _write(self, folder: Path, ids: NDArray[np.int64], vectors: Vectors) -> None:
        try:
            folder.mkdir(parents=True)
            _save(folder / _IDS, ids)
            _save(folder / _VECTORS, vectors)
            failpoint("build.written")
            write_seal(folder, [folder / _IDS, folder / _VECTORS])
        except OSError as exc:
            raise StorageError(f"the vectors could not be written to {folder} ({exc})") from exc


def _save(path: Path, array: NDArray[Any]) -> None:
    with path.open("xb") as file:
        np.save(file, array)
        file.flush()
        os.fsync(file.fileno())


class ExactSearcher:
    """Vectors in memory.

    Attributes:
        all_ids: Shape (n,).
        all_vectors: Shape (n, dimension), rows in the order of `all_ids`.
    """

    def __init__(self, ids: NDArray[np.int64], vectors: Vectors) -> None:
        self.all_ids = ids
        self.all_vectors = vectors

    def query(self, vector: Vectors, k: int) -> list[tuple[int, float]]:
        """Return at most k (chunk id, cosine similarity), most similar first."""
        return top(self.all_ids, self.all_vectors @ vector, k)

    def ids(self) -> set[int]:
        """Return every chunk id in the folder."""
        return set(self.all_ids.tolist())

    def vectors(self, ids: Sequence[int]) -> Vectors:
        """Return the stored vectors of the ids, in that order."""
        rows = {int(id_): row for row, id_ in enumerate(self.all_ids)}
        missing = next((id_ for id_ in ids if id_ not in rows), None)
        if missing is not None:
            raise DamagedStoreError(f"the vectors lack chunk {missing}")
        found: Vectors = self.all_vectors[np.asarray([rows[id_] for id_ in ids], np.int64)]
        return found

    def close(self) -> None:
        """Release the memory."""
        self.all_ids = self.all_ids[:0]
        self.all_vectors = self.all_vectors[:0]
