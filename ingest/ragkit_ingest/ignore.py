"""Rules that leave files out: `.ragkitignore`, in the syntax of gitignore.

A rules file applies beneath its folder; of several matching rules the last one wins, those of an
inner folder over those of an outer one, and `!` takes a file back in. An ignored folder is not
walked, so that nothing in it can be taken back in.
"""

from __future__ import annotations

import os
import re
import stat
import warnings
from dataclasses import dataclass, replace
from pathlib import Path

from ragkit_ingest.errors import ConfigError

FILE_NAME = ".ragkitignore"
_LONGEST_FILE = 1 << 20
_LONGEST_QUOTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule that leaves something out.

    Attributes:
        file: The rules file, relative to the root, with slashes.
        line: Its line, counted from 1.
        text: As written.
    """

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"ignored by {self.file}, line {self.line} ({_quoted(self.text)})"


@dataclass(frozen=True, slots=True)
class _RulesFile:
    """The rules of one file; `folder` is relative to the root, "" for the root itself."""

    folder: str
    rules: tuple[tuple[Rule, re.Pattern[str], bool], ...]

    def verdict(self, name: str) -> Rule | bool | None:
        """Return the rule that leaves the name out, False if one takes it in, None if none does.

        The last rule that matches the entry itself decides. A match of a folder that it lies in
        says nothing: had it been ignored, nobody would ask.
        """
        inner = name.removeprefix(f"{self.folder}/" if self.folder else "")
        for rule, regex, ignores in reversed(self.rules):
            if any(_is_of_itself(match) for match in regex.finditer(inner)):
                return rule if ignores else False
        return None


def _is_of_itself(match: re.Match[str]) -> bool:
    """Return whether a pattern matched the whole name, and not only a folder at its front.

    pathspec notes in the group `ps_d` that a pattern ended at a slash; one that needs something
    behind the slash, such as `build/**`, does without the group.
    """
    mark = match.groupdict().get("ps_d")
    at_end = match.end() == len(match.string)
    return at_end if mark else not (at_end and match.string.endswith("/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules that apply in a folder.

    Attributes:
        root: The folder that was ingested.
        files: The rules files from the root down to the folder.
    """

    root: Path
    files: tuple[_RulesFile, ...] = ()

    @classmethod
    def within(cls, root: Path, folder: Path) -> Rules:
        """Return the rules that apply in a folder in the root, its own file not yet included.

        Raises:
            ConfigError: If a rules file above it cannot be used.
        """
        rules = cls(root=root)
        inner = root
        for part in folder.relative_to(root).parts:
            if os.path.lexists(inner / FILE_NAME):
                rules = rules.with_file(inner)
            inner /= part
        return rules

    def with_file(self, folder: Path) -> Rules:
        """Return the rules with those of the file in the folder.

        Raises:
            ConfigError: If it cannot be used; the message names the file and the line.
        """
        name = folder.relative_to(self.root).as_posix()
        loaded = _load(folder / FILE_NAME, "" if name == "." else name)
        return replace(self, files=(*self.files, loaded))

    def ignoring(self, name: str, *, folder: bool) -> Rule | None:
        """Return the rule that leaves out a file or folder, None if it is to be read.

        Args:
            name: Relative to the root, with slashes; its folder is not itself ignored.
            folder: Whether it is a folder.
        """
        path = f"{name}/" if folder else name
        for file in reversed(self.files):
            verdict = file.verdict(path)
            if verdict is not None:
                return verdict if isinstance(verdict, Rule) else None
        return None


def _load(path: Path, folder: str) -> _RulesFile:
    from pathspec.patterns.gitignore import GitIgnorePatternError
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    name = f"{folder}/{FILE_NAME}" if folder else FILE_NAME
    rules: list[tuple[Rule, re.Pattern[str], bool]] = []
    for number, text in enumerate(_decoded(path, _content(path)).split("\n"), start=1):
        line = text.removesuffix("\r")
        try:
            with warnings.catch_warnings():  # re.compile has doubts about sets such as [[a]
                warnings.simplefilter("ignore", FutureWarning)
                pattern = GitIgnoreSpecPattern(line)
        except (GitIgnorePatternError, re.error) as exc:
            raise _unusable(path, number, f"{_quoted(line)} is not a rule") from exc
        if pattern.regex is not None:
            rule = Rule(file=name, line=number, text=line.strip())
            rules.append((rule, pattern.regex, bool(pattern.include)))
        elif line.strip() and not line.startswith("#"):
            raise _unusable(path, number, f"{_quoted(line)} is a rule that matches nothing")
    return _RulesFile(folder, tuple(rules))


def _content(path: Path) -> bytes:
    try:
        # A link could lead out of the folder; a pipe would hang without O_NONBLOCK.
        flags = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
        if path.is_symlink():
            raise _unreadable(path, "is a link; put the rules themselves into a plain file")
        descriptor = os.open(path, os.O_RDONLY | flags)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise _unreadable(path, "is not a plain file; put the rules into one")
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(_LONGEST_FILE + 1)
        finally:
            os.close(descriptor)
    except OSError as exc:
        raise _unreadable(path, f"cannot be read ({exc.strerror or exc})") from exc
    if len(content) > _LONGEST_FILE:
        raise _unreadable(path, f"is longer than {_LONGEST_FILE:,} bytes; shorten it")
    return content


def _decoded(path: Path, content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _unusable(path, 1, "the file is in UTF-16; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        number = content.count(b"\n", 0, exc.start) + 1
        raise _unusable(path, number, "the line is not UTF-8; save the file as UTF-8") from exc
    if "\0" in text:
        number = text.count("\n", 0, text.index("\0")) + 1
        raise _unusable(path, number, "the line holds a NUL character")
    return text


def _quoted(text: str) -> str:
    text = text.strip()
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."


def _unusable(path: Path, line: int, why: str) -> ConfigError:
    return ConfigError(f"{path}, line {line}: {why}; correct the line: nothing was changed")


def _unreadable(path: Path, why: str) -> ConfigError:
    return ConfigError(f"{path} {why}: nothing was changed")
