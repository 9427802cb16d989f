"""Follows folders: an ordinary sync first, then one for each batch of changes that has settled.

This module decides *when* to sync and never what to change: every sync looks at all of the folders
again, so a notification that was lost or misread delays a change and cannot spoil the index. The
writer's lock is held only while a sync runs.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ragkit_ingest.catalog.schema import FILE_NAME
from ragkit_ingest.catalog.staging import Staging
from ragkit_ingest.discover import resolve
from ragkit_ingest.errors import (
    ConfigError,
    DamagedIndexError,
    EmbedderMismatchError,
    IndexLockedError,
    MassDeletionError,
    MissingExtraError,
    NoIndexError,
    NotAnIndexError,
    NothingToIngestError,
    RagkitError,
    UsageError,
)
from ragkit_ingest.ignore import FILE_NAME as RULES_FILE
from ragkit_ingest.ignore import Rules
from ragkit_ingest.index import Index
from ragkit_ingest.parse.worker import ParserPool
from ragkit_ingest.plan import known_scopes
from ragkit_ingest.report import IngestReport, ProgressCallback
from ragkit_ingest.sync import Parsers, SyncSettings, sync

if TYPE_CHECKING:
    from watchfiles import Change

_FATAL = (
    DamagedIndexError,
    EmbedderMismatchError,
    MissingExtraError,
    NoIndexError,
    NotAnIndexError,
)
# Their messages hold figures and names that change from one try to the next.
_SAID_BY_KIND = (IndexLockedError, MassDeletionError, NothingToIngestError)
_STEP_MS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """When a watch syncs.

    Attributes:
        settle_s: A file is read once it has not changed for so long; more than 0.
        patience_s: Others are synced after so long, though one keeps changing; it is left as it
            is until it settles.
        retry_s: Pause before the next try after a failure; doubled each time.
        longest_retry_s: The longest such pause.
        look_s: How often it is looked whether the folders are still there, and whether to stop.
        poll: Look at every file again and again instead of asking the system for notifications,
            which network drives do not give. None: if WATCHFILES_FORCE_POLLING is set, or the
            system has no notifications left to give.
        poll_s: How often, then.
    """

    settle_s: float = 0.5
    patience_s: float = 10.0
    retry_s: float = 2.0
    longest_retry_s: float = 60.0
    look_s: float = 0.5
    poll: bool | None = None
    poll_s: float = 2.0

    def __post_init__(self) -> None:
        seconds = (f.name for f in fields(self) if f.name.endswith("_s"))
        for name in seconds:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be more than 0, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncFailure:
    """A sync that did not happen; the index is as it was, and it is tried again.

    Attributes:
        error: Why.
        retry_s: Seconds until the next try, unless a file changes before.
    """

    error: RagkitError
    retry_s: float

    def to_json(self) -> dict[str, object]:
        """Return the failure in the shape of `ragkit ingest --watch --json`."""
        error = {"type": type(self.error).__name__, "message": str(self.error)}
        return {"error": error, "retry_s": round(self.retry_s, 3)}


WatchEvent = IngestReport | SyncFailure


def watch(
    index: Index,
    paths: Iterable[Path],
    settings: SyncSettings,
    watching: WatchSettings | None = None,
    progress: ProgressCallback | None = None,
    *,
    stop: threading.Event | None = None,
    parsers: Parsers = ParserPool,
) -> Iterator[WatchEvent]:
    """Sync, then follow the files and folders until `stop` is set or the iterator is closed.

    Args:
        index: Where to.
        paths: Existing files and folders; with none, what was ingested before.
        settings: How files are read. `allow_mass_delete` counts for the first sync alone.
        watching: When to sync.
        progress: Called as the work goes on.
        stop: Ends the iterator within `look_s`, or after the sync that is under way.
        parsers: Makes what parses the files.

    Yields:
        The report of the first sync, then of every sync that changed something. A failure
        instead, once, where a sync or a folder failed: a locked index, a full disk, a folder that
        is gone, a mass deletion.

    Raises:
        NothingToIngestError: If no path is given and none was ingested before.
        IndexStateError: If the index is damaged, foreign, gone or of another embedder.
    """
    targets = list(paths) or _known(index)
    watching = watching or WatchSettings()

    def run(present: list[Path], held: frozenset[Path], first: bool) -> IngestReport:
        allowed = settings.allow_mass_delete and first
        now = replace(settings, allow_mass_delete=allowed, being_written=held)
        return sync(index, present, now, progress, parsers=parsers)

    loop = _Loop(targets, watching, run, stop or threading.Event())
    try:
        yield from loop.events()
    finally:
        loop.close()


class Settling:
    """Paths that changed, until they do not change any more; times in seconds, of any clock.

    Args:
        settle_s: A path has settled when it has not changed for so long.
        patience_s: How long settled paths wait for others.
    """

    def __init__(self, settle_s: float, patience_s: float) -> None:
        self._settle_s = settle_s
        self._patience_s = patience_s
        self._changed: dict[Path, float] = {}
        self._since = 0.0

    def note(self, paths: Iterable[Path], now: float) -> None:
        """Note that paths have just changed."""
        for path in paths:
            if not self._changed:
                self._since = now
            self._changed[path] = now

    def due(self, now: float) -> bool:
        """Return whether it is time to sync."""
        settled = len(self._changed) - len(self._unsettled(now))
        waited = now - self._since >= self._patience_s
        return settled > 0 and (waited or settled == len(self._changed))

    def take(self, now: float) -> frozenset[Path]:
        """Forget what has settled, which is about to be synced; return what is to be left."""
        held = self._unsettled(now)
        self._changed = {path: self._changed[path] for path in held}
        self._since = now
        return held

    def _unsettled(self, now: float) -> frozenset[Path]:
        return frozenset(p for p, at in self._changed.items() if now - at < self._settle_s)


class Reach:
    """Tells which paths a walk of the folder would come upon; looks at each folder once.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._rules: dict[Path, Rules | None] = {}

    def covers(self, path: Path) -> bool:
        """Return whether a change of the path, beneath the root, can change what is indexed.

        Raises:
            ConfigError: If a `.ragkitignore` cannot be used.
        """
        if path == self._root:
            return True
        rules = self._rules_in(path.parent)
        if rules is None:
            return False
        if path.name.startswith("."):
            return path.name == RULES_FILE
        name = path.relative_to(self._root).as_posix()
        folder = path.is_dir()
        if folder and (path / FILE_NAME).exists():
            return False
        return rules.ignoring(name, folder=folder) is None

    def _rules_in(self, folder: Path) -> Rules | None:
        """Return the rules that apply in a folder, None if the walk does not go there."""
        if folder not in self._rules:
            self._rules[folder] = self._find_rules(folder)
        return self._rules[folder]

    def _find_rules(self, folder: Path) -> Rules | None:
        if (folder / FILE_NAME).exists():
            return None
        outer: Rules | None = Rules(root=self._root)
        if folder != self._root:
            outer = self._rules_in(folder.parent)
            name = folder.relative_to(self._root).as_posix()
            if outer is None or folder.name.startswith(".") or outer.ignoring(name, folder=True):
                return None
        if outer is not None and os.path.lexists(folder / RULES_FILE):
            return outer.with_file(folder)
        return outer


class _Notices:
    """Changes of folders, as the system notifies of them."""

    def __init__(self, settings: WatchSettings, stop: threading.Event) -> None:
        self._look_ms = round(settings.look_s * 1000)
        self._poll = settings.poll
        self._poll_ms = round(settings.poll_s * 1000)
        self._stop = stop
        self._folders: tuple[Path, ...] = ()
        self._stream: Generator[set[tuple[Change, str]], None, None] | None = None

    def follow(self, folders: Iterable[Path]) -> None:
        """Notice changes in these folders from now on, and no others."""
        self.close()
        self._folders = tuple(folders)
        if self._folders:
            self.wait()  # the notifications begin with the first wait

    def wait(self) -> list[Path]:
        """Return what changed, after at most `look_s`; nothing if nothing did."""
        if not self._folders:
            self._stop.wait(self._look_ms / 1000)
            return []
        try:
            if self._stream is None:
                self._stream = self._opened()
            return [Path(name) for change, name in next(self._stream, set())]
        except (OSError, RuntimeError) as exc:
            self.close()
            if not isinstance(exc, FileNotFoundError):  # a folder that has just gone
                self._poll = True  # the system has no notifications left: look by ourselves
            self._stop.wait(self._look_ms / 1000)
            return list(self._folders)

    def close(self) -> None:
        """Let the system notify of nothing any more."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _opened(self) -> Generator[set[tuple[Change, str]], None, None]:
        from watchfiles import watch as notifications

        return notifications(
            *self._folders,
            watch_filter=None,
            debounce=4 * _STEP_MS,
            step=_STEP_MS,
            stop_event=self._stop,
            rust_timeout=self._look_ms,
            yield_on_timeout=True,
            force_polling=self._poll,
            poll_delay_ms=self._poll_ms,
            ignore_permission_denied=True,
        )


_Run = Callable[[list[Path], frozenset[Path], bool], IngestReport]


class _Loop:
    """One watch.

    Args:
        targets: Files and folders, absolute.
        settings: When to sync.
        run: Syncs: the paths that are there, files to leave alone, whether it is the first time.
        stop: Ends it.
    """

    def __init__(
        self, targets: list[Path], settings: WatchSettings, run: _Run, stop: threading.Event
    ) -> None:
        self._targets = targets
        self._settings = settings
        self._run = run
        self._stop = stop
        self._settling = Settling(settings.settle_s, settings.patience_s)
        self._notices = _Notices(settings, stop)
        self._marks: dict[Path, tuple[int, ...]] = {}
        self._folders: list[Path] = []
        self._last: IngestReport | None = None
        self._said: dict[Path | None, object] = {}
        self._pause_s = 0.0
        self._retry_at: float | None = None

    def close(self) -> None:
        self._notices.close()

    def events(self) -> Iterator[WatchEvent]:
        self._look()  # before the first sync, so that nothing that happens during it is missed
        yield from self._sync(frozenset())
        while not self._stop.is_set():
            self._settling.note(self._relevant(self._notices.wait()), time.monotonic())
            self._settling.note(self._look(), time.monotonic())
            now = time.monotonic()
            retry = self._retry_at is not None and now >= self._retry_at
            if (self._settling.due(now) or retry) and not self._stop.is_set():
                yield from self._sync(self._settling.take(now))

    def _look(self) -> list[Path]:
        """Return the targets that came, went or were replaced, and files that changed."""
        marks = {path: _mark(path) for path in self._targets}
        changed = [path for path, mark in marks.items() if mark != self._marks.get(path)]
        self._marks = marks
        folders = [path for path in self._targets if path.is_dir()]
        if folders != self._folders or any(path in changed for path in folders):
            self._folders = folders
            self._notices.follow(folders)
        return changed

    def _relevant(self, paths: Iterable[Path]) -> Iterator[Path]:
        reaches = {folder: Reach(folder) for folder in self._folders}
        for path in paths:
            for folder, reach in reaches.items():
                if path != folder and folder not in path.parents:
                    continue
                try:
                    if reach.covers(path):
                        yield path
                except ConfigError:  # the sync will say it
                    yield path

    def _sync(self, held: frozenset[Path]) -> Iterator[WatchEvent]:
        """Sync what is there, and say what is new."""
        failures: dict[Path | None, RagkitError] = {}
        present = [path for path in self._targets if self._is_there(path, failures)]
        report = None
        try:
            if present:
                report = self._run(present, held, self._last is None)
        except _FATAL:
            raise
        except RagkitError as exc:
            failures[None] = exc
        self._schedule(failed=bool(failures))
        for place, error in failures.items():
            key = type(error) if isinstance(error, _SAID_BY_KIND) else str(error)
            if self._said.get(place) != key:
                yield SyncFailure(error=error, retry_s=self._pause_s)
            self._said[place] = key
        self._said = {place: key for place, key in self._said.items() if place in failures}
        if report is not None:
            before, self._last = self._last, report
            if before is None or _is_news(report, before):
                yield report

    def _is_there(self, path: Path, failures: dict[Path | None, RagkitError]) -> bool:
        try:
            resolve(path)
        except UsageError as exc:
            failures[path] = exc
            return False
        return True

    def _schedule(self, *, failed: bool) -> None:
        settings = self._settings
        if not failed:
            self._pause_s, self._retry_at = 0.0, None
            return
        longer = min(2 * self._pause_s, settings.longest_retry_s)
        self._pause_s = longer or settings.retry_s
        self._retry_at = time.monotonic() + self._pause_s


def _known(index: Index) -> list[Path]:
    """Return the folders and files that were ingested before."""
    with index.reader():
        scopes = known_scopes(Staging(index.connection))
    if not scopes:
        raise NothingToIngestError(
            "no folder was ingested before; name one: ragkit ingest PATH --watch"
        )
    return [scope.path for scope in scopes]


def _mark(path: Path) -> tuple[int, ...]:
    """Return what changes when a path comes, goes or is replaced; for a file, also when it changes.

    A folder that is unmounted leaves another one in its place, on another device.
    """
    try:
        info = path.stat()
    except OSError:
        return ()
    place = (info.st_dev, info.st_ino)
    return place if path.is_dir() else (*place, info.st_size, info.st_mtime_ns)


def _is_news(report: IngestReport, before: IngestReport) -> bool:
    files, chunks = report.files, report.chunks
    return (
        any((files.indexed, files.moved, files.removed, chunks.added, chunks.removed))
        or report.failures != before.failures
        or report.no_text != before.no_text
    )
