"""The published shards of a generation, open for searching.

Each shard is opened when a search first needs it. One that is damaged is replaced by the catalog's
own vectors, which takes longer and finds the same; what is scanned is used only if all of it is
sound, as the words' frequencies are those of all shards together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np

from ragkit_ingest.embed.protocol import Vectors
from ragkit_ingest.errors import DamagedStoreError
from ragkit_ingest.shard import Ids, Shard
from ragkit_ingest.store.postings import idf
from ragkit_ingest.store.protocol import VectorSearcher, VectorStore
from ragkit_ingest.store.scan import Scan, best, open_scan

_AT_ONCE = 2
_MORE, _LEAST = 3, 20  # times its share, and so many more, that a shard is first asked for
_Made = TypeVar("_Made")


def vectors_folder(shard: Path) -> Path:
    """Return where a shard's vectors lie, as its store built them."""
    return shard / "vectors"


def scan_folder(shard: Path) -> Path:
    """Return where a shard keeps what is scanned."""
    return shard / "scan"


class Published:
    """The vectors of all shards, searched as one.

    Args:
        searchers: One a shard.
    """

    def __init__(self, searchers: Sequence[VectorSearcher]) -> None:
        self._searchers = searchers
        self._pool = ThreadPoolExecutor(_AT_ONCE) if len(searchers) > 1 else None

    def query(self, vector: Vectors, k: int) -> list[tuple[int, float]]:
        """Return at most k (chunk id, cosine similarity), most similar first, equal ones by id.

        What one store would find: each shard is asked for a few more than its share, and once more
        for all k if what it gave does not reach down to the last of the k best.
        """
        shards = len(self._searchers)
        share = k if shards < 2 else min(k, _MORE * k // shards + _LEAST)
        found = self._each(self._searchers, vector, share)
        if share < k:
            best = _ordered(found)
            least = best[k - 1][1] if len(best) >= k else -np.inf
            short = [
                number
                for number, some in enumerate(found)
                if len(some) == share and some[-1][1] >= least
            ]
            again = self._each([self._searchers[number] for number in short], vector, k)
            for number, some in zip(short, again, strict=True):
                found[number] = some
        return _ordered(found)[:k]

    def _each(
        self, searchers: Sequence[VectorSearcher], vector: Vectors, k: int
    ) -> list[list[tuple[int, float]]]:
        """Return what each finds."""
        if self._pool is None or len(searchers) < 2:
            return [searcher.query(vector, k) for searcher in searchers]
        return list(self._pool.map(lambda one: one.query(vector, k), searchers))

    def query_among(
        self, vector: Vectors, k: int, among: Ids, fetch: int
    ) -> list[tuple[int, float]] | None:
        """Return the k most similar of some chunks; None if `fetch` was too little to know them.

        They are known if every shard was read down to a similarity below that of the last of them.

        Args:
            vector: A unit vector.
            k: How many.
            among: Chunk ids, ascending.
            fetch: How many to ask every shard for.
        """
        found = self._each(self._searchers, vector, fetch)
        hits = _ordered(found)
        ids = np.asarray([id_ for id_, _ in hits], np.int64)
        places = np.minimum(np.searchsorted(among, ids), len(among) - 1)
        chosen = [hits[row] for row in np.flatnonzero(among[places] == ids)[:k]]
        if len(chosen) < k:
            return None
        least = chosen[-1][1]
        known = all(len(some) < fetch or some[-1][1] <= least for some in found)
        return chosen if known else None

    def close(self) -> None:
        """Release files and memory; a second call does nothing."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
        for searcher in self._searchers:
            searcher.close()
        self._searchers = ()


def _ordered(found: Sequence[Sequence[tuple[int, float]]]) -> list[tuple[int, float]]:
    """Return all hits, most similar first, equal ones by id."""
    return sorted((hit for some in found for hit in some), key=lambda hit: (-hit[1], hit[0]))


def open_published(
    generations: Path,
    shards: Sequence[Shard],
    store: VectorStore,
    instead: Callable[[Shard], VectorSearcher],
) -> tuple[Published, str]:
    """Open the vectors of all shards.

    Args:
        generations: The folder of their folders.
        shards: By id.
        store: Built them.
        instead: Makes what searches a shard that is damaged.

    Returns:
        What searches them, and why the damaged ones are not used; empty if all are.
    """

    def opened(shard: Shard) -> VectorSearcher:
        folder = generations / shard.folder
        if not folder.is_dir():
            raise DamagedStoreError(f"the vectors in {folder} are missing")
        return store.open(vectors_folder(folder))

    searchers: list[VectorSearcher] = []
    damage = ""
    try:
        with _Opening(opened, shards) as opening:
            for shard in shards:
                try:
                    searchers.append(opening.of(shard))
                except DamagedStoreError as exc:
                    damage = damage or str(exc)
                    searchers.append(instead(shard))
    except BaseException:
        Published(searchers).close()
        raise
    return Published(searchers), damage


class _Opening(Generic[_Made]):
    """Opens several shards at once: most of the time goes into comparing them with their seals."""

    def __init__(self, opened: Callable[[Shard], _Made], shards: Sequence[Shard]) -> None:
        self._pool = ThreadPoolExecutor(_AT_ONCE if len(shards) > 1 else 1)
        self._waiting = {shard.folder: self._pool.submit(opened, shard) for shard in shards}

    def __enter__(self) -> _Opening[_Made]:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def of(self, shard: Shard) -> _Made:
        """Return what was opened, or raise why it was not."""
        return self._waiting[shard.folder].result()


class Scans:
    """What is scanned of all shards, as one.

    Args:
        scans: Of all shards, by id.
    """

    def __init__(self, scans: Sequence[Scan]) -> None:
        self._scans = scans
        self._total = sum(len(scan.ids) for scan in scans)
        words = sum(int(scan.postings.lengths.sum(dtype=np.int64)) for scan in scans)
        self._average = words / self._total if self._total else 0.0
        self._starts = np.asarray([scan.ids[0] for scan in scans], np.int64)

    def chunk_ids(self, documents: Sequence[int]) -> Ids:
        """Return the chunks of the documents, ascending."""
        wanted = np.asarray(documents, np.int64)
        chosen = [scan.ids[np.isin(scan.documents, wanted)] for scan in self._scans]
        return np.concatenate(chosen) if chosen else np.empty(0, np.int64)

    def nearest(self, vector: Vectors, k: int, among: Ids) -> list[tuple[int, float]]:
        """Return the k chunks of some that are most similar, exactly, equal ones by id."""
        rows = [(scan, scan.rows(among)) for scan in self._scans]
        return best(((scan.ids[some], scan.similarities(vector, some)) for scan, some in rows), k)

    def vectors(self, ids: Sequence[int]) -> Vectors:
        """Return the unit vectors of chunks, in order.

        Raises:
            DamagedStoreError: If one is not there.
        """
        wanted = np.asarray(ids, np.int64)
        found = np.empty((len(wanted), self._scans[0].vectors.shape[1]), np.float32)
        owners = np.maximum(np.searchsorted(self._starts, wanted, side="right") - 1, 0)
        for number in np.unique(owners):
            scan, mine = self._scans[number], np.flatnonzero(owners == number)
            rows = np.minimum(np.searchsorted(scan.ids, wanted[mine]), len(scan.ids) - 1)
            if not np.array_equal(scan.ids[rows], wanted[mine]):
                raise DamagedStoreError("the published vectors lack a chunk")
            found[mine] = scan.vectors[rows]
        return found

    def frequencies(self, words: Sequence[str]) -> dict[str, int]:
        """Return in how many chunks each word stands."""
        return {word: sum(scan.postings.frequency(word) for scan in self._scans) for word in words}

    def ranked(
        self, words: Sequence[str], k: int, weights: Sequence[float], among: Ids | None
    ) -> list[tuple[int, float]]:
        """Return the k best (chunk id, BM25 score), higher is better, equal ones by id.

        Args:
            words: Analysed, each once.
            k: How many; fewer are returned only if fewer hold a word.
            weights: Of the title, the headings and the text.
            among: Rank only these chunks; None for all.
        """
        weighted = [
            (word, idf(often, self._total))
            for word, often in self.frequencies(words).items()
            if often
        ]
        found = []
        for scan in self._scans:
            scores = scan.postings.scores(weighted, self._average, weights)
            rows = np.flatnonzero(scores) if among is None else scan.rows(among)
            if among is not None:
                rows = rows[scores[rows] > 0.0]
            found.append((scan.ids[rows], scores[rows]))
        return best(found, k)


def open_scans(generations: Path, shards: Sequence[Shard]) -> Scans | None:
    """Open what is scanned of all shards; None if there is nothing for one of them.

    Raises:
        DamagedStoreError: If one is not intact.
    """
    if not shards or not all(shard.scanned for shard in shards):
        return None

    def opened(shard: Shard) -> Scan:
        return open_scan(scan_folder(generations / shard.folder))

    with _Opening(opened, shards) as opening:
        return Scans([opening.of(shard) for shard in shards])
