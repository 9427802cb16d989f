"""Records of answers: what was asked, read, written and verified, in a file that shows tampering.

A file of JSON Lines, one answer a line. Each line holds the hash of the line before it and its
own, so that a line which was altered, removed or put elsewhere is noticed. Whoever can write the
file can also write all of it anew: keep the last hash elsewhere (`ragkit audit` prints it).
No key, and no address but its host, is ever written.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ragkit.answer import Answer
from ragkit.config import Config
from ragkit.generate.protocol import Turn
from ragkit_ingest.disk import append_line
from ragkit_ingest.errors import StorageError, UsageError
from ragkit_ingest.status import StoredText

KIND = "ragkit-answer"
VERSION = 1
START = "0" * 64
"""What stands for the hash before the first line."""

_LOCK_WAIT_S = 10.0
_TAIL_BYTES = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What an answer was made with, beyond what it says itself.

    Attributes:
        config: The settings.
        embedder_digest: Of the embedder's fingerprint.
        documents: SHA-256 of the stored text of each document that was looked at, by its id.
        typed: The question as it was typed; "" if it is the one that was searched.
        history: Earlier turns, oldest first.
        destination: Where passages were sent; "" if nowhere.
        prompt_sha256: Of the prompt's texts; "" without a prompt.
    """

    config: Config
    embedder_digest: str
    documents: Mapping[int, str]
    typed: str = ""
    history: Sequence[Turn] = ()
    destination: str = ""
    prompt_sha256: str = ""


def record(answer: Answer, made: Made, *, at: datetime | None = None) -> dict[str, object]:
    """Return the record of an answer, without its place in a file.

    Args:
        answer: As it is given.
        made: What it was made with.
        at: When, with a time zone; by default now.
    """
    told = answer.to_json()
    searched = answer.standalone_question or answer.question
    return {
        "kind": KIND,
        "version": VERSION,
        "at": (at or datetime.now(UTC)).isoformat(timespec="milliseconds"),
        "question": made.typed or answer.question,
        "standalone_question": searched,
        "history": [{"question": t.question, "answer": _sha256(t.answer)} for t in made.history],
        "index": {
            "generation": answer.generation,
            "embedder": answer.embedder,
            "embedder_digest": made.embedder_digest,
        },
        "generator": {
            "name": answer.generator,
            "model": answer.usage.model,
            "host": host(made.destination),
        },
        "prompt": {"version": answer.usage.prompt_version, "sha256": made.prompt_sha256},
        "config": _told(made.config),
        "passages": [
            {
                "rank": passage.rank,
                "path": passage.path,
                "document_sha256": made.documents.get(passage.document_id, ""),
                "start": passage.start,
                "end": passage.end,
                "sha256": _sha256(passage.text),
                "score": round(passage.score, 6),
                "similarity": passage.similarity,
                "rerank_score": passage.rerank_score,
            }
            for passage in answer.passages
        ],
        "answer": {
            name: told[name]
            for name in (
                "text", "abstained", "confidence", "sentences", "citations", "usage", "warnings"
            )
        },
    }  # fmt: skip


def host(address: str) -> str:
    """Return scheme, host and port of an address, without a user, a path or a query."""
    if not address:
        return ""
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.hostname}{port}" if parts.hostname else ""


def _told(config: Config) -> dict[str, object]:
    values = {field.name: getattr(config, field.name) for field in fields(config)}
    return {
        name: host(value) if name.endswith("_url") else value
        for name, value in values.items()
        if not name.endswith("_key_env") and name != "audit"
    }


class AuditFile:
    """A file of records.

    Args:
        path: The file; made, readable by its owner alone, at the first use.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser()

    def check(self) -> None:
        """Make sure that records can be added, before anything is asked.

        Raises:
            UsageError: If the file holds something else.
            StorageError: If it cannot be written.
        """
        with self._opened() as descriptor:
            self._last_hash(descriptor)

    def append(self, entry: Mapping[str, object]) -> None:
        """Add a record at the end, whole or not at all, whoever else writes.

        Raises:
            UsageError: If the file holds something else.
            StorageError: If it cannot be written; an answer must not be given then.
        """
        with self._opened() as descriptor:
            line = _line({**entry, "previous": self._last_hash(descriptor)})
            size = os.fstat(descriptor).st_size
            try:
                append_line(descriptor, line)
            except OSError:  # nobody else has written since: the lock is held
                with suppress(OSError):
                    os.ftruncate(descriptor, size)
                raise

    @contextmanager
    def _opened(self) -> Iterator[int]:
        from filelock import FileLock, Timeout

        if not self.path.parent.is_dir():  # the lock would make it
            raise UsageError(
                f"the folder of the audit file {self.path} does not exist; make it first"
            )
        try:
            with FileLock(f"{self.path}.lock", timeout=_LOCK_WAIT_S, mode=0o600):
                flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
                descriptor = os.open(self.path, flags, stat.S_IRUSR | stat.S_IWUSR)
                try:
                    yield descriptor
                finally:
                    os.close(descriptor)
        except Timeout as exc:
            raise StorageError(
                f"the audit file {self.path} was in use for {_LOCK_WAIT_S:g} s, so the answer "
                "could not be recorded and is not given; ask again"
            ) from exc
        except OSError as exc:
            raise StorageError(
                f"the audit file {self.path} cannot be written ({exc.strerror or exc}), and "
                "without a record no answer is given; make room, or name another file"
            ) from exc

    def _last_hash(self, descriptor: int) -> str:
        """Return the hash of the last whole record."""
        size = os.fstat(descriptor).st_size
        if not size:
            return START
        length = _TAIL_BYTES
        while True:
            at = max(0, size - length)
            os.lseek(descriptor, at, os.SEEK_SET)
            lines = _read(descriptor, size - at).split(b"\n")
            whole = lines[(1 if at else 0) : -1]
            if whole or not at:
                break
            length *= 4
        for line in reversed(whole):
            found = _parsed(line)
            if found is not None:
                return str(found.get("hash"))
        raise UsageError(f"{self.path} is no audit file of ragkit; name another one, or a new one")

    def entries(self) -> Iterator[Mapping[str, Any] | None]:
        """Yield every line as a record; None for a line that is none.

        Raises:
            UsageError: If there is no such file.
            StorageError: If it cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                yield from (_parsed(line.rstrip(b"\n")) for line in file)
        except FileNotFoundError as exc:
            raise UsageError(
                f"there is no audit file {self.path}; ask with --audit {self.path} to begin one"
            ) from exc
        except OSError as exc:
            raise StorageError(
                f"the audit file {self.path} cannot be read ({exc.strerror or exc})"
            ) from exc


def _line(entry: Mapping[str, object]) -> bytes:
    return (_json({**entry, "hash": digest(entry)}) + "\n").encode()


def digest(entry: Mapping[str, object]) -> str:
    """Return the hash of a record: SHA-256 of its JSON with sorted keys, without "hash"."""
    return _sha256(_json({key: value for key, value in entry.items() if key != "hash"}))


def _json(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def text_digest(text: str) -> str:
    """Return the hash under which records name a text."""
    return _sha256(text)


def _parsed(line: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("kind") == KIND else None


def _read(descriptor: int, size: int) -> bytes:
    parts = []
    while size and (part := os.read(descriptor, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


# -- what became of it ---------------------------------------------------------------------------

UNCHANGED, MOVED, CHANGED, REMOVED = "unchanged", "moved", "changed", "removed"
Show = Callable[[str], StoredText]
"""Returns a document's stored text by its path; raises `UsageError` if there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """What became of a source of an answer.

    Attributes:
        path: Of the document.
        start: Where the text stood.
        end: After its last character.
        n: The citation's number; 0 for a passage that was only looked at.
        state: "unchanged" (it stands where it stood), "moved" (elsewhere in the document),
            "changed" (nowhere in it), "removed" (the document is gone).
        edited: Whether anything in the document is another than it was.
    """

    path: str
    start: int
    end: int
    n: int
    state: str
    edited: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryState:
    """What became of one record.

    Attributes:
        line: In the file, from 1.
        at: When the answer was given; "" if the line cannot be read.
        question: As asked.
        intact: Whether the record is as it was written, and follows the one before it.
        problem: What is wrong with its place or its content; "" if nothing is.
        sources: Its citations, then the passages that were looked at.
    """

    line: int
    at: str = ""
    question: str = ""
    intact: bool = True
    problem: str = ""
    sources: tuple[SourceState, ...] = ()

    @property
    def verifies(self) -> bool:
        """Whether every quote still stands, character by character, where it is cited."""
        return self.intact and all(s.state == UNCHANGED for s in self.sources if s.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What became of a file's records.

    Attributes:
        entries: In the file's order.
        last_hash: Of the last record; to be kept elsewhere.
    """

    entries: tuple[EntryState, ...]
    last_hash: str

    @property
    def intact(self) -> bool:
        """Whether no record was altered, removed or put elsewhere."""
        return all(entry.intact for entry in self.entries)

    def to_json(self) -> dict[str, object]:
        """Return the report in the shape of `ragkit audit --json`."""
        return {
            "intact": self.intact,
            "last_hash": self.last_hash,
            "records": [
                {
                    "line": entry.line,
                    "at": entry.at,
                    "question": entry.question,
                    "intact": entry.intact,
                    "problem": entry.problem,
                    "verifies": entry.verifies,
                    "sources": [
                        {name: getattr(source, name) for name in source.__slots__}
                        for source in entry.sources
                    ],
                }
                for entry in self.entries
            ],
        }


def compare(file: AuditFile, show: Show) -> AuditReport:
    """Return what became of every record of a file and of its sources.

    Args:
        file: The records.
        show: Of the index as it is now.

    Raises:
        UsageError: If there is no such file.
    """
    previous = START
    states = []
    documents: dict[str, str | None] = {}
    for number, entry in enumerate(file.entries(), start=1):
        if entry is None:
            states.append(EntryState(line=number, intact=False, problem="this is no record"))
            continue
        states.append(_state(number, entry, previous, documents, show))
        previous = str(entry.get("hash"))
    return AuditReport(entries=tuple(states), last_hash=previous)


def _state(
    number: int,
    entry: Mapping[str, Any],
    previous: str,
    documents: dict[str, str | None],
    show: Show,
) -> EntryState:
    problem = _problem(entry, previous)
    try:
        sources = tuple(_sources(entry, documents, show))
        at, question = str(entry["at"]), str(entry["question"])
    except (KeyError, TypeError, ValueError):
        problem = problem or "the record lacks a part"
        return EntryState(line=number, intact=False, problem=problem)
    return EntryState(
        line=number, at=at, question=question, intact=not problem, problem=problem, sources=sources
    )


def _problem(entry: Mapping[str, Any], previous: str) -> str:
    if entry.get("version") != VERSION:
        return f"the record is of version {entry.get('version')!r}; this ragkit reads {VERSION}"
    if entry.get("hash") != digest(entry):
        return "the record was altered"
    if entry.get("previous") != previous:
        return "the record before it is not the one that was there: removed, added or moved"
    return ""


def _sources(
    entry: Mapping[str, Any], documents: dict[str, str | None], show: Show
) -> Iterator[SourceState]:
    hashes = {passage["path"]: passage["document_sha256"] for passage in entry["passages"]}
    for citation in entry["answer"]["citations"]:
        text = _text(citation["path"], documents, show)
        start, end, quote = int(citation["start"]), int(citation["end"]), citation["quote"]
        moved = MOVED if text is not None and quote in text else CHANGED
        yield SourceState(
            path=citation["path"], start=start, end=end, n=int(citation["n"]),
            state=_became(text, same=text is not None and text[start:end] == quote, else_=moved),
            edited=text is None or _sha256(text) != hashes.get(citation["path"]),
        )  # fmt: skip
    for passage in entry["passages"]:
        text = _text(passage["path"], documents, show)
        start, end = int(passage["start"]), int(passage["end"])
        same = text is not None and _sha256(text[start:end]) == passage["sha256"]
        yield SourceState(
            path=passage["path"], start=start, end=end, n=0,
            state=_became(text, same=same, else_=CHANGED),
            edited=text is None or _sha256(text) != passage["document_sha256"],
        )  # fmt: skip


def _became(text: str | None, *, same: bool, else_: str) -> str:
    if text is None:
        return REMOVED
    return UNCHANGED if same else else_


def _text(path: str, documents: dict[str, str | None], show: Show) -> str | None:
    """Return the stored text of the document with exactly this path; None if it is gone."""
    if path not in documents:
        try:
            found = show(path)
        except UsageError:
            documents[path] = None
        else:
            documents[path] = found.text if found.path == path else None
    return documents[path]
