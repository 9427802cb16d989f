"""Brings an index in line with its folders: plan, parse, stage, embed, build, publish.

    draft_plan      what changed                               reads only
    _parse          each file in an isolated worker            staged at once, one transaction each
    _embed          the texts that have no vector yet          stored at once
    _publish        a new generation beside the old one, verified, then one transaction

Until the last step no reader sees anything new, and whatever was done before a crash is found
again by the next sync.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from ragkit_ingest import lexical
from ragkit_ingest.catalog import schema
from ragkit_ingest.catalog.publish import Change, Publisher
from ragkit_ingest.catalog.reading import Generation, Reading
from ragkit_ingest.catalog.rows import text_key
from ragkit_ingest.catalog.staging import FileRow, Seen, Staging, readable
from ragkit_ingest.discover import resolve
from ragkit_ingest.embed.unit import check_vectors
from ragkit_ingest.errors import (
    DamagedStoreError,
    MassDeletionError,
    NothingToIngestError,
    SourceError,
    StorageError,
)
from ragkit_ingest.failpoint import failpoint
from ragkit_ingest.generation import GenerationFolders
from ragkit_ingest.index import Index
from ragkit_ingest.lock import writer_lock
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.registry import ParserRegistry
from ragkit_ingest.parse.worker import ParserPool
from ragkit_ingest.plan import Draft, Scope, SyncPlan, Task, draft_plan
from ragkit_ingest.records import Document
from ragkit_ingest.report import (
    ChunkCounts,
    Failure,
    FileCounts,
    IngestReport,
    Progress,
    ProgressCallback,
)
from ragkit_ingest.split import SplitSettings, split

_EMBED_AT_ONCE = 512
_REBUILD_SHARE = 0.3
_MASS_DELETION_FILES = 4
_IF_MEANT = (
    "if that is meant, run again with --allow-mass-delete, else check that the folder is mounted: "
    "nothing was changed"
)


class Parses(Protocol):
    """What parses many files; `ParserPool` does it in processes of their own."""

    def parse_all(
        self, sources: Iterable[tuple[int, Source]]
    ) -> Iterator[tuple[int, Document | SourceError]]:
        """Yield every source's number with its Document or its error, as they become ready."""
        ...


Parsers = Callable[[int], AbstractContextManager[Parses]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncSettings:
    """How a sync reads files.

    Attributes:
        split: How long chunks may be.
        workers: Parsing processes.
        checksum: Hash every file, even if its size and time stamp are the same.
        allow_mass_delete: Let more than half of the known files go.
        passwords: Tried in order on encrypted files.
    """

    split: SplitSettings = field(default_factory=SplitSettings)
    workers: int = 1
    checksum: bool = False
    allow_mass_delete: bool = False
    passwords: tuple[str, ...] = ()


def plan_sync(index: Index, paths: Sequence[Path], settings: SyncSettings) -> SyncPlan:
    """Return what `sync` would do, without doing it: nothing is written.

    Raises:
        UsageError: If a path does not exist.
    """
    with _connected(index) as connection, schema.shadow(connection):
        return _Sync(index, connection, settings).draft(paths).plan()


def sync(
    index: Index,
    paths: Sequence[Path],
    settings: SyncSettings,
    progress: ProgressCallback | None = None,
    *,
    parsers: Parsers = ParserPool,
) -> IngestReport:
    """Bring the index in line with the files and folders.

    Args:
        index: Where to.
        paths: Files and folders; with none, every folder that was ingested before.
        settings: How files are read.
        progress: Called as the work goes on.
        parsers: Makes what parses the files, given how many processes to use.

    Raises:
        UsageError: If a path does not exist.
        NothingToIngestError: If there is no file to read and none was known.
        MassDeletionError: If more than half of the known files would go.
        IndexLockedError: If another process is writing.
        StorageError: If the disk is full, read-only or failing.
    """
    with writer_lock(index.folder), _connected(index) as connection:
        return _Sync(index, connection, settings, progress, parsers).run(paths)


@contextmanager
def _connected(index: Index) -> Iterator[sqlite3.Connection]:
    """Give a connection of its own, so that searches in other threads see nothing unfinished."""
    with schema.translated(index.folder), closing(schema.open_existing(index.folder)) as connection:
        yield connection


class _Sync:
    """One run."""

    def __init__(
        self,
        index: Index,
        connection: sqlite3.Connection,
        settings: SyncSettings,
        progress: ProgressCallback | None = None,
        parsers: Parsers = ParserPool,
    ) -> None:
        self._index = index
        self._connection = connection
        self._settings = settings
        self._progress = progress or (lambda _: None)
        self._parsers = parsers
        self._staging = Staging(connection)
        self._publisher = Publisher(connection)
        self._reading = Reading(connection)
        self._registry = ParserRegistry()
        self._space = 0
        self._pending: dict[bytes, str] = {}
        self._embedded = 0
        self._parsed = 0
        self._failures: list[Failure] = []

    def run(self, paths: Sequence[Path]) -> IngestReport:
        started = time.perf_counter()
        self._index.check_embedder()
        with schema.transaction(self._connection):  # a refused sync leaves no trace
            self._space = self._staging.space(self._index.embedder.fingerprint)
            draft = self.draft(paths)
            self._refuse(draft, paths)
            self._staging.touch(draft.touched)
            failpoint("plan.inside")
        failpoint("plan.after")
        for seen, reason in draft.unreadable:
            self._fail(seen, reason)
        self._parse(draft.tasks)
        self._embed_all()
        change, generation = self._publish(draft.removed)
        return self._report(draft, change, generation, time.perf_counter() - started)

    def draft(self, paths: Sequence[Path]) -> Draft:
        scopes = self._scopes(paths)
        self._progress(Progress(stage="scan", done=0, total=0))
        failpoint("scan.before")
        draft = draft_plan(scopes, self._staging.files(), self, checksum=self._settings.checksum)
        failpoint("scan.after")
        return draft

    def _scopes(self, paths: Sequence[Path]) -> list[Scope]:
        if not paths:
            return self._known_scopes()
        scopes = []
        for path in map(resolve, paths):
            single = path.is_file()
            root = self._staging.add_root(path.parent if single else path, whole=not single)
            scopes.append(Scope(root=root, path=path, single=single))
        roots = {root.id: root for root in self._staging.roots()}
        # A folder named later may have taken over the root of one named before.
        return [scope for scope in scopes if scope.root.id in roots]

    def _known_scopes(self) -> list[Scope]:
        roots = self._staging.roots()
        whole = [Scope(root=root, path=root.path, single=False) for root in roots if root.whole]
        partial = {root.id: root for root in roots if not root.whole}
        singles = [
            Scope(root=partial[row.root_id], path=partial[row.root_id].path / row.name, single=True)
            for row in self._staging.files()
            if row.root_id in partial
        ]
        return whole + singles

    def recipe(self, path: Path) -> str | None:
        """Return the parser and the settings that would read a file; None if none does."""
        parser = self._registry.parser_for(path)
        if parser is None:
            return None
        fingerprint = self._registry.fingerprint(parser)
        return f"{fingerprint} words/{lexical.VERSION} {self._split_json}"

    def refusal(self, path: Path) -> str:
        """Return why no parser reads a file."""
        return self._registry.refusal(path)

    @property
    def _split_json(self) -> str:
        return self._settings.split.to_json()

    def _refuse(self, draft: Draft, paths: Sequence[Path]) -> None:
        named = ", ".join(str(path) for path in paths) or "the folders ingested before"
        if not (draft.known or draft.tasks or draft.unreadable):
            raise NothingToIngestError(_nothing(named, draft))
        if self._settings.allow_mass_delete:
            return
        if draft.vanished:
            raise MassDeletionError(
                f"the folder {draft.vanished[0]} is gone, and with it {draft.lost} of the "
                f"{draft.known} indexed files; {_IF_MEANT}"
            )
        if draft.known >= _MASS_DELETION_FILES and 2 * draft.lost > draft.known:
            raise MassDeletionError(
                f"{draft.lost} of the {draft.known} indexed files are gone from {named}; "
                f"{_IF_MEANT}"
            )

    # -- parse and stage ---------------------------------------------------------------------

    def _parse(self, tasks: Sequence[Task]) -> None:
        todo = [task for task in tasks if not self._staging.staged(task.seen)]
        self._parsed = len(tasks) - len(todo)
        if not todo:
            return
        self._progress(Progress(stage="parse", done=self._parsed, total=len(tasks)))
        by_number = dict(enumerate(todo))
        with self._parsers(min(self._settings.workers, len(todo))) as pool:
            for number, outcome in pool.parse_all(self._sources(by_number)):
                task = by_number[number]
                if isinstance(outcome, SourceError):
                    self._fail(task.seen, str(outcome))
                else:
                    self._stage(task, outcome)
                self._parsed += 1
                self._progress(
                    Progress(
                        stage="parse", done=self._parsed, total=len(tasks), path=task.seen.path
                    )
                )

    def _sources(self, tasks: dict[int, Task]) -> Iterator[tuple[int, Source]]:
        for number, task in tasks.items():
            yield number, Source(path=task.path, passwords=self._settings.passwords)

    def _stage(self, task: Task, document: Document) -> None:
        if _changed(task):
            self._fail(task.seen, "it changed while it was being read; it is read again next time")
            return
        if not document.title:
            document = replace(document, title=_title_from_name(task.path))
        if document.attachments:
            document = _without_attachments(document)
        chunks = split(document, self._index.embedder.count_tokens, self._settings.split)
        failpoint("stage.before")
        self._staging.stage(task.seen, document, chunks)
        failpoint("stage.after")
        texts = {text_key(chunk.embedded_text): chunk.embedded_text for chunk in chunks}
        missing = self._staging.without_vectors(self._space, list(texts))
        self._pending.update((key, texts[key]) for key in missing)
        if len(self._pending) >= _EMBED_AT_ONCE:
            self._embed_pending()

    def _fail(self, seen: Seen, reason: str) -> None:
        shown = self._staging.fail(seen, readable(reason))
        failpoint("fail.after")
        self._failures.append(Failure(path=shown, reason=readable(reason), retry=True))

    # -- embed -------------------------------------------------------------------------------

    def _embed_pending(self) -> None:
        keys, texts = list(self._pending), list(self._pending.values())
        for start in range(0, len(keys), _EMBED_AT_ONCE):
            batch = slice(start, start + _EMBED_AT_ONCE)
            failpoint("embed.before")
            vectors = self._index.embedder.embed_documents(texts[batch])
            failpoint("embed.after")
            check_vectors(vectors, len(texts[batch]), self._index.embedder.fingerprint)
            self._staging.add_vectors(self._space, keys[batch], vectors)
            failpoint("embed.stored")
            self._embedded += len(vectors)
            self._progress(Progress(stage="embed", done=self._embedded, total=0))
        self._pending.clear()

    def _embed_all(self) -> None:
        """Embed what is pending, and what an interrupted sync left staged without vectors."""
        self._embed_pending()
        while left := self._staging.missing_vectors(self._space, _EMBED_AT_ONCE):
            self._pending.update(left)
            self._embed_pending()

    # -- publish -----------------------------------------------------------------------------

    def _publish(self, removed: Sequence[FileRow]) -> tuple[Change, int]:
        removed_ids = [row.id for row in removed]
        change = self._publisher.change(removed_ids)
        live = self._reading.generation()
        folders = GenerationFolders(self._index, self._connection, self._space)
        if not (change.files or removed_ids) and (
            live is None or self._intact(folders, live, change)
        ):
            folders.sweep(keep=self._publisher.recent_folders())
            return change, live.id if live else 0
        self._progress(Progress(stage="publish", done=0, total=change.total))
        folder = folders.unused()
        if not self._derive(folders, folder, live, change):
            folders.build(folder, self._ids_after(change))
        number = self._publisher.publish(
            change,
            removed_ids,
            folder=folder.name,
            space_id=self._space,
            store=self._index.store.name,
        )
        folders.sweep(keep=self._publisher.recent_folders())
        return change, number

    def _intact(self, folders: GenerationFolders, live: Generation, change: Change) -> bool:
        """Return whether the published vectors can be read and are those of the catalog."""
        if live.store != self._index.store.name:
            return False
        try:
            folders.compare(self._index.generations / live.folder, self._ids_after(change))
        except DamagedStoreError:
            return False
        return True

    def _derive(
        self, folders: GenerationFolders, folder: Path, live: Generation | None, change: Change
    ) -> bool:
        """Build from the live generation if that is the smaller work and it is intact."""
        if live is None or live.store != self._index.store.name:
            return False
        if len(change.added) + len(change.removed) > _REBUILD_SHARE * max(change.total, 1):
            return False
        base = self._index.generations / live.folder
        added = folders.vectors(change.added)
        try:
            self._index.store.derive(base, folder, added, change.removed)
            folders.compare(folder, self._ids_after(change))
        except (DamagedStoreError, StorageError):
            # Whatever is wrong with the old folder, the catalog can build a new one.
            shutil.rmtree(folder, ignore_errors=True)
            return False
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return True

    def _ids_after(self, change: Change) -> list[int]:
        gone = set(change.removed)
        return [id_ for id_ in self._reading.live_ids() if id_ not in gone] + list(change.added)

    # -- report ------------------------------------------------------------------------------

    def _report(
        self, draft: Draft, change: Change, generation: int, seconds: float
    ) -> IngestReport:
        now = {(row.root_id, row.name): row for row in self._staging.files()}
        tried = [now[task.seen.root_id, task.seen.name] for task in draft.tasks]
        same = [now[row.root_id, row.name] for row in draft.unchanged]
        no_text = sorted(row.path for row in [*tried, *same] if row.outcome == "no_text")
        return IngestReport(
            files=FileCounts(
                indexed=sum(row.outcome == "indexed" for row in tried),
                unchanged=sum(row.outcome != "no_text" for row in same),
                removed=len(draft.removed),
                failed=len(self._failures),
                no_text=len(no_text),
                skipped=len(draft.skipped),
            ),
            chunks=ChunkCounts(
                added=len(change.added), removed=len(change.removed), total=change.total
            ),
            failures=tuple(sorted(self._failures, key=lambda failure: failure.path)),
            no_text=tuple(no_text),
            skipped=tuple(sorted(draft.skipped)),
            embedded=self._embedded,
            seconds=seconds,
            generation=generation,
        )


def _without_attachments(document: Document) -> Document:
    """Say which attachments are not indexed; as documents of their own they come later."""
    names = ", ".join(attachment.name for attachment in document.attachments)
    notice = f"its attachments are not indexed: {names}; save them beside it to ask them"
    return replace(document, attachments=(), notices=(*document.notices, notice))


def _title_from_name(path: Path) -> str:
    """Return a title for a document that has none: its file name, as words."""
    return " ".join(re.split(r"[\s_.-]+", readable(path.stem))).strip()


def _changed(task: Task) -> bool:
    try:
        info = task.path.stat()
    except OSError:
        return True
    return (info.st_size, info.st_mtime_ns) != (task.seen.size, task.seen.mtime_ns)


def _nothing(named: str, draft: Draft) -> str:
    if not draft.skipped:
        return f"there is no file to ingest in {named}: it is empty; nothing was changed"
    path, reason = draft.skipped[0]
    return (
        f"there is no file that ragkit reads in {named}: {len(draft.skipped)} passed over, such "
        f"as {path} ({reason}); ragkit doctor lists the formats"
    )
