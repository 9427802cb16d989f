"""Builds the published shards from the catalog, compares them with it, and sweeps old ones away.

    generations/NAME/vectors    what the vector store built
    generations/NAME/scan       of large indexes: vectors and words to be scanned; see `store.scan`

What a sync publishes, what `verify` replaces and what `purge` writes anew all come from here.
"""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from ragkit_ingest.build import Recipe, build_apart
from ragkit_ingest.disk import flush
from ragkit_ingest.embed.protocol import Embedder, Releasable, Vectors
from ragkit_ingest.errors import DamagedStoreError, StorageError
from ragkit_ingest.failpoint import failpoint
from ragkit_ingest.memory import give_back
from ragkit_ingest.published import scan_folder, vectors_folder
from ragkit_ingest.shard import SMALL_INDEX, Ids, Part, Shard, built, parts, shares
from ragkit_ingest.store.protocol import VectorStore
from ragkit_ingest.store.scan import open_scan

SHARD_CHUNKS = 100_000
"""Most chunks of a shard: each costs a query 2 ms, and a change beneath it a second for 30,000."""
SCANNED_FROM = SMALL_INDEX
"""With more chunks, words are ranked and filters resolved without SQLite."""
_SAMPLE = 64
_RELEASED_AT = 5_000  # building so many takes longer than loading a model again
_APART_AT = 20_000  # chunks of a shard that is worth a process of its own


class Place(Protocol):
    """As much of an open `Index` as is needed to build its folders, which see."""

    @property
    def folder(self) -> Path:
        """The index folder."""
        ...

    @property
    def generations(self) -> Path:
        """The folder that holds the folders of vectors."""
        ...

    @property
    def embedder(self) -> Embedder:
        """Made the vectors."""
        ...

    @property
    def store(self) -> VectorStore:
        """Builds and opens the folders."""
        ...


class GenerationFolders:
    """The folders of the shards of one index, as its writer sees them.

    Args:
        index: Whose store builds them.
        connection: The writer's, to the catalog.
        space_id: The vector space.
    """

    def __init__(self, index: Place, connection: sqlite3.Connection, space_id: int) -> None:
        self._index = index
        self._recipe = Recipe(
            connection=connection,
            store=index.store,
            space_id=space_id,
            dimension=index.embedder.fingerprint.dimension,
        )

    def renewed(
        self,
        shards: Sequence[Shard],
        ids: Sequence[int],
        added: Sequence[int],
        removed: Sequence[int],
    ) -> tuple[Shard, ...]:
        """Return the shards after a change; what changed is built beside the old, and compared.

        Nothing is left of it if that fails.

        Args:
            shards: The published ones; none to build everything anew.
            ids: All chunks after the change, ascending.
            added: Those that are new, ascending.
            removed: Those that go, ascending.

        Raises:
            StorageError: If a folder cannot be written.
            DamagedIndexError: If a vector of the catalog is damaged.
        """
        every = np.asarray(ids, np.int64)
        scanned = len(every) > SCANNED_FROM
        planned = parts(
            shards,
            every,
            np.asarray(added, np.int64),
            np.asarray(removed, np.int64),
            most=SHARD_CHUNKS,
        )
        if scanned:  # a shard of a time when the index was small
            planned = [p if p.base is None or p.base.scanned else built(p.ids) for p in planned]
        return self._made(planned, scanned=scanned)

    def mended(
        self, shards: Sequence[Shard], ids: Sequence[int], *, every: bool = False
    ) -> tuple[tuple[Shard, ...], list[str]]:
        """Compare all shards with the catalog, and build those anew that differ.

        Args:
            shards: The published ones.
            ids: All live chunks, ascending.
            every: Compare every vector and every word, not only a sample.

        Returns:
            The shards to publish, which are the same objects if all is well; and why each of the
            others was not, a sentence each.
        """
        whys: list[str] = []
        planned: list[Part] = []
        live = np.asarray(ids, np.int64)
        scanned = len(live) > SCANNED_FROM
        for shard, here in shares(shards, live):
            why = self._damage(shard, here, every=every)
            if not why and scanned and not shard.scanned:
                why = f"the words of {shard.folder} are missing"
            whys += [why] if why else []
            if not why:
                planned.append(Part(ids=here, base=shard, added=here[:0], removed=here[:0]))
            elif len(here):
                planned.append(built(here))
        if not shards and len(live):
            whys.append(f"the vectors in {self._index.generations} are missing")
            return self.renewed([], ids, ids, []), whys
        return (self._made(planned, scanned=scanned), whys) if whys else (tuple(shards), [])

    def _made(self, planned: Sequence[Part], *, scanned: bool) -> tuple[Shard, ...]:
        anew = [part for part in planned if not part.kept]
        if sum(len(part.added) for part in anew) >= _RELEASED_AT:
            self._release()
        self._index.generations.mkdir(exist_ok=True)
        folders = {id(part): self._unused() for part in anew}
        large = [part for part in anew if part.base is None and len(part.ids) >= _APART_AT]
        try:
            if len(large) > 1:
                build_apart(
                    self._recipe,
                    self._index.folder,
                    [(folders[id(part)], part.ids, scanned) for part in large],
                )
            done = {id(part) for part in large} if len(large) > 1 else set()
            for part in anew:
                if id(part) in done:
                    self.compare(folders[id(part)], part.ids, scanned=scanned)
                else:
                    self._make(part, folders[id(part)], scanned=scanned)
            if anew:
                flush(self._index.generations)
        except BaseException:
            for folder in folders.values():
                shutil.rmtree(folder, ignore_errors=True)
            raise
        return tuple(
            part.base
            if part.base is not None and part.kept
            else Shard(
                folder=folders[id(part)].name,
                first=int(part.ids[0]),
                last=int(part.ids[-1]),
                chunks=len(part.ids),
                scanned=scanned,
            )
            for part in planned
        )

    def _make(self, part: Part, folder: Path, *, scanned: bool) -> None:
        """Write a folder of exactly the part's chunks, from its base if that is intact."""
        failpoint("build.before")
        if part.base is not None:
            base = self._index.generations / part.base.folder
            try:
                self._recipe.derive(base, folder, part, scanned=scanned)
                failpoint("build.after")
                self.compare(folder, part.ids, scanned=scanned)
            except (DamagedStoreError, StorageError):
                # Whatever is wrong with the old folder, the catalog can build a new one.
                shutil.rmtree(folder, ignore_errors=True)
            else:
                return
        self._recipe.build(folder, part.ids, scanned=scanned)
        failpoint("build.after")
        self.compare(folder, part.ids, scanned=scanned)

    def _release(self) -> None:
        """Let the embedder's model leave, so that it and a graph need not fit together."""
        embedder = self._index.embedder
        if isinstance(embedder, Releasable):
            embedder.release()
            give_back()

    def _unused(self) -> Path:
        """Return where the next folder goes.

        Never a name used before: Chroma keeps what it once opened by the folder's path.
        """
        return self._index.generations / secrets.token_hex(8)

    def _damage(self, shard: Shard, ids: Ids, *, every: bool) -> str:
        """Return why a shard is not what it should be; empty if it is."""
        folder = self._index.generations / shard.folder
        if not len(ids):
            return f"the vectors in {folder} are of no chunk"
        try:
            self.compare(folder, ids, scanned=shard.scanned, every=every)
        except DamagedStoreError as exc:
            return str(exc)
        except OSError as exc:
            return f"the vectors in {folder} cannot be read ({exc.strerror})"
        return ""

    def compare(
        self, folder: Path, ids: Sequence[int] | Ids, *, scanned: bool, every: bool = False
    ) -> None:
        """Read a folder back, before anybody relies on it.

        Args:
            folder: What to read.
            ids: The chunks that it must hold, ascending.
            scanned: Whether it must have what is scanned.
            every: Compare every vector and every word, not only a sample.

        Raises:
            DamagedStoreError: If it does not hold exactly these chunks.
        """
        store, vectors = self._index.store, vectors_folder(folder)
        if not folder.is_dir():
            raise DamagedStoreError(f"the vectors in {folder} are missing")
        if every:
            store.check(vectors)
        listed = [int(id_) for id_ in ids]
        sample = listed if every else listed[:: max(1, len(listed) // _SAMPLE)]
        searcher = store.open(vectors)
        try:
            found, wanted = searcher.ids(), set(listed)
            if found != wanted:
                raise DamagedStoreError(
                    f"the vectors in {folder} are not those of the catalog: "
                    f"{len(wanted - found)} missing, {len(found - wanted)} too many"
                )
            for some, held in self._recipe.vectors(sample):
                if not np.allclose(searcher.vectors(some), held, atol=1e-6):
                    raise DamagedStoreError(f"the vectors in {folder} differ from the catalog's")
        finally:
            searcher.close()
        if scanned:
            self._compare_scan(folder, listed, sample)
        failpoint("check.after")

    def _compare_scan(self, folder: Path, ids: Sequence[int], sample: Sequence[int]) -> None:
        """Compare what is scanned with the catalog; the words of a sample of chunks only."""
        scan = open_scan(scan_folder(folder))
        if not np.array_equal(scan.ids, np.asarray(ids, np.int64)):
            raise DamagedStoreError(f"the words in {folder} are not those of the catalog's chunks")
        for some, held in self._recipe.vectors(sample):
            rows = scan.rows(np.asarray(some, np.int64))
            if len(rows) != len(some) or not np.array_equal(scan.vectors[rows], held):
                raise DamagedStoreError(f"the vectors in {folder} differ from the catalog's")
        rows = scan.rows(np.asarray(sample, np.int64))
        if not np.array_equal(scan.postings.lengths[rows], self._recipe.lengths(sample)):
            raise DamagedStoreError(f"the words in {folder} differ from the catalog's")

    def vectors(self, ids: Sequence[int]) -> Iterator[tuple[list[int], Vectors]]:
        """Yield the chunks' vectors in batches, in the order of the ids."""
        return self._recipe.vectors(ids)

    def sweep(self, keep: set[str]) -> None:
        """Delete every folder of a shard but these."""
        failpoint("sweep.before")
        if self._index.generations.is_dir():
            for folder in self._index.generations.iterdir():
                if folder.name not in keep:
                    shutil.rmtree(folder, ignore_errors=True)
                    failpoint("sweep.each")
        failpoint("sweep.after")
