"""Brings an index in line with its folders: plan, parse, stage, embed, build, publish.

    draft_plan      what changed                               reads only
    _carry          files that moved or are known              nothing is parsed
    _parse          each file in an isolated worker            staged at once, one transaction each
    _embed          the texts that have no vector yet          stored at once
    _publish        a new generation beside the old one, verified, then one transaction

Until the last step no reader sees anything new, and whatever was done before a crash is found
again by the next sync.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Protocol

from ragkit_ingest import lexical
from ragkit_ingest.catalog import schema
from ragkit_ingest.catalog.publish import Change, Publisher
from ragkit_ingest.catalog.reading import Generation, Reading
from ragkit_ingest.catalog.relocation import Relocation
from ragkit_ingest.catalog.rows import text_key
from ragkit_ingest.catalog.space import Spaces
from ragkit_ingest.catalog.staging import EnclosedRow, FileRow, Seen, Staging, readable
from ragkit_ingest.content import Content, Enclosed, content_of, texts_of
from ragkit_ingest.discover import resolve
from ragkit_ingest.embed.unit import check_vectors, embedded
from ragkit_ingest.errors import (
    MassDeletionError,
    MissingReaderError,
    NothingToIngestError,
    SourceError,
    UsageError,
)
from ragkit_ingest.failpoint import failpoint
from ragkit_ingest.generation import GenerationFolders
from ragkit_ingest.golden import check_golden
from ragkit_ingest.index import Index
from ragkit_ingest.lock import writer_lock
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.registry import ParserRegistry
from ragkit_ingest.parse.worker import ParserPool
from ragkit_ingest.plan import (
    Draft,
    Move,
    Retries,
    Scope,
    SyncPlan,
    Task,
    draft_plan,
    draft_source,
    known_scopes,
)
from ragkit_ingest.records import Document
from ragkit_ingest.report import (
    ChunkCounts,
    Failure,
    FileCounts,
    IngestReport,
    Progress,
    ProgressCallback,
)
from ragkit_ingest.retry import moment
from ragkit_ingest.source import RECIPE as SOURCE_RECIPE
from ragkit_ingest.source import SourceDocument, SourceItem, Spool, check_name
from ragkit_ingest.split import SplitSettings

_EMBED_AT_ONCE = 512
_MASS_DELETION_FILES = 4
_OCR, _ON = "ocr", "on"
_OCR_TIMEOUT_S = 3600.0  # a page takes seconds, a scanned book has hundreds
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
Clock = Callable[[], float]
"""Tells the time in seconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncSettings:
    """How a sync reads files.

    Attributes:
        split: How long chunks may be.
        workers: Parsing processes.
        checksum: Hash every file, even if its size and time stamp are the same.
        allow_mass_delete: Let more than half of the known files go.
        passwords: Tried in order on encrypted files; with any, no failed file rests.
        being_written: Files to leave alone, absolute; what is known of them stays as it is.
        retry: Try failed files again at once; see `retry`.
        ocr: Whether images, and pages that are images, are read with OCR; None for as it was at
            the last sync, and not for a new index.
    """

    split: SplitSettings = field(default_factory=SplitSettings)
    workers: int = 1
    checksum: bool = False
    allow_mass_delete: bool = False
    passwords: tuple[str, ...] = ()
    being_written: frozenset[Path] = frozenset()
    retry: bool = False
    ocr: bool | None = None


def plan_sync(
    index: Index, paths: Sequence[Path], settings: SyncSettings, *, clock: Clock = time.time
) -> SyncPlan:
    """Return what `sync` would do, without doing it: nothing is written.

    Raises:
        UsageError: If a path does not exist, or OCR is wanted and not installed.
    """
    with _connected(index) as connection, schema.shadow(connection):
        return _Sync(index, connection, settings, clock=clock).draft(paths).plan()


def sync(
    index: Index,
    paths: Sequence[Path],
    settings: SyncSettings,
    progress: ProgressCallback | None = None,
    *,
    parsers: Parsers | None = None,
    clock: Clock = time.time,
) -> IngestReport:
    """Bring the index in line with the files and folders.

    Args:
        index: Where to.
        paths: Files and folders; with none, every folder that was ingested before.
        settings: How files are read.
        progress: Called as the work goes on.
        parsers: Makes what parses the files, given how many processes to use; by default a
            `ParserPool`.
        clock: Says which failed files are due.

    Raises:
        UsageError: If a path does not exist, or OCR is wanted and not installed.
        NothingToIngestError: If there is no file to read and none was known.
        MassDeletionError: If more than half of the known files would go.
        IndexLockedError: If another process is writing.
        StorageError: If the disk is full, read-only or failing.
    """
    with writer_lock(index.folder), _connected(index) as connection:
        return _Sync(index, connection, settings, progress, parsers, clock).run(paths)


def sync_documents(
    index: Index,
    source: str,
    documents: Iterable[SourceItem | SourceDocument],
    settings: SyncSettings,
    progress: ProgressCallback | None = None,
    *,
    partial: bool = False,
) -> IngestReport:
    """Bring the index in line with the documents of a source.

    All of them are read before anything is changed, and before the writer's lock is taken.

    Args:
        index: Where to.
        source: The name of the source.
        documents: All that it has now, in any order.
        settings: How they are split, and whether more than half of them may go.
        progress: Called as the work goes on.
        partial: Only add and update; known documents that are not given stay.

    Raises:
        UsageError: If the name, an id or metadata cannot be used, or an id comes twice.
        NothingToIngestError: If there is no document and none was known.
        MassDeletionError: If more than half of the known documents would go.
        IndexLockedError: If another process is writing.
        StorageError: If the disk is full, read-only or failing.
    """
    check_name(source)
    with Spool(index.folder) as spool:
        spool.fill(documents)
        with writer_lock(index.folder), _connected(index) as connection:
            return _Sync(index, connection, settings, progress).run_source(
                source, spool, partial=partial
            )


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
        parsers: Parsers | None = None,
        clock: Clock = time.time,
    ) -> None:
        self._index = index
        self._connection = connection
        self._settings = settings
        self._progress = progress or (lambda _: None)
        self._parsers = parsers or self._pool
        self._clock = clock
        self._staging = Staging(connection)
        self._publisher = Publisher(connection)
        self._reading = Reading(connection)
        self._spaces = Spaces(connection)
        before = self._staging.setting(_OCR) == _ON
        self._ocr = before if settings.ocr is None else settings.ocr
        self._registry = ParserRegistry(ocr=self._ocr)
        if self._ocr:
            _check_ocr()
        self._space = 0
        self._pending: dict[bytes, str] = {}
        self._embedded = 0
        self._parsed = 0
        self._moves: list[Relocation] = []
        self._attachments = 0
        self._in_vain: set[int] = set()

    def run(self, paths: Sequence[Path]) -> IngestReport:
        started = time.perf_counter()
        self._index.check_embedder()
        with schema.transaction(self._connection):  # a refused sync leaves no trace
            self._space = self._spaces.register(
                self._index.embedder.fingerprint, self._index.embedder_name
            )
            draft = self.draft(paths)
            self._refuse(draft, paths)
            self._staging.touch(draft.touched)
            self._staging.note_setting(_OCR, _ON if self._ocr else "")
            failpoint("plan.inside")
        failpoint("plan.after")
        for seen, reason in draft.unreadable:
            self._fail(seen, reason, rest=False)
        for move in draft.moved:
            self._carry(move)
        self._parse(draft.tasks)
        return self._finish(draft, started)

    def run_source(self, source: str, spool: Spool, *, partial: bool) -> IngestReport:
        started = time.perf_counter()
        self._index.check_embedder()
        with schema.transaction(self._connection):
            self._space = self._spaces.register(
                self._index.embedder.fingerprint, self._index.embedder_name
            )
            root = self._staging.add_source(source)
            known = self._staging.files([root.id])
            draft = draft_source(root, known, spool, recipe=self._source_recipe, partial=partial)
            self._refuse_source(draft, source, len(spool))
        self._stage_spooled(draft.tasks, spool)
        return self._finish(draft, started)

    def _finish(self, draft: Draft, started: float) -> IngestReport:
        self._embed_all()
        change, generation = self._publish(draft.removed)
        return self._report(draft, change, generation, time.perf_counter() - started)

    def draft(self, paths: Sequence[Path]) -> Draft:
        scopes = self._scopes(paths)
        self._progress(Progress(stage="scan", done=0, total=0))
        always = self._settings.retry or bool(self._settings.passwords)
        failpoint("scan.before")
        draft = draft_plan(
            scopes,
            self._staging.files(),
            self,
            checksum=self._settings.checksum,
            retries=Retries(now=self._clock(), always=always),
            being_written=self._settings.being_written,
        )
        failpoint("scan.after")
        return draft

    def _scopes(self, paths: Sequence[Path]) -> list[Scope]:
        if not paths:
            return known_scopes(self._staging)
        scopes = []
        for path in map(resolve, paths):
            single = path.is_file()
            root = self._staging.add_root(path.parent if single else path, whole=not single)
            scopes.append(Scope(root=root, path=path, single=single, named=single))
        roots = {root.id: root for root in self._staging.roots()}
        # A folder named later may have taken over the root of one named before.
        return [scope for scope in scopes if scope.root.id in roots]

    def recipe(self, path: Path) -> str | None:
        """Return the parser and the settings that would read a file; None if none does."""
        parser = self._registry.parser_for(path)
        if parser is None:
            return None
        fingerprint = self._registry.fingerprint(parser)
        return f"{fingerprint} words/{lexical.VERSION} {self._split_json}"

    @property
    def _source_recipe(self) -> str:
        return f"{SOURCE_RECIPE} words/{lexical.VERSION} {self._split_json}"

    def refusal(self, path: Path) -> str:
        """Return why no parser reads a file."""
        return self._registry.refusal(path)

    def _pool(self, workers: int) -> ParserPool:
        if self._ocr:
            return ParserPool(workers, registry=self._registry, timeout_s=_OCR_TIMEOUT_S)
        return ParserPool(workers, registry=self._registry)

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
        left = draft.known - len(draft.ignored)
        if draft.ignored and not left and not draft.tasks:
            raise MassDeletionError(
                f"every one of the {draft.known} indexed files of {named} is ignored now, "
                f"{draft.ignored[0].path} among them; if that is meant, run again with "
                f"--allow-mass-delete, else correct .ragkitignore: nothing was changed"
            )
        if left >= _MASS_DELETION_FILES and 2 * draft.lost > left:
            raise MassDeletionError(
                f"{draft.lost} of the {left} indexed files are gone from {named}; {_IF_MEANT}"
            )

    def _refuse_source(self, draft: Draft, name: str, given: int) -> None:
        if not (draft.known or given):
            raise NothingToIngestError(
                f"the source {name!r} gave no document, and none is known; nothing was changed"
            )
        if self._settings.allow_mass_delete:
            return
        few = draft.known < _MASS_DELETION_FILES and given > 0
        if draft.lost and not few and 2 * draft.lost > draft.known:
            raise MassDeletionError(
                f"the source {name!r} does not give {draft.lost} of its {draft.known} indexed "
                "documents any more; if that is meant, pass allow_mass_delete=True, if these are "
                "not all of its documents, partial=True, else check the reader: nothing was changed"
            )

    # -- parse and stage ---------------------------------------------------------------------

    def _carry(self, move: Move) -> None:
        """Note where a file is now; its title, if made of its name, changes with it."""
        row, seen = move.row, move.task.seen
        self._moves.append(
            Relocation(
                file_id=row.id,
                root_id=seen.root_id,
                name=seen.name,
                path=seen.path,
                size=seen.size,
                mtime_ns=seen.mtime_ns,
            )
        )
        # A revision older than the content keeps its title until the content can be read.
        title = self._staging.title_from_name(row.id)
        if row.outcome == "failed" or title in {None, _title_from_name(seen.name)}:
            return
        document = self._staging.newest(row.id)
        if document is not None:
            where = replace(seen, root_id=row.root_id, name=row.name, path=row.path)
            enclosed = [self._stored(inner) for inner in row.enclosed]
            self._stage_as(where, self._content(document, seen.name), enclosed)

    def _stored(self, row: EnclosedRow) -> Enclosed:
        """Return an attachment as it is stored."""
        document = self._staging.newest(row.id)
        content = self._content(document, row.name) if document is not None else None
        return Enclosed(name=row.name, recipe=row.parser, content=content, failure=row.reason)

    def _parse(self, tasks: Sequence[Task]) -> None:
        todo = [task for task in tasks if not (self._is_staged(task) or self._is_known(task))]
        self._parsed = len(tasks) - len(todo)
        if not todo:
            return
        self._progress(Progress(stage="parse", done=self._parsed, total=len(tasks)))
        by_number = dict(enumerate(todo))
        with self._parsers(min(self._settings.workers, len(todo))) as pool:
            for number, outcome in pool.parse_all(self._sources(by_number)):
                task = by_number[number]
                if isinstance(outcome, SourceError):
                    # What is not installed costs nothing to try, and may be by next time.
                    rest = not isinstance(outcome, MissingReaderError)
                    self._fail(task.seen, str(outcome), rest=rest)
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
            yield (
                number,
                Source(path=task.path, passwords=self._settings.passwords, ocr=self._ocr),
            )

    def _is_staged(self, task: Task) -> bool:
        """Return whether an interrupted sync has done the work already."""
        return self._staging.staged(task.seen, _title_from_name(task.seen.name))

    def _is_known(self, task: Task) -> bool:
        """Stage a file whose content the index has under another name; whether it has it."""
        document = self._staging.known(task.seen)
        if document is not None:
            self._stage(task, document)
        return document is not None

    def _stage(self, task: Task, document: Document) -> None:
        if _changed(task):
            reason = "it changed while it was being read; it is read again next time"
            self._fail(task.seen, reason, rest=False)
            return
        enclosed, document = self._opened(document)
        failed = {one.name for one in enclosed if one.content is None}
        row = task.row
        if row is not None and row.outcome != "failed" and failed == {r.name for r in row.failed}:
            self._staging.fail_again(row.id, enclosed, now=self._clock())
            self._in_vain.add(row.id)
            return
        self._stage_as(task.seen, self._content(document, task.seen.name), enclosed)
        self._attachments += len(enclosed) - len(failed)

    def _opened(self, document: Document) -> tuple[list[Enclosed], Document]:
        """Return a document's attachments, and the document with a word on those not read."""
        enclosed = []
        passed_over: dict[str, list[str]] = {}
        for attachment in document.attachments:
            recipe = self.recipe(Path(attachment.name))
            if recipe is None:
                reason = self.refusal(Path(attachment.name))
                passed_over.setdefault(reason, []).append(attachment.name)
                continue
            content, failure = None, readable(attachment.failure)
            if attachment.document is not None:
                content = self._content(attachment.document, attachment.name)
            enclosed.append(
                Enclosed(
                    name=attachment.name,
                    recipe=recipe,
                    content=content,
                    failure=failure if content else failure or "it was not read",
                )
            )
        notices = [f"attached, but not read: {', '.join(n)} ({r})" for r, n in passed_over.items()]
        return enclosed, replace(document, notices=(*document.notices, *notices))

    def _content(self, document: Document, name: str) -> Content:
        title = _title_from_name(name)
        return content_of(document, title, self._index.embedder.count_tokens, self._settings.split)

    def _stage_spooled(self, tasks: Sequence[Task], spool: Spool) -> None:
        for done, task in enumerate(tasks, start=1):
            try:
                if not self._staging.staged(task.seen, ""):
                    document = spool.document(task.seen.name)
                    self._stage_as(task.seen, self._untitled(document), ())
            except SourceError as exc:
                self._fail(task.seen, str(exc), rest=False)
            self._progress(
                Progress(stage="parse", done=done, total=len(tasks), path=task.seen.path)
            )

    def _untitled(self, document: Document) -> Content:
        """Return a document that needs no title: an id says nothing about a text."""
        return content_of(document, "", self._index.embedder.count_tokens, self._settings.split)

    def _stage_as(self, seen: Seen, content: Content, enclosed: Sequence[Enclosed]) -> None:
        failpoint("stage.before")
        self._staging.stage(seen, content, enclosed, now=self._clock())
        failpoint("stage.after")
        inner = [one.content for one in enclosed if one.content is not None]
        texts = {text_key(text): text for text in texts_of([content, *inner])}
        missing = self._staging.without_vectors(self._space, list(texts))
        self._pending.update((key, texts[key]) for key in missing)
        if len(self._pending) >= _EMBED_AT_ONCE:
            self._embed_pending()

    def _fail(self, seen: Seen, reason: str, *, rest: bool = True) -> None:
        self._staging.fail(seen, readable(reason), now=self._clock(), rest=rest)
        failpoint("fail.after")

    # -- embed -------------------------------------------------------------------------------

    def _embed_pending(self) -> None:
        keys, texts = list(self._pending), list(self._pending.values())
        if keys and not self._embedded:
            check_golden(self._spaces, self._space, self._index.embedder)
        for start in range(0, len(keys), _EMBED_AT_ONCE):
            batch = slice(start, start + _EMBED_AT_ONCE)
            failpoint("embed.before")
            vectors, sentences = embedded(self._index.embedder, texts[batch])
            failpoint("embed.after")
            made_by = self._index.embedder.fingerprint
            check_vectors(vectors, len(texts[batch]), made_by, sentences)
            self._staging.add_vectors(self._space, keys[batch], vectors, sentences)
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
        if not (change.files or removed_ids):
            return change, self._republish(folders, live, change)
        self._progress(Progress(stage="publish", done=0, total=change.total))
        ours = live is not None and live.store == self._index.store.name
        shards = folders.renewed(
            live.shards if live is not None and ours else (),
            self._ids_after(change),
            change.added,
            change.removed,
        )
        number = self._publisher.publish(
            change,
            removed_ids,
            self._moves,
            shards=shards,
            space_id=self._space,
            store=self._index.store.name,
        )
        folders.sweep(keep=self._publisher.recent_folders())
        return change, number

    def _republish(
        self, folders: GenerationFolders, live: Generation | None, change: Change
    ) -> int:
        """Publish moves; and where the published vectors are not the catalog's, build them again.

        Returns:
            The number of the live generation, 0 for none.
        """
        if live is None:
            self._publisher.rename(self._moves)
            return 0
        number = live.id
        ours = live.store == self._index.store.name
        shards, whys = folders.mended(live.shards if ours else (), self._ids_after(change))
        if whys:
            self._progress(Progress(stage="publish", done=0, total=change.total))
            number = self._publisher.publish(
                change,
                [],
                self._moves,
                shards=shards,
                space_id=self._space,
                store=self._index.store.name,
            )
        else:
            self._publisher.rename(self._moves)
        folders.sweep(keep=self._publisher.recent_folders())
        return number

    def _ids_after(self, change: Change) -> list[int]:
        gone = set(change.removed)
        stay = [id_ for id_ in self._reading.live_ids() if id_ not in gone]
        return sorted([*stay, *change.added])

    # -- report ------------------------------------------------------------------------------

    def _report(
        self, draft: Draft, change: Change, generation: int, seconds: float
    ) -> IngestReport:
        now = {(row.root_id, row.name): row for row in self._staging.files()}
        seen = [task.seen for task in draft.tasks] + [seen for seen, _ in draft.unreadable]
        tried = [now[one.root_id, one.name] for one in seen]
        read = [row for row in tried if row.id not in self._in_vain]
        in_vain = [row for row in tried if row.id in self._in_vain]
        moved = [now[m.task.seen.root_id, m.task.seen.name] for m in draft.moved]
        same = [now[row.root_id, row.name] for row in [*draft.unchanged, *draft.waiting]]
        failures = [_failure(failed, tried=True) for row in tried for failed in row.failed]
        failures += [
            _failure(failed, tried=False) for row in [*moved, *same] for failed in row.failed
        ]
        every: list[FileRow | EnclosedRow] = [*tried, *moved, *same]
        every += [inner for row in [*tried, *moved, *same] for inner in row.enclosed]
        no_text = sorted(one.path for one in every if one.outcome == "no_text")
        return IngestReport(
            files=FileCounts(
                indexed=sum(row.outcome == "indexed" for row in read),
                unchanged=sum(row.outcome not in {"no_text", "failed"} for row in same + in_vain),
                moved=sum(row.outcome not in {"no_text", "failed"} for row in moved),
                removed=len(draft.removed),
                failed=len(failures),
                no_text=len(no_text),
                skipped=len(draft.skipped),
                attachments=self._attachments,
            ),
            chunks=ChunkCounts(
                added=len(change.added), removed=len(change.removed), total=change.total
            ),
            failures=tuple(sorted(failures, key=lambda failure: failure.path)),
            no_text=tuple(no_text),
            skipped=tuple(sorted(draft.skipped)),
            embedded=self._embedded,
            seconds=seconds,
            generation=generation,
        )


def _title_from_name(name: str) -> str:
    """Return a title for a document that has none: its file name, as words."""
    return " ".join(re.split(r"[\s_.-]+", readable(PurePath(name).stem))).strip()


def _failure(row: FileRow | EnclosedRow, *, tried: bool) -> Failure:
    return Failure(
        path=row.path,
        reason=row.reason,
        retry=True,
        tried=tried,
        attempts=row.attempts,
        next_try=moment(row.retry_at),
    )


def _check_ocr() -> None:
    """Refuse to begin what would leave every scan without text.

    Raises:
        UsageError: If OCR is switched on, and what it needs is not installed.
    """
    from ragkit_ingest.parse import ocr

    try:
        ocr.check()
    except MissingReaderError as exc:
        raise UsageError(f"OCR is switched on, but cannot be done: {exc}") from exc


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
