"""What of a shard is scanned rather than searched through a graph: vectors as they lie, postings.

Memory-mapped, so that nothing is loaded that no search touches. Serves large indexes: the words of
a question, the exact search among the chunks that a filter leaves, and the second look at the
candidates. All of it can be made again from the catalog.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit_ingest.embed.protocol import Vectors
from ragkit_ingest.errors import DamagedStoreError, StorageError
from ragkit_ingest.failpoint import failpoint
from ragkit_ingest.store.array_file import read_array
from ragkit_ingest.store.exact import no_worse, top
from ragkit_ingest.store.postings import Postings, merged
from ragkit_ingest.store.seal import check_seal, write_seal

Ids = NDArray[np.int64]

_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scan:
    """The chunks of a shard, numbered by rows in the order of their ids.

    Attributes:
        ids: Chunk ids, ascending, shape (chunks,).
        documents: The document of each, shape (chunks,).
        vectors: Unit vectors, float32, shape (chunks, dimension).
        postings: Their words.
    """

    ids: Ids
    documents: Ids
    vectors: Vectors
    postings: Postings

    def rows(self, ids: Ids) -> Ids:
        """Return the rows of those of the ids, ascending, that are in this shard."""
        low, high = (
            np.searchsorted(ids, [self.ids[0], self.ids[-1] + 1]) if len(self.ids) else (0, 0)
        )
        some = ids[low:high]
        if len(some) == len(self.ids):  # ids come once, so these are all
            return np.arange(len(some))
        places = np.searchsorted(self.ids, some)
        found: Ids = places[self.ids[places] == some]
        return found

    def similarities(self, vector: Vectors, rows: Ids) -> Vectors:
        """Return the cosine similarities of rows, ascending, to a unit vector, in their order."""
        if len(rows) == len(self.ids):
            whole: Vectors = self.vectors @ vector
            return whole
        found = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            found[some] = self.vectors[rows[some]] @ vector
        return found


def write_scan(folder: Path, scan: Scan) -> None:
    """Write a new folder, down to the disk, and seal it.

    Raises:
        StorageError: If it could not be written in full.
    """
    try:
        folder.mkdir(parents=True)
        arrays = _arrays(scan)
        for name, values in arrays.items():
            with (folder / name).open("xb") as file:
                np.save(file, np.ascontiguousarray(values))
                file.flush()
                os.fsync(file.fileno())
        failpoint("scan.written")
        write_seal(folder, [folder / name for name in arrays])
    except OSError as exc:
        raise StorageError(f"the words could not be written to {folder} ({exc})") from exc


def open_scan(folder: Path) -> Scan:
    """Open a folder for reading.

    Raises:
        DamagedStoreError: If it is not intact.
    """
    check_seal(folder)
    try:
        held = {name: read_array(folder / f"{name}.npy", mapped=True) for name in _NAMES}
    except (OSError, ValueError, EOFError) as exc:
        raise DamagedStoreError(f"the words in {folder} cannot be read ({exc})") from exc
    return Scan(
        ids=np.asarray(held.pop("ids")),
        documents=held.pop("documents"),
        vectors=held.pop("vectors"),
        postings=Postings(**held),
    )


def derived(base: Scan, removed: Sequence[int], added: Scan) -> Scan:
    """Return what is in one without some ids, and in another whose ids are all larger."""
    kept = ~np.isin(base.ids, np.asarray(removed, np.int64))
    return Scan(
        ids=np.concatenate([base.ids[kept], added.ids]),
        documents=np.concatenate([base.documents[kept], added.documents]),
        vectors=np.concatenate([base.vectors[kept], added.vectors]),
        postings=merged(base.postings, kept, added.postings),
    )


_POSTINGS = tuple(field.name for field in fields(Postings))
_NAMES = ("ids", "documents", "vectors", *_POSTINGS)


def _arrays(scan: Scan) -> dict[str, NDArray[Any]]:
    """Return what is written, by the name of its file."""
    held = {name: getattr(scan.postings, name) for name in _POSTINGS}
    held |= {"ids": scan.ids, "documents": scan.documents, "vectors": scan.vectors}
    return {f"{name}.npy": held[name] for name in _NAMES}


def best(found: Iterable[tuple[Ids, NDArray[Any]]], k: int) -> list[tuple[int, float]]:
    """Return the k best (id, score), highest first, equal ones by id.

    Args:
        found: Ids and scores of parts; no id twice.
        k: How many.
    """
    ids: list[Ids] = []
    scores: list[NDArray[Any]] = []
    for some, values in found:
        chosen = no_worse(values, k)
        ids.append(some[chosen])
        scores.append(values[chosen])
    if not ids:
        return []
    return top(np.concatenate(ids), np.concatenate(scores), k)
