"""What a sync would do: the files as they are against the files as the catalog knows them.

Reads files only to hash them; writes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from ragkit_ingest.catalog.staging import FileRow, Root, Seen, Staging, readable
from ragkit_ingest.discover import Found, PassedOver, examine_file, sha256, walk
from ragkit_ingest.errors import ParserLimitError, UnreadableFileError
from ragkit_ingest.ignore import Rule
from ragkit_ingest.parse.file import check_size
from ragkit_ingest.retry import is_due, moment
from ragkit_ingest.source import Spooled, shown_id


class Recipes(Protocol):
    """Tells how a file would be read."""

    def recipe(self, path: Path) -> str | None:
        """Return the parser and the settings; None if no parser reads such a file."""
        ...

    def refusal(self, path: Path) -> str:
        """Return why no parser reads it, and what would help."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What one argument of `ragkit ingest` covers.

    Attributes:
        root: The root that holds it.
        path: The folder or file itself.
        single: Whether it is one file.
        named: Whether it is one file that was asked for by name, so that it does not rest if it
            failed before.
    """

    root: Root
    path: Path
    single: bool
    named: bool = False

    def entries(self) -> Iterator[Found | PassedOver]:
        """Yield what lies within the scope."""
        if not self.single:
            yield from walk(self.root.path, self.path)
        elif (entry := examine_file(self.root.path, self.path)) is not None:
            yield entry

    def covers(self, row: FileRow) -> bool:
        """Return whether a known file lies within the scope."""
        if row.root_id != self.root.id:
            return False
        prefix = self.path.relative_to(self.root.path).as_posix()
        return prefix == "." or row.name == prefix or row.name.startswith(f"{prefix}/")


def known_scopes(staging: Staging) -> list[Scope]:
    """Return what was ingested before: whole folders, then files that were named singly."""
    roots = staging.roots()
    whole = [Scope(root=root, path=root.path, single=False) for root in roots if root.whole]
    partial = {root.id: root for root in roots if not root.whole}
    singles = [
        Scope(root=partial[row.root_id], path=partial[row.root_id].path / row.name, single=True)
        for row in staging.files()
        if row.root_id in partial
    ]
    return whole + singles


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A file to parse.

    Attributes:
        path: Where it is.
        seen: Its content, as hashed.
        row: As the catalog knows it, if it is tried again unchanged.
    """

    path: Path
    seen: Seen
    row: FileRow | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A known file that is somewhere else now, as it was.

    Attributes:
        row: As the catalog knows it.
        task: Where it is now.
    """

    row: FileRow
    task: Task


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPlan:
    """What a sync would do; paths as the index shows them, in order.

    Attributes:
        added: New files.
        edited: Known files with other content, or whose parser or settings changed.
        moved: (old, new) of files that were found again elsewhere, by content: they are neither
            parsed nor embedded again.
        removed: Known files that are gone.
        unchanged: Known files that need nothing.
        retry: Files that failed before, or hold attachments that did, and are tried again.
        waiting: (path, moment) of files that failed before and are not tried again before that
            moment, ISO 8601 in UTC.
        skipped: (path, reason) of what is not ingested.
        unreadable: (path, reason) of files that cannot even be opened.
    """

    added: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    moved: tuple[tuple[str, str], ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    retry: tuple[str, ...] = ()
    waiting: tuple[tuple[str, str], ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return the plan in the shape of `ragkit ingest --dry-run --json`."""
        return {
            "added": list(self.added),
            "edited": list(self.edited),
            "moved": [{"from": old, "to": new} for old, new in self.moved],
            "removed": list(self.removed),
            "unchanged": list(self.unchanged),
            "retry": list(self.retry),
            "waiting": [{"path": path, "next_try": when} for path, when in self.waiting],
            "skipped": [{"path": path, "reason": reason} for path, reason in self.skipped],
            "unreadable": [{"path": path, "reason": reason} for path, reason in self.unreadable],
        }


@dataclass(slots=True)
class Draft:
    """A plan in the making, with what the sync needs to carry it out.

    Attributes:
        added: Files to parse that are new.
        edited: Files to parse that changed.
        retry: Files to parse that failed before.
        moved: Files that are elsewhere now.
        waiting: Rows of files that failed before and rest.
        touched: Files whose content is the same under a new time stamp.
        removed: Rows of files that are gone.
        ignored: Those of the removed that are there, but are left out by a rule now.
        unchanged: Rows of files that need nothing.
        skipped: What is not ingested, as shown, with the reason.
        unreadable: Files that cannot be opened, with the reason.
        known: How many files the catalog knew in the scope.
        vanished: Folders that hold known files but are not there any more.
    """

    added: list[Task] = field(default_factory=list)
    edited: list[Task] = field(default_factory=list)
    retry: list[Task] = field(default_factory=list)
    moved: list[Move] = field(default_factory=list)
    waiting: list[FileRow] = field(default_factory=list)
    touched: list[Seen] = field(default_factory=list)
    removed: list[FileRow] = field(default_factory=list)
    ignored: list[FileRow] = field(default_factory=list)
    unchanged: list[FileRow] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    unreadable: list[tuple[Seen, str]] = field(default_factory=list)
    known: int = 0
    vanished: list[Path] = field(default_factory=list)

    @property
    def tasks(self) -> list[Task]:
        """Everything to parse: new, edited, and to be tried again."""
        return [*self.added, *self.edited, *self.retry]

    @property
    def lost(self) -> int:
        """How many removed files were neither ruled out nor found again, for another parser."""
        again = {row.id for row, _ in _pairs(self.removed, self.added)}
        accounted = again | {row.id for row in self.ignored}
        return sum(row.id not in accounted for row in self.removed)

    def plan(self) -> SyncPlan:
        """Return the plan for people."""
        return SyncPlan(
            added=tuple(t.seen.path for t in self.added),
            edited=tuple(t.seen.path for t in self.edited),
            moved=tuple((move.row.path, move.task.seen.path) for move in self.moved),
            removed=tuple(row.path for row in self.removed),
            unchanged=tuple(row.path for row in self.unchanged),
            retry=tuple(t.seen.path for t in self.retry),
            waiting=tuple((row.path, moment(row.retry_at)) for row in self.waiting),
            skipped=tuple(self.skipped),
            unreadable=tuple((seen.path, reason) for seen, reason in self.unreadable),
        )


class RuledOut:
    """What rules leave out, told in one line a rule."""

    def __init__(self) -> None:
        self._names: set[tuple[int, str]] = set()
        self._first: dict[tuple[int, Rule], str] = {}
        self._counts: Counter[tuple[int, Rule]] = Counter()

    def add(self, root: Root, name: str, rule: Rule) -> None:
        """Note a file or folder of the root."""
        self._names.add((root.id, name))
        self._first.setdefault((root.id, rule), root.shown(name))
        self._counts[root.id, rule] += 1

    def covers(self, row: FileRow) -> bool:
        """Return whether a known file, or a folder that it lies in, was noted."""
        parts = row.name.split("/")
        return any(
            (row.root_id, "/".join(parts[:end])) in self._names for end in range(1, len(parts) + 1)
        )

    def summary(self) -> list[tuple[str, str]]:
        """Return for each rule the first thing that it leaves out, and how many more."""
        return [
            (shown, readable(str(key[1])) + (f", and {more} more" if more else ""))
            for key, shown in self._first.items()
            for more in [self._counts[key] - 1]
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """Which of the files that failed before are due.

    Attributes:
        now: Seconds since 1970.
        always: Whether none of them rests.
    """

    now: float = 0.0
    always: bool = False

    def due(self, row: FileRow, scope: Scope) -> bool:
        """Return whether a file, or an attachment of it, failed and is to be tried again."""
        resting = not (self.always or scope.named)
        return any(not resting or is_due(one.retry_at, self.now) for one in row.failed)


def draft_plan(
    scopes: Sequence[Scope],
    known: Sequence[FileRow],
    recipes: Recipes,
    *,
    checksum: bool,
    retries: Retries,
    being_written: frozenset[Path] = frozenset(),
) -> Draft:
    """Compare the scopes' files with what the catalog knows of them.

    Args:
        scopes: What to look at; overlapping ones count each file once.
        known: The catalog's files.
        recipes: Tells how a file would be read.
        checksum: Hash every file, even if its size and time stamp are the same.
        retries: Which failed files are due.
        being_written: Files to leave alone; what is known of them stays as it is.
    """
    draft = Draft()
    rows = {(row.root_id, row.name): row for row in known}
    met: dict[tuple[int, str], Found | PassedOver] = {}
    ruled_out = RuledOut()
    # A file that was named itself comes first: no rule of its folder leaves it out.
    for scope in sorted(scopes, key=lambda scope: not scope.single):
        for entry in _settled(scope.entries(), being_written):
            key = (scope.root.id, entry.name)
            if key in met:
                continue
            met[key] = entry
            if isinstance(entry, Found):
                _place(draft, scope, entry, rows.get(key), recipes, checksum, retries)
            elif entry.rule is not None:
                ruled_out.add(scope.root, entry.name, entry.rule)
            else:
                draft.skipped.append((scope.root.shown(entry.name), readable(entry.reason)))
    draft.skipped += ruled_out.summary()
    _place_missing(draft, scopes, known, met)
    _place_moved(draft, rows)
    draft.ignored += [row for row in draft.removed if ruled_out.covers(row)]
    held = {row.root_id for row in draft.removed}
    draft.vanished += sorted(
        {s.path for s in scopes if s.root.id in held and not s.single and not s.path.is_dir()}
    )
    return draft


def _settled(
    entries: Iterator[Found | PassedOver], being_written: frozenset[Path]
) -> Iterator[Found | PassedOver]:
    for entry in entries:
        if isinstance(entry, Found) and entry.path in being_written:
            reason = "it is being written; it is read when it has settled"
            yield PassedOver(name=entry.name, reason=reason, failed=True)
        else:
            yield entry


def draft_source(
    root: Root,
    known: Sequence[FileRow],
    documents: Iterable[Spooled],
    *,
    recipe: str,
    partial: bool,
) -> Draft:
    """Compare a source's documents with what the catalog knows of them.

    Args:
        root: The source's.
        known: The catalog's documents of the source.
        documents: Those that the source has now, no id twice.
        recipe: How they are read.
        partial: Whether there may be more: known ones that are not given stay.
    """
    draft = Draft(known=len(known))
    rows = {row.name: row for row in known}
    for document in documents:
        row = rows.pop(document.id, None)
        seen = Seen(
            root_id=root.id,
            name=document.id,
            path=row.path if row else root.shown(shown_id(document.id)),
            size=document.size,
            mtime_ns=0,
            sha256=document.sha256,
            recipe=recipe,
        )
        fresh = row is not None and row.parser == recipe
        due = row is not None and row.outcome == "failed"
        _place_hashed(draft, Task(path=root.path, seen=seen), row, fresh=fresh, due=due)
    if not partial:
        draft.removed += rows.values()
    return draft


def _place(
    draft: Draft,
    scope: Scope,
    entry: Found,
    row: FileRow | None,
    recipes: Recipes,
    checksum: bool,
    retries: Retries,
) -> None:
    root = scope.root
    shown = row.path if row else root.shown(entry.name)
    recipe = recipes.recipe(entry.path)
    if recipe is None:
        if row is not None:
            draft.removed.append(row)
        draft.skipped.append((shown, readable(recipes.refusal(entry.path))))
        return
    fresh = row is not None and _same_recipe(row, recipe, recipes)
    due = row is not None and retries.due(row, scope)
    if row is not None and fresh and not (checksum or due) and _same_stamp(entry, row):
        (draft.waiting if row.outcome == "failed" else draft.unchanged).append(row)
        return
    try:
        check_size(entry.size)
        digest = sha256(entry.path)
    except (UnreadableFileError, ParserLimitError) as exc:
        draft.unreadable.append((_seen(root, entry, shown, "", recipe), str(exc)))
        return
    task = Task(path=entry.path, seen=_seen(root, entry, shown, digest, recipe))
    _place_hashed(draft, task, row, fresh=fresh, due=due)


def _place_hashed(draft: Draft, task: Task, row: FileRow | None, *, fresh: bool, due: bool) -> None:
    if row is None:
        draft.added.append(task)
    elif row.sha256 != task.seen.sha256 or not fresh:
        draft.edited.append(task)
    elif row.outcome == "staged":
        (draft.edited if row.live else draft.added).append(task)
    elif due:
        draft.retry.append(replace(task, row=row))
    else:
        (draft.waiting if row.outcome == "failed" else draft.unchanged).append(row)
        draft.touched.append(task.seen)


def _place_moved(draft: Draft, rows: Mapping[tuple[int, str], FileRow]) -> None:
    """Take removed and added files of one content and recipe for moves."""
    new = [t for t in draft.added if (t.seen.root_id, t.seen.name) not in rows]
    pairs = _pairs(draft.removed, new, by_recipe=True)
    draft.moved = [Move(row=row, task=task) for row, task in pairs]
    gone = {move.row.id for move in draft.moved}
    there = {id(move.task) for move in draft.moved}
    draft.removed = [row for row in draft.removed if row.id not in gone]
    draft.added = [task for task in draft.added if id(task) not in there]


def _pairs(
    removed: Sequence[FileRow], added: Sequence[Task], *, by_recipe: bool = False
) -> list[tuple[FileRow, Task]]:
    """Pair what is gone with what is new of the same content, in the order of paths.

    Args:
        removed: Rows of files that are gone.
        added: Files that are new.
        by_recipe: Whether they must also be read alike.
    """
    gone: dict[tuple[str, str], list[FileRow]] = {}
    for row in reversed(removed):
        if row.live or row.outcome == "staged":
            gone.setdefault((row.sha256, row.parser if by_recipe else ""), []).append(row)
    return [
        (gone[key].pop(), task)
        for task in added
        if gone.get(key := (task.seen.sha256, task.seen.recipe if by_recipe else ""))
    ]


def _place_missing(
    draft: Draft,
    scopes: Sequence[Scope],
    known: Sequence[FileRow],
    met: Mapping[tuple[int, str], Found | PassedOver],
) -> None:
    """Count known files that are plain files no more as removed, unless that cannot be told."""
    lost = [key for key, entry in met.items() if isinstance(entry, PassedOver) and entry.failed]
    for row in known:
        if not any(scope.covers(row) for scope in scopes):
            continue
        draft.known += 1
        if isinstance(met.get((row.root_id, row.name)), Found):
            continue
        if any(root == row.root_id and _within(row.name, name) for root, name in lost):
            draft.unchanged.append(row)
        else:
            draft.removed.append(row)


def _within(name: str, folder: str) -> bool:
    return folder == "." or name == folder or name.startswith(f"{folder}/")


def _same_stamp(entry: Found, row: FileRow) -> bool:
    """Return whether a file is as it was when it was last tried, as far as its stamp tells."""
    same = (row.size, row.mtime_ns) == (entry.size, entry.mtime_ns)
    return same and bool(row.sha256) and row.outcome != "staged"


def _same_recipe(row: FileRow, recipe: str, recipes: Recipes) -> bool:
    """Return whether the file, and each attachment in it, would be read as it was."""
    return row.parser == recipe and all(
        inner.parser == recipes.recipe(Path(inner.name)) for inner in row.enclosed
    )


def _seen(root: Root, entry: Found, shown: str, digest: str, recipe: str) -> Seen:
    return Seen(
        root_id=root.id,
        name=entry.name,
        path=shown,
        size=entry.size,
        mtime_ns=entry.mtime_ns,
        sha256=digest,
        recipe=recipe,
    )
