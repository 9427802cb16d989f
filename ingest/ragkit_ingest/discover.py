"""Finds the files of a folder, without following a link out of it or reading a special file.

Names are relative to the root, with forward slashes; bytes that are not UTF-8 are kept as
surrogates, so that every file that exists can be opened again by its name.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ragkit_ingest.catalog.schema import FILE_NAME
from ragkit_ingest.errors import UnreadableFileError, UsageError
from ragkit_ingest.ignore import FILE_NAME as RULES_FILE
from ragkit_ingest.ignore import Rule, Rules

_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A plain file.

    Attributes:
        name: Relative to the root, with forward slashes.
        path: Where it is.
        size: In bytes.
        mtime_ns: Modification time in nanoseconds.
    """

    name: str
    path: Path
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOver:
    """Something in a folder that is not ingested.

    Attributes:
        name: Relative to the root, with forward slashes.
        reason: Why, in a few words.
        failed: Whether it may well be there but cannot be looked at: a folder without
            permission. What is known of it, and of all beneath it, stays as it is.
        rule: The rule that leaves it, and all beneath it, out; None if it is for another reason.
    """

    name: str
    reason: str
    failed: bool = False
    rule: Rule | None = None


def resolve(argument: str | os.PathLike[str]) -> Path:
    """Return the absolute path of a file or folder to ingest.

    Raises:
        UsageError: If it does not exist or is neither.
    """
    path = Path(os.path.abspath(Path(argument).expanduser()))  # noqa: PTH100 - keeps links
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise UsageError(f"there is no file or folder {path}; check the path") from None
    except (OSError, ValueError) as exc:
        raise UsageError(f"{path} cannot be opened ({exc}); check the path") from exc
    if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
        raise UsageError(f"{path} is neither a file nor a folder; ragkit reads plain files only")
    return path


def walk(root: Path, start: Path | None = None) -> Iterator[Found | PassedOver]:
    """Yield everything beneath `start`, a folder in `root`, in the order of names.

    Ragkit's own indexes, links to folders, links out of the root and special files are passed
    over, each with its reason. So is what the `.ragkitignore` files of the root and of the folders
    beneath it leave out; an ignored folder is one entry, and is not looked into. Hidden files and
    folders are not yielded at all, and nothing is if there is no such folder.

    Raises:
        ConfigError: If a `.ragkitignore` cannot be used.
    """
    real_root = os.path.realpath(root)
    start = start or root
    stack = [(start, Rules.within(root, start))]
    while stack:
        folder, rules = stack.pop()
        try:
            with os.scandir(folder) as entries:
                children = sorted(entries, key=lambda entry: entry.name)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as exc:
            yield _unopened(root, folder, exc)
            continue
        if any(child.name == FILE_NAME for child in children):
            yield PassedOver(name=_name(root, folder), reason="an index of ragkit")
            continue
        if any(child.name == RULES_FILE for child in children):
            rules = rules.with_file(folder)
        folders = []
        for child in children:
            if child.name.startswith("."):
                continue
            inner = child.is_dir(follow_symlinks=False)
            if rules.files and (ignored := _ignored(root, child, rules, folder=inner)):
                yield ignored
            elif inner:
                folders.append((Path(child.path), rules))
            else:
                yield _examine(root, real_root, child)
        stack += reversed(folders)


def examine_file(root: Path, path: Path) -> Found | PassedOver | None:
    """Return one file that was named directly, None if it is gone.

    A link is followed anywhere, and no rule leaves out what somebody named.
    """
    try:
        info = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as exc:
        return _unopened(root, path, exc)
    if not stat.S_ISREG(info.st_mode):
        return PassedOver(name=_name(root, path), reason="not a plain file")
    return Found(name=_name(root, path), path=path, size=info.st_size, mtime_ns=info.st_mtime_ns)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a plain file's content, in hexadecimal.

    Raises:
        UnreadableFileError: If it cannot be read, or is not a plain file any more.
    """
    try:
        # Without O_NONBLOCK, a pipe put in the file's place would hang the whole ingest.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UnreadableFileError("it is not a plain file")
            digest = hashlib.sha256()
            while block := os.read(descriptor, _BLOCK):
                digest.update(block)
        finally:
            os.close(descriptor)
    except OSError as exc:
        raise UnreadableFileError(f"it cannot be read ({exc.strerror or exc})") from exc
    return digest.hexdigest()


def _ignored(
    root: Path, entry: os.DirEntry[str], rules: Rules, *, folder: bool
) -> PassedOver | None:
    name = _name(root, Path(entry.path))
    rule = rules.ignoring(name, folder=folder)
    return PassedOver(name=name, reason=str(rule), rule=rule) if rule else None


def _examine(root: Path, real_root: str, entry: os.DirEntry[str]) -> Found | PassedOver:
    name = _name(root, Path(entry.path))
    try:
        if entry.is_symlink():
            target = os.path.realpath(entry.path)
            if os.path.commonpath([target, real_root]) != real_root:
                return PassedOver(name=name, reason="a link that leads out of the folder")
            if Path(target).is_dir():
                return PassedOver(name=name, reason="a link to a folder")
        info = entry.stat()
    except OSError as exc:
        nowhere = exc.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
        if nowhere and entry.is_symlink():
            return PassedOver(name=name, reason=f"a link that leads nowhere ({exc.strerror})")
        if nowhere:
            return PassedOver(name=name, reason="gone while the folder was read")
        return _unopened(root, Path(entry.path), exc)
    if not stat.S_ISREG(info.st_mode):
        return PassedOver(name=name, reason="not a plain file")
    return Found(name=name, path=Path(entry.path), size=info.st_size, mtime_ns=info.st_mtime_ns)


def _unopened(root: Path, path: Path, exc: OSError) -> PassedOver:
    return PassedOver(
        name=_name(root, path), reason=f"cannot be opened ({exc.strerror})", failed=True
    )


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
