"""A place where indexes are made, broken, and compared with fresh ones."""

from __future__ import annotations

import os
import resource
import shutil
import signal
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import ragkit_ingest.build
import ragkit_ingest.generation
import ragkit_ingest.sync
from ragkit_ingest import lexical
from ragkit_ingest.catalog.rows import text_key
from ragkit_ingest.embed.protocol import Embedder, Vectors
from ragkit_ingest.errors import RagkitError, UsageError
from ragkit_ingest.failpoint import killer, watched
from ragkit_ingest.index import Index
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.purge import purge
from ragkit_ingest.records import Document
from ragkit_ingest.split import SplitSettings, split
from ragkit_ingest.store.chroma import ChromaStore
from ragkit_ingest.store.exact import ExactStore
from ragkit_ingest.store.protocol import VectorStore
from ragkit_ingest.sync import SyncSettings, sync
from ragkit_ingest.verify import VerifyReport, verify
from tests.support.counting import CountingParsers
from tests.support.hashing import HashingEmbedder
from tests.torture.child import Ended, run, value_of
from tests.torture.edition import EDITIONS, write
from tests.torture.state import State, observe
from tests.torture.tally import Line

Spread = frozenset[tuple[str, tuple[int, int], str]]
"""(path, span, text) of all chunks that a search finds."""

STORES: dict[str, Callable[[], VectorStore]] = {"exact": ExactStore, "chroma": ChromaStore}
_CLOCK = {name: 1000 * number for number, name in enumerate(EDITIONS)}


class NotingEmbedder:
    """Writes down what it embeds, where a killed process cannot take it away again."""

    def __init__(self, inner: Embedder, log: Path) -> None:
        self.inner = inner
        self.fingerprint = inner.fingerprint
        self._log = log

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return self.inner.count_tokens(texts)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        vectors = self.inner.embed_documents(texts)
        with self._log.open("a", encoding="ascii") as file:
            file.writelines(f"{text_key(text).hex()}\n" for text in texts)
        return vectors

    def embed_query(self, text: str) -> Vectors:
        return self.inner.embed_query(text)


def embedded(log: Path) -> set[bytes]:
    """Return the keys in a log of what was embedded, and empty it."""
    keys = log.read_text(encoding="ascii").split() if log.exists() else []
    log.unlink(missing_ok=True)
    return {bytes.fromhex(key) for key in keys}


@dataclass(slots=True)
class Bed:
    """Folders for one embedder and one store.

    Attributes:
        place: Where everything lies.
        store: "exact" or "chroma".
        embedder: Makes the embedder, in the process that needs it.
        batch: Texts embedded at once, and vectors built at once: small, for many steps.
        shard: Most chunks of a shard: small, for several of them.
        scanned_from: More chunks than this make an index that has its words to be scanned.
        rounds: Whether the embedder's vectors depend on which texts are embedded together.
        split: How long chunks may be.
    """

    place: Path
    store: str
    embedder: Callable[[], Embedder] = HashingEmbedder
    batch: int = 8
    shard: int = 24
    scanned_from: int = 0
    rounds: bool = False
    split: SplitSettings = field(default_factory=SplitSettings)
    _fresh: dict[str, State] = field(default_factory=dict)
    _number: int = 0

    @property
    def docs(self) -> Path:
        """The folder of documents; the same path for all, as the paths are part of the state."""
        return self.place / "docs"

    def hold(self, edition: str) -> None:
        """Make the folder of documents hold an edition."""
        write(self.docs, EDITIONS[edition], _CLOCK[edition])

    def base(self, *editions: str) -> Path:
        """Return an index that followed the folder through the editions; not to be changed."""
        folder = self.place / f"{self.store}-{'-'.join(editions)}"
        if not folder.exists():
            for edition in editions:
                self.hold(edition)
                value_of(partial(self.sync, folder))
        return folder

    def copy(self, base: Path | None) -> Path:
        """Return a copy to be broken; a folder that does not exist for None."""
        self._number += 1
        folder = self.place / f"trial-{self._number}"
        if base is not None:
            shutil.copytree(base, folder)
        return folder

    def fresh(self, edition: str) -> State:
        """Return the state of a new index of the edition."""
        if edition not in self._fresh:
            self.hold(edition)
            folder = self.copy(None)
            value_of(partial(self.sync, folder))
            self._fresh[edition] = self.seen(folder)
            self.drop(folder)
        return self._fresh[edition]

    def look(self, folder: Path) -> Ended:
        """Read everything in a process that starts now; its value is a `State`."""
        return run(partial(observe, folder, self.embedder(), STORES[self.store]()))

    def seen(self, folder: Path) -> State:
        """Return what a process that starts now sees."""
        state = self.look(folder).whole()
        assert isinstance(state, State)
        return state

    def embedded(self) -> set[bytes]:
        """Return the keys of what was embedded since the last call."""
        return embedded(self.place / "embedded")

    def drop(self, folder: Path) -> None:
        """Delete a trial's folder."""
        shutil.rmtree(folder, ignore_errors=True)

    def everything(self, index: Index) -> Spread:
        """Return all chunks that one search finds, dense and lexical alike."""
        with index.reader() as reading:
            found = index.dense(index.embedder.embed_query("euro"), 1000)
            stored = reading.chunks([id_ for id_, _ in found])
            live = reading.live_ids()
        if sorted(stored) != live:
            return frozenset()
        return frozenset((c.path, (c.start, c.end), c.text) for c in stored.values())

    # -- what children do --------------------------------------------------------------------

    def open(self, folder: Path, *, create: bool = False) -> Index:
        """Open an index in this process, a child; its shards are small from now on."""
        ragkit_ingest.build._BATCH = self.batch
        ragkit_ingest.generation.SHARD_CHUNKS = self.shard
        ragkit_ingest.generation.SCANNED_FROM = self.scanned_from
        embedder = NotingEmbedder(self.embedder(), self.place / "embedded")
        return Index(
            folder,
            embedder=embedder,
            store=STORES[self.store](),
            create=create,
            exact_at_most=0,
        )

    def sync(self, folder: Path) -> dict[str, object]:
        """Sync the folder of documents."""
        ragkit_ingest.sync._EMBED_AT_ONCE = self.batch
        with closing(self.open(folder, create=True)) as index:
            settings = SyncSettings(allow_mass_delete=True, split=self.split)
            return sync(index, [self.docs], settings, parsers=CountingParsers()).to_json()

    def verify(self, folder: Path) -> VerifyReport:
        """Verify the index."""
        with closing(self.open(folder)) as index:
            return verify(index)

    def purge(self, folder: Path) -> dict[str, object]:
        """Purge the index."""
        with closing(self.open(folder)) as index:
            return purge(index).to_json()


def warm(docs: Path, *, chroma: bool = False) -> None:
    """Import and compute beforehand what every child needs, so that none of them has to.

    Nothing that holds threads or files is started.
    """
    import filelock  # noqa: F401

    if chroma:
        import chromadb  # noqa: F401

    embedder = HashingEmbedder()
    for name, files in EDITIONS.items():
        write(docs, files, _CLOCK[name])
        sources = [
            (n, Source(path=path)) for n, path in enumerate(docs.rglob("*.*")) if path.is_file()
        ]
        for _, document in CountingParsers().parse_all(sources):
            if isinstance(document, Document):
                chunks = split(document, embedder.count_tokens, SplitSettings())
                embedder.embed_documents([chunk.embedded_text for chunk in chunks])
                lexical.words(document.text)


def killed_at(point: str, work: Callable[[], Any]) -> Callable[[], Any]:
    """Return the work with a kill at a failpoint."""

    def armed() -> Any:
        with watched(killer(point)):
            return work()

    return armed


def counting(work: Callable[[], Any]) -> Callable[[], list[str]]:
    """Return the work, giving the failpoints in the order of arrival."""

    def watching() -> list[str]:
        arrived: list[str] = []
        with watched(arrived.append):
            work()
        return arrived

    return watching


def no_larger_than(size_bytes: int, work: Callable[[], Any], *, kill: bool) -> Callable[[], Any]:
    """Return the work in a process that cannot write beyond this offset of any file.

    Args:
        size_bytes: The offset.
        work: What to do.
        kill: Whether the attempt kills the process, in the middle of that write; otherwise the
            write fails, as on a full disk.
    """

    def limited() -> Any:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL if kill else signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))
        return work()

    return limited


def unprivileged(work: Callable[[], Any]) -> Callable[[], Any]:
    """Return the work as a user who is not root, and may not write where only root may."""

    def as_nobody() -> Any:
        if os.geteuid() == 0:
            os.setgid(65534)
            os.setuid(65534)
        return work()

    return as_nobody


def finish(bed: Bed, folder: Path, line: Line, *, old: State | None, edition: str, at: str) -> bool:
    """Look at an index after its sync was ended; sync again; compare.

    Args:
        bed: Where.
        folder: The index.
        line: Where to count.
        old: What it held before; None for nothing.
        edition: What the folder of documents holds.
        at: What was done, for an example.

    Returns:
        Whether everything is there.
    """
    wanted = bed.fresh(edition)
    stored = frozenset[bytes]()
    before = bed.look(folder)
    if isinstance(before.value, State):
        seen = before.value
        stored = seen.stored
        whole = seen.visible() == (old.visible() if old else ()) or (not old and seen.empty)
        if not whole and _like(bed, seen, wanted).visible() != wanted.visible():
            line.add("mixed", 1, f"{at}: neither the old nor the new state is seen")
    elif old is not None or not before.said.startswith("NoIndexError"):
        line.add("broke", 1, f"{at}: reading: {before.said or before.broke}")
    bed.embedded()
    ended = run(partial(bed.sync, folder))
    again = bed.embedded() & stored
    line.add("re-embedded", len(again), at)
    if ended.said or ended.broke or ended.killed:
        line.add("broke", 1, f"{at}: syncing again: {ended.said or ended.broke or 'killed'}")
        return False
    return line.compare(_like(bed, bed.seen(folder), wanted), wanted, at)


def _like(bed: Bed, found: State, wanted: State) -> State:
    return found.near(wanted) if bed.rounds else found


def count_end(line: Line, ended: Ended, at: str, *, whole: bool) -> None:
    """Count how the interrupted command ended."""
    if ended.broke:
        line.add("broke", 1, f"{at}: {ended.broke}")
    elif ended.said:
        line.add("said")
    elif whole:
        line.add("healed" if ended.killed else "harmless")


def shown(bed: Bed, folder: Path) -> tuple[set[str], list[str]]:
    """Use an index as readers do; return all texts that were shown, and what was said instead."""
    texts: set[str] = set()
    said: list[str] = []
    with closing(bed.open(folder)) as index:
        uses: list[Callable[[], Any]] = [partial(_search, index, word) for word in ("costs", "tea")]
        uses += [partial(_show, index, path) for path in _paths(index)]
        for use in uses:
            try:
                texts |= use()
            except RagkitError as error:
                said.append(str(error))
    return texts, said


def _paths(index: Index) -> list[str]:
    try:
        return [document.path for document in index.status().documents]
    except RagkitError:
        return []


def _search(index: Index, question: str) -> set[str]:
    with index.reader() as reading:
        found = index.dense(index.embedder.embed_query(question), 100)
        found += reading.lexical(f'"{question}"', 100, (1.0, 1.0, 1.0))
        stored = reading.chunks([id_ for id_, _ in found])
    return {f"{chunk.path}\n{chunk.text}" for chunk in stored.values()}


def _show(index: Index, path: str) -> set[str]:
    try:
        document = index.find_document(path)
    except UsageError:  # a file that failed has no stored text
        return set()
    return {f"{document.path}\n{document.text}"}
