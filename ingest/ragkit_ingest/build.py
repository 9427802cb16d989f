"""Makes the files of one shard out of the catalog, in this process or in processes of their own.

python -m ragkit_ingest.build    what `build_apart` starts; a job comes on its standard input
"""

from __future__ import annotations

import os
import pickle
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ragkit_ingest.catalog import schema
from ragkit_ingest.catalog.publish import analysed_words
from ragkit_ingest.catalog.reading import Reading
from ragkit_ingest.embed.protocol import Vectors
from ragkit_ingest.errors import RagkitError, StorageError
from ragkit_ingest.failpoint import failpoint
from ragkit_ingest.published import scan_folder, vectors_folder
from ragkit_ingest.shard import Ids, Part
from ragkit_ingest.store.postings import collected
from ragkit_ingest.store.protocol import VectorStore
from ragkit_ingest.store.scan import Scan, derived, open_scan, write_scan

_BATCH = 1000
_MOST_APART = 2  # a graph of 100,000 vectors takes 500 MB while it is built

Job = tuple[Path, Ids, bool]
"""The folder to make, the chunks of the shard, and whether it has what is scanned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What the files of a shard are made of.

    Attributes:
        connection: To the catalog.
        store: Builds the vectors' folder.
        space_id: The vector space.
        dimension: Length of a vector.
    """

    connection: sqlite3.Connection
    store: VectorStore
    space_id: int
    dimension: int

    def build(self, folder: Path, ids: Ids, *, scanned: bool) -> None:
        """Write a shard of exactly these chunks, ascending."""
        listed = ids.tolist()
        batches = self.vectors(listed)
        self.store.build(
            vectors_folder(folder), batches, dimension=self.dimension, count=len(listed)
        )
        if scanned:
            write_scan(scan_folder(folder), self._scan(listed))

    def derive(self, base: Path, folder: Path, part: Part, *, scanned: bool) -> None:
        """Write a shard from the base of the part.

        Raises:
            DamagedStoreError: If the base is not intact.
        """
        removed, added = part.removed.tolist(), part.added.tolist()
        folder.mkdir()
        self.store.derive(
            vectors_folder(base), vectors_folder(folder), self.vectors(added), removed
        )
        if not scanned:
            return
        if part.base is None or not part.base.scanned:
            write_scan(scan_folder(folder), self._scan(part.ids.tolist()))
            return
        held = open_scan(scan_folder(base))
        write_scan(scan_folder(folder), derived(held, removed, self._scan(added)))

    def vectors(self, ids: Sequence[int]) -> Iterator[tuple[list[int], Vectors]]:
        """Yield the chunks' vectors in batches, in the order of the ids."""
        reading = Reading(self.connection)
        for start in range(0, len(ids), _BATCH):
            batch = list(ids[start : start + _BATCH])
            yield batch, reading.vectors(self.space_id, batch, self.dimension)
            failpoint("build.batch")

    def lengths(self, ids: Sequence[int]) -> list[int]:
        """Return how many words the chunks have."""
        return [
            sum(map(len, analysed_words(*texts)))
            for _, _, *texts in Reading(self.connection).to_analyse(ids)
        ]

    def _scan(self, ids: Sequence[int]) -> Scan:
        vectors = np.empty((len(ids), self.dimension), np.float32)
        done = 0
        for batch, held in self.vectors(ids):
            vectors[done : done + len(batch)] = held
            done += len(batch)
        documents: list[int] = []

        def words() -> Iterator[tuple[list[str], list[str], list[str]]]:
            for _, document_id, *texts in Reading(self.connection).to_analyse(ids):
                documents.append(document_id)
                yield analysed_words(*texts)

        postings = collected(words())
        return Scan(
            ids=np.asarray(ids, np.int64),
            documents=np.asarray(documents, np.int64),
            vectors=vectors,
            postings=postings,
        )


def build_apart(recipe: Recipe, index: Path, jobs: Sequence[Job]) -> None:
    """Build shards in processes of their own, as many at once as there are processors, up to two.

    Args:
        recipe: The store goes to the processes; each opens the catalog itself.
        index: The index folder.
        jobs: What to build.

    Raises:
        RagkitError: What the first one that failed raised.
    """
    common = (index, recipe.store, recipe.space_id, recipe.dimension)
    at_once = min(_MOST_APART, os.cpu_count() or 1)
    with ThreadPoolExecutor(at_once) as pool:
        waiting = [pool.submit(_apart, (*common, *job)) for job in jobs]
        try:
            for one in waiting:
                one.result()
        except BaseException:
            for one in waiting:
                one.cancel()
            raise


def _apart(job: tuple[object, ...]) -> None:
    """Run one job in a process, which ends with this one."""
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)  # noqa: PTH109
    with subprocess.Popen(
        [sys.executable, "-m", "ragkit_ingest.build"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        pickle.dump(job, process.stdin)
        process.stdin.flush()
        told = process.stdout.read()
    if not told:
        raise StorageError(
            f"a process that built vectors ended with {process.returncode}; free memory or disk "
            "space, then run the same command again: nothing embedded is lost"
        )
    error: RagkitError | None = pickle.loads(told)  # noqa: S301 - from our own process
    if error is not None:
        raise error


def _work() -> None:
    """Do the job on the standard input; tell on the standard output how it ended."""
    job = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own process
    threading.Thread(target=_end_with_parent, daemon=True).start()
    index, store, space_id, dimension, folder, ids, scanned = job
    error: RagkitError | None = None
    try:
        with schema.translated(index), closing(schema.open_existing(index)) as connection:
            recipe = Recipe(
                connection=connection, store=store, space_id=space_id, dimension=dimension
            )
            recipe.build(folder, ids, scanned=scanned)
    except RagkitError as exc:
        error = exc
    sys.stdout.buffer.write(pickle.dumps(error))


def _end_with_parent() -> None:
    """End this process as soon as the one that started it is gone, whatever ended that."""
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    _work()
