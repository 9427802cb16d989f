"""Builds a folder of vectors from the catalog, compares one with it, and sweeps old ones away.

What a sync publishes, what `verify` replaces and what `purge` writes anew all come from here.
"""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ragkit_ingest.catalog.reading import Reading
from ragkit_ingest.embed.protocol import Releasable, Vectors
from ragkit_ingest.errors import DamagedStoreError
from ragkit_ingest.failpoint import failpoint
from ragkit_ingest.index import Index
from ragkit_ingest.memory import give_back

_BATCH = 1000
_SAMPLE = 64
_RELEASED_AT = 5_000  # building so many takes longer than loading a model again


class GenerationFolders:
    """The folders of vectors of one index, as its writer sees them.

    Args:
        index: Whose store builds them.
        connection: The writer's, to the catalog.
        space_id: The vector space.
    """

    def __init__(self, index: Index, connection: sqlite3.Connection, space_id: int) -> None:
        self._index = index
        self._db = connection
        self._reading = Reading(connection)
        self._space = space_id

    def unused(self) -> Path:
        """Return where the next folder goes.

        Never a name used before: Chroma keeps what it once opened by the folder's path.
        """
        self._index.generations.mkdir(exist_ok=True)
        return self._index.generations / secrets.token_hex(8)

    def build(self, folder: Path, ids: Sequence[int]) -> None:
        """Write a folder of exactly these chunks, and compare it; leave nothing if that fails.

        Raises:
            StorageError: If it cannot be written.
            DamagedIndexError: If a vector of the catalog is damaged.
        """
        failpoint("build.before")
        embedder = self._index.embedder
        if len(ids) >= _RELEASED_AT and isinstance(embedder, Releasable):
            embedder.release()  # so that model and graph need not fit into memory together
            give_back()
        dimension = embedder.fingerprint.dimension
        try:
            self._index.store.build(folder, self.vectors(ids), dimension=dimension, count=len(ids))
            failpoint("build.after")
            self.compare(folder, ids)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def compare(self, folder: Path, ids: Sequence[int], *, every: bool = False) -> None:
        """Read a folder back, before anybody relies on it.

        Args:
            folder: What to read.
            ids: The chunks that it must hold.
            every: Compare every vector, not only a sample.

        Raises:
            DamagedStoreError: If it does not hold exactly these chunks.
        """
        if every:
            self._index.store.check(folder)
        searcher = self._index.store.open(folder)
        try:
            found, wanted = searcher.ids(), set(ids)
            if found != wanted:
                raise DamagedStoreError(
                    f"the vectors in {folder} are not those of the catalog: "
                    f"{len(wanted - found)} missing, {len(found - wanted)} too many"
                )
            sample = ids if every else ids[:: max(1, len(ids) // _SAMPLE)]
            for some, vectors in self.vectors(sample):
                if not np.allclose(searcher.vectors(some), vectors, atol=1e-6):
                    raise DamagedStoreError(f"the vectors in {folder} differ from the catalog's")
        finally:
            searcher.close()
        failpoint("check.after")

    def vectors(self, ids: Sequence[int]) -> Iterator[tuple[list[int], Vectors]]:
        """Yield the chunks' vectors in batches, in the order of the ids."""
        dimension = self._index.embedder.fingerprint.dimension
        for start in range(0, len(ids), _BATCH):
            batch = list(ids[start : start + _BATCH])
            yield batch, self._reading.vectors(self._space, batch, dimension)
            failpoint("build.batch")

    def sweep(self, keep: set[str]) -> None:
        """Delete every folder of vectors but these."""
        failpoint("sweep.before")
        if self._index.generations.is_dir():
            for folder in self._index.generations.iterdir():
                if folder.name not in keep:
                    shutil.rmtree(folder, ignore_errors=True)
                    failpoint("sweep.each")
        failpoint("sweep.after")
