"""What a sync would do: the files as they are against the files as the catalog knows them.

Reads files only to hash them; writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ragkit_ingest.catalog.staging import FileRow, Root, Seen, readable
from ragkit_ingest.discover import Found, PassedOver, examine_file, sha256, walk
from ragkit_ingest.errors import ParserLimitError, UnreadableFileError
from ragkit_ingest.parse.file import check_size


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
    """

    root: Root
    path: Path
    single: bool

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A file to parse.

    Attributes:
        path: Where it is.
        seen: Its content, as hashed.
    """

    path: Path
    seen: Seen


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPlan:
    """What a sync would do; paths as the index shows them, in order.

    Attributes:
        added: New files.
        edited: Known files with other content, or whose parser or settings changed.
        moved: (old, new) of files that were found again elsewhere, by content.
        removed: Known files that are gone.
        unchanged: Known files that need nothing.
        retry: Files that failed before and are tried again unchanged.
        skipped: (path, reason) of what is not ingested.
        unreadable: (path, reason) of files that cannot even be opened.
    """

    added: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    moved: tuple[tuple[str, str], ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    retry: tuple[str, ...] = ()
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
        touched: Files whose content is the same under a new time stamp.
        removed: Rows of files that are gone.
        unchanged: Rows of files that need nothing.
        skipped: What is not ingested, as shown, with the reason.
        unreadable: Files that cannot be opened, with the reason.
        known: How many files the catalog knew in the scope.
        vanished: Folders that hold known files but are not there any more.
    """

    added: list[Task] = field(default_factory=list)
    edited: list[Task] = field(default_factory=list)
    retry: list[Task] = field(default_factory=list)
    touched: list[Seen] = field(default_factory=list)
    removed: list[FileRow] = field(default_factory=list)
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
        """How many removed files were not found again elsewhere."""
        return len(self.removed) - len(self._moves())

    def _moves(self) -> dict[str, str]:
        """Return new path to old; a removed and an added file of one content is a move."""
        gone: dict[str, list[str]] = {}
        for row in reversed(self.removed):
            if row.live:
                gone.setdefault(row.sha256, []).append(row.path)
        return {
            task.seen.path: gone[task.seen.sha256].pop()
            for task in self.added
            if gone.get(task.seen.sha256)
        }

    def plan(self) -> SyncPlan:
        """Return the plan for people."""
        moves = self._moves()
        moved_away = set(moves.values())
        return SyncPlan(
            added=tuple(t.seen.path for t in self.added if t.seen.path not in moves),
            edited=tuple(t.seen.path for t in self.edited),
            moved=tuple((old, new) for new, old in moves.items()),
            removed=tuple(row.path for row in self.removed if row.path not in moved_away),
            unchanged=tuple(row.path for row in self.unchanged),
            retry=tuple(t.seen.path for t in self.retry),
            skipped=tuple(self.skipped),
            unreadable=tuple((seen.path, reason) for seen, reason in self.unreadable),
        )


def draft_plan(
    scopes: Sequence[Scope], known: Sequence[FileRow], recipes: Recipes, *, checksum: bool
) -> Draft:
    """Compare the scopes' files with what the catalog knows of them.

    Args:
        scopes: What to look at; overlapping ones count each file once.
        known: The catalog's files.
        recipes: Tells how a file would be read.
        checksum: Hash every file, even if its size and time stamp are the same.
    """
    draft = Draft()
    rows = {(row.root_id, row.name): row for row in known}
    met: dict[tuple[int, str], Found | PassedOver] = {}
    for scope in scopes:
        for entry in scope.entries():
            key = (scope.root.id, entry.name)
            if key in met:
                continue
            met[key] = entry
            if isinstance(entry, Found):
                _place(draft, scope.root, entry, rows.get(key), recipes, checksum)
            else:
                draft.skipped.append((scope.root.shown(entry.name), readable(entry.reason)))
    _place_missing(draft, scopes, known, met)
    held = {row.root_id for row in draft.removed}
    draft.vanished += sorted(
        {s.path for s in scopes if s.root.id in held and not s.single and not s.path.is_dir()}
    )
    return draft


def _place(
    draft: Draft,
    root: Root,
    entry: Found,
    row: FileRow | None,
    recipes: Recipes,
    checksum: bool,
) -> None:
    shown = row.path if row else root.shown(entry.name)
    recipe = recipes.recipe(entry.path)
    if recipe is None:
        if row is not None:
            draft.removed.append(row)
        draft.skipped.append((shown, readable(recipes.refusal(entry.path))))
        return
    if row is not None and not checksum and _same_stamp(entry, row, recipe):
        draft.unchanged.append(row)
        return
    try:
        check_size(entry.size)
        digest = sha256(entry.path)
    except (UnreadableFileError, ParserLimitError) as exc:
        draft.unreadable.append((_seen(root, entry, shown, "", recipe), str(exc)))
        return
    seen = _seen(root, entry, shown, digest, recipe)
    _place_hashed(draft, Task(path=entry.path, seen=seen), row)


def _place_hashed(draft: Draft, task: Task, row: FileRow | None) -> None:
    if row is None:
        draft.added.append(task)
    elif row.sha256 != task.seen.sha256 or row.parser != task.seen.recipe:
        draft.edited.append(task)
    elif row.outcome == "staged":
        (draft.edited if row.live else draft.added).append(task)
    elif row.outcome == "failed":
        draft.retry.append(task)
    else:
        draft.unchanged.append(row)
        draft.touched.append(task.seen)


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


def _same_stamp(entry: Found, row: FileRow, recipe: str) -> bool:
    return (row.size, row.mtime_ns, row.parser) == (
        entry.size,
        entry.mtime_ns,
        recipe,
    ) and row.outcome not in {"staged", "failed"}


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
