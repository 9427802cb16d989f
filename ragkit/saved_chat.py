"""Chats kept on disk, one JSON Lines file a session, so that they can be resumed.

They lie in the user's own state folder, not in the index: an index may be read-only, shared or
copied, and what a person asked is theirs. The folder is `$RAGKIT_STATE/chats`, else
`$XDG_STATE_HOME/ragkit/chats`, else `~/.local/state/ragkit/chats`, with a folder for each index.
Folders and files can be read by their owner alone.

Each turn is one line, appended in one write and flushed to the disk before the next question. A
line that was cut off, as when the machine went down, is passed over when reading; what is
appended afterwards begins on a line of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ragkit.answer import Answer, Citation, Sentence
from ragkit_ingest.disk import append_line
from ragkit_ingest.errors import StorageError, UsageError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CITATION = ("n", "path", "page", "start", "end", "quote", "verified", "page_label")
_SUFFIX = ".jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a session holds.

    Attributes:
        answers: Since it was last started anew, oldest first; without passages and evidence.
        unreadable: How many lines were cut off or are no turns.
    """

    answers: tuple[Answer, ...] = ()
    unreadable: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A session, as a list shows it.

    Attributes:
        name: Its name.
        turns: How many answers it holds since it was last started anew.
        last: When it was last written to, in UTC.
        question: The last question; empty if there is none.
    """

    name: str
    turns: int
    last: datetime
    question: str

    def to_json(self) -> dict[str, object]:
        """Return the session in the shape of `ragkit chat --sessions --json`."""
        return {
            "name": self.name,
            "turns": self.turns,
            "last": self.last.isoformat(timespec="seconds"),
            "question": self.question,
        }


class SavedChat:
    """One session on disk.

    Args:
        name: Letters, digits, dots, dashes and underscores, 1 to 64 of them.
        index: The index folder that the chat is about.

    Raises:
        UsageError: If the name cannot be used.
    """

    def __init__(self, name: str, index: str | os.PathLike[str]) -> None:
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} cannot name a session; use 1 to 64 letters, digits, dots, dashes and "
                "underscores, beginning with a letter or a digit"
            )
        self.name = name
        self.path = folder_of(index) / f"{name}{_SUFFIX}"

    def append(self, answer: Answer) -> None:
        """Add a turn.

        Raises:
            StorageError: If the file cannot be written.
        """
        self._write({"time": _now(), **_to_line(answer)})

    def start_anew(self) -> None:
        """Note that what was said so far is not to be leaned on any more.

        Raises:
            StorageError: If the file cannot be written.
        """
        if self.path.exists():
            self._write({"time": _now(), "anew": True})

    def read(self) -> Restored:
        """Return what the session holds; nothing if it is new.

        Raises:
            StorageError: If the file cannot be read.
        """
        try:
            return _restored(self.path.read_bytes())
        except FileNotFoundError:
            return Restored()
        except OSError as exc:
            raise _storage_error("read", self.path, exc) from exc

    def delete(self) -> None:
        """Erase the session from the disk.

        Raises:
            StorageError: If it cannot be erased.
        """
        try:
            self.path.unlink(missing_ok=True)
        except OSError as exc:
            raise _storage_error("erase", self.path, exc) from exc

    def _write(self, line: dict[str, object]) -> None:
        data = (json.dumps(line, ensure_ascii=True, allow_nan=False) + "\n").encode()
        try:
            _private_folder(self.path.parent)
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
            file = os.open(self.path, flags, 0o600)
            try:
                append_line(file, data)
            finally:
                os.close(file)
        except OSError as exc:
            raise _storage_error("write", self.path, exc) from exc


def listed(index: str | os.PathLike[str]) -> list[Listed]:
    """Return the sessions about an index, the one last used first.

    Raises:
        StorageError: If one cannot be read.
    """
    found = []
    for path in folder_of(index).glob(f"*{_SUFFIX}"):
        if not _NAME.fullmatch(path.stem):
            continue
        answers = SavedChat(path.stem, index).read().answers
        found.append(
            Listed(
                name=path.stem,
                turns=len(answers),
                last=datetime.fromtimestamp(path.stat().st_mtime, UTC),
                question=answers[-1].question if answers else "",
            )
        )
    return sorted(found, key=lambda session: (session.last, session.name), reverse=True)


def folder_of(index: str | os.PathLike[str]) -> Path:
    """Return the folder of the sessions about an index; it need not exist."""
    state = os.environ.get("RAGKIT_STATE")
    if state:
        root = Path(state).expanduser()
    else:
        home = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
        root = Path(home).expanduser() / "ragkit"
    place = str(Path(index).expanduser().resolve())
    digest = hashlib.sha256(os.fsencode(place)).hexdigest()[:16]
    return root / "chats" / digest


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _to_line(answer: Answer) -> dict[str, object]:
    return {
        "question": answer.question,
        "standalone_question": answer.standalone_question or answer.question,
        "text": answer.text,
        "abstained": answer.abstained,
        "confidence": round(answer.confidence, 4),
        "min_confidence": answer.min_confidence,
        "sentences": [sentence.to_json() for sentence in answer.sentences],
        "citations": [{name: getattr(c, name) for name in _CITATION} for c in answer.citations],
        "generator": answer.generator,
        "generation": answer.generation,
    }


def _restored(data: bytes) -> Restored:
    answers: list[Answer] = []
    unreadable = 0
    for line in data.split(b"\n"):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            if entry.get("anew") is True:
                answers.clear()
            else:
                answers.append(_from_line(entry))
        except (ValueError, TypeError, KeyError, AttributeError):
            unreadable += 1  # cut off, or changed by another hand: said when the chat resumes
    return Restored(answers=tuple(answers), unreadable=unreadable)


def _from_line(entry: dict[str, object]) -> Answer:
    sentences, citations = entry["sentences"], entry["citations"]
    if not isinstance(sentences, list) or not isinstance(citations, list):
        raise TypeError("no turn")
    return Answer(
        question=_text(entry["question"]),
        standalone_question=_text(entry["standalone_question"]),
        text=_text(entry["text"]),
        abstained=entry["abstained"] is True,
        confidence=_number(entry["confidence"]),
        min_confidence=_number(entry["min_confidence"]),
        sentences=tuple(
            Sentence(
                text=_text(sentence["text"]),
                citations=tuple(int(n) for n in sentence["citations"]),
                supported=sentence["supported"] is True,
                neutral=sentence.get("neutral") is True,
            )
            for sentence in sentences
        ),
        citations=tuple(
            Citation(
                n=int(cited["n"]),
                path=_text(cited["path"]),
                page=None if cited["page"] is None else int(cited["page"]),
                start=int(cited["start"]),
                end=int(cited["end"]),
                quote=_text(cited["quote"]),
                verified=cited["verified"] is True,
                page_label=_text(cited["page_label"]),
            )
            for cited in citations
        ),
        generator=_text(entry["generator"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("no number")
    return float(value)


def _private_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for ours in (folder, folder.parent):
        if ours.stat().st_mode & 0o077:
            ours.chmod(0o700)


def _storage_error(what: str, path: Path, exc: OSError) -> StorageError:
    return StorageError(
        f"cannot {what} the session {path}: {exc.strerror or exc}; check the folder, or choose "
        "another with RAGKIT_STATE"
    )
