"""Isolated parsing: long-lived worker processes, one file in flight in each.

A file that crashes its worker, runs into a limit or never ends costs its own outcome and one
process start; every other file is unaffected. Workers start when first needed.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from ragkit_ingest.errors import ParserLimitError, SourceError, UnsupportedFormatError
from ragkit_ingest.parse.ahead import read_ahead
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.registry import ParserRegistry
from ragkit_ingest.parse.wire import (
    BEGUN,
    FrameTooLongError,
    outcome_from_json,
    read_frame,
    source_to_json,
    write_frame,
)
from ragkit_ingest.records import Attachment, Document

Key = TypeVar("Key")
Outcome = Document | SourceError

_CHILD = "ragkit_ingest.parse.child"
_GRACE_S = 5.0
_START_S = 60.0
_MAX_ATTACHMENTS = 1000
_MAX_DEPTH = 5
_AHEAD_CHARACTERS = 4 << 20
_AHEAD_OUTCOMES = 64


@dataclass(slots=True, eq=False)
class _Worker:
    """One child process and the thread that hears it."""

    process: subprocess.Popen[bytes]
    heard: queue.SimpleQueue[tuple[_Worker | None, bytes | None]]
    source: Source
    deadline: float = 0.0
    began: float = 0.0
    heard_at: float = 0.0
    begun: bool = False
    done: bool = False
    answered: bool = False
    too_long: bool = False
    thread: threading.Thread | None = None

    def listen(self, limit_bytes: int) -> None:
        """Begin to pass on what the child says."""
        self.thread = threading.Thread(target=self._hear, args=(limit_bytes,), daemon=True)
        self.thread.start()

    def _hear(self, limit_bytes: int) -> None:
        stream: Any = self.process.stdout
        try:
            while (payload := read_frame(stream, limit_bytes)) is not None:
                self.heard_at = time.monotonic()
                self.heard.put((self, payload))
        except FrameTooLongError:
            self.too_long = True
        except (OSError, ValueError):
            pass
        self.heard.put((self, None))

    def take(self, source: Source, deadline: float) -> bool:
        """Hand over a file; whether the child was there to take it."""
        self.source, self.deadline = source, deadline
        self.begun, self.done, self.began = False, False, 0.0
        return self.tell(source_to_json(source))

    def worked_s(self) -> float:
        """Return for how long it was at its file; 0 if it did not begin.

        An answer may have waited long until somebody had the time to look at it.
        """
        ended = self.heard_at if self.done else time.monotonic()
        return max(ended - self.began, 0.0) if self.begun else 0.0

    def tell(self, message: object) -> bool:
        """Send a message; whether the child was there to take it."""
        stream: Any = self.process.stdin
        try:
            write_frame(stream, message)
        except (OSError, ValueError):
            return False
        return True

    def end(self) -> int:
        """Kill the child if it still runs and return its exit status."""
        self.process.kill()
        status = self.process.wait()
        if self.thread is not None:
            self.thread.join(_GRACE_S)
        for stream in (self.process.stdin, self.process.stdout):
            try:
                if stream is not None:
                    stream.close()
            except OSError:
                continue
        return status


@dataclass(slots=True, eq=False)
class _File(Generic[Key]):
    """One file of the caller's, and what became of it and of the files within it."""

    key: Key
    source: Source
    outcome: Outcome | None = None
    attachments: dict[str, Attachment] = field(default_factory=dict)
    open: int = 0
    characters: int = 0
    spent_s: float = 0.0

    def finished(self) -> tuple[Key, Outcome]:
        """Return the key with the Document, its attachments read, or with the error."""
        if not isinstance(self.outcome, Document):
            return self.key, self.outcome or ParserLimitError("the file was not read")
        return self.key, replace(self.outcome, attachments=tuple(self.attachments.values()))


@dataclass(frozen=True, slots=True)
class _Job(Generic[Key]):
    """The file itself, or an attachment of it: what one worker does next."""

    file: _File[Key]
    source: Source

    @property
    def name(self) -> str:
        """The attachment's name; empty for the file itself."""
        return "/".join(self.source.member)


class Watch(Protocol):
    """Is told what a pool's workers are at, as it happens."""

    def begun(self, source: Source, pid: int) -> None:
        """A worker opened a file, or an attachment of one."""
        ...

    def ended(self, source: Source, outcome: Document | SourceError) -> None:
        """A file, or an attachment, came to this; also where no worker was needed for it."""
        ...


class ParserPool:
    """Parses files in separate processes, and each of their attachments on its own.

    Not for use by two threads at once. Close it, or use it in a `with` statement.

    Args:
        workers: How many processes at most, 1 or more.
        timeout_s: Wall-clock seconds of work for one file, its attachments included.
        memory_bytes: Memory that one process may have, where the system can limit it.
        output_bytes: Characters of text that one file may give.
        registry: Which parser reads what.
        watch: Is told what the workers are at.
    """

    def __init__(
        self,
        workers: int,
        *,
        timeout_s: float = 120.0,
        memory_bytes: int = 1 << 30,
        output_bytes: int = 64 << 20,
        registry: ParserRegistry | None = None,
        watch: Watch | None = None,
    ) -> None:
        if workers < 1:
            raise ValueError(f"a pool needs 1 worker or more, not {workers}")
        self._count = workers
        self._timeout_s = timeout_s
        self._memory_bytes = memory_bytes
        self._output_bytes = output_bytes
        self._registry = registry or ParserRegistry()
        self._watch = watch
        self._heard: queue.SimpleQueue[tuple[_Worker | None, bytes | None]] = queue.SimpleQueue()
        self._stopped = False
        self._idle: list[_Worker] = []
        # Where workers unpack attachments; a killed one leaves its files for us to delete.
        self._scratch: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> ParserPool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all workers."""
        while self._idle:
            self._idle.pop().end()
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None

    def parse(self, source: Source) -> Document:
        """Return one file's Document.

        Raises:
            SourceError: If it cannot become one.
        """
        (_, outcome), *_ = self.parse_all([(None, source)])
        if isinstance(outcome, SourceError):
            raise outcome
        return outcome

    def parse_all(
        self, sources: Iterable[tuple[Key, Source]]
    ) -> Generator[tuple[Key, Document | SourceError], None, None]:
        """Yield every source's key with its Document or its error, as they become ready.

        The workers go on while the caller is busy, until 64 outcomes or 4 Mi characters wait.
        Sources are taken from the iterable, in another thread, only as workers become free.
        """
        self._stopped = False
        return read_ahead(
            self._outcomes(sources), weigh=_weight, limit=_AHEAD_CHARACTERS, stop=self._stop
        )

    def _stop(self) -> None:
        """Let `_next` return at once; called from another thread."""
        self._stopped = True
        self._heard.put((None, None))

    def _outcomes(
        self, sources: Iterable[tuple[Key, Source]]
    ) -> Generator[tuple[Key, Document | SourceError], None, None]:
        todo: deque[_Job[Key]] = deque()
        jobs = self._jobs(todo, iter(sources))
        busy: dict[_Worker, _Job[Key]] = {}
        try:
            while True:
                while len(busy) < self._count and (job := next(jobs)) is not None:
                    refusal = self._refusal(job)
                    if refusal is None:
                        busy[self._hand_over(job.source)] = job
                    elif self._settle(job, refusal, todo):
                        yield job.file.finished()
                if not busy:
                    return
                found = self._next(busy)
                if found is None:
                    return
                worker, outcome = found
                job = busy.pop(worker)
                job.file.spent_s += worker.worked_s()
                if outcome is None:
                    busy[self._hand_over(worker.source)] = job
                elif self._settle(job, outcome, todo):
                    yield job.file.finished()
        finally:
            for worker in busy:
                worker.end()

    def _refusal(self, job: _Job[Key]) -> SourceError | None:
        """Return why no worker is to try a file; None if one is."""
        if not self._registry.reads(_named(job)):
            return UnsupportedFormatError(self._registry.refusal(_named(job)))
        if job.file.spent_s > self._timeout_s:
            return ParserLimitError(
                f"the file and its attachments take more than {self._timeout_s:g} seconds"
            )
        return None

    def _jobs(
        self, todo: deque[_Job[Key]], sources: Iterator[tuple[Key, Source]]
    ) -> Iterator[_Job[Key] | None]:
        """Yield attachments as long as there are any, else the next file; None at the end."""
        while True:
            if todo:
                yield todo.popleft()
            elif (pair := next(sources, None)) is not None:
                key, source = pair
                source = replace(source, ocr=source.ocr or self._registry.ocr)
                yield _Job(_File(key, source, open=1), source)
            else:
                yield None

    def _settle(self, job: _Job[Key], outcome: Outcome, todo: deque[_Job[Key]]) -> bool:
        """Record what a job came to; whether its file is finished."""
        file = job.file
        file.open -= 1
        if self._watch is not None:
            self._watch.ended(job.source, outcome)
        if isinstance(outcome, Document):
            file.characters += len(outcome.text)
            self._enqueue(job, outcome, todo)
            outcome = replace(outcome, attachments=())
        if not job.name:
            file.outcome = outcome
        elif isinstance(outcome, SourceError):
            file.attachments[job.name] = Attachment(name=job.name, failure=str(outcome))
        else:
            file.attachments[job.name] = Attachment(name=job.name, document=outcome)
        return not file.open

    def _enqueue(self, job: _Job[Key], document: Document, todo: deque[_Job[Key]]) -> None:
        file = job.file
        for attachment in document.attachments:
            member = (*job.source.member, attachment.name)
            name = "/".join(member)
            count = len(file.attachments)
            if name in file.attachments or count > _MAX_ATTACHMENTS:
                continue
            failure = ""
            if count == _MAX_ATTACHMENTS:
                failure = f"of a file's attachments, {_MAX_ATTACHMENTS} are read, and no more"
            elif len(member) > _MAX_DEPTH:
                failure = f"it is nested more than {_MAX_DEPTH} levels deep"
            elif file.characters > self._output_bytes:
                failure = "the file and its attachments give more text than the limit allows"
            # The place in the file's order is taken now, the outcome comes later.
            file.attachments[name] = Attachment(name=name, failure=failure)
            if not failure:
                file.open += 1
                todo.append(_Job(file, replace(file.source, member=member)))

    def _hand_over(self, source: Source) -> _Worker:
        deadline = time.monotonic() + _START_S
        while self._idle:
            worker = self._idle.pop()
            if worker.process.poll() is None and worker.take(source, deadline):
                return worker
            worker.end()
        worker = self._start(source)
        worker.take(source, deadline)
        return worker

    def _start(self, source: Source) -> _Worker:
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix="ragkit-")
        path = os.pathsep.join(entry or str(os.getcwd()) for entry in sys.path)  # noqa: PTH109
        process = subprocess.Popen(  # noqa: S603 - our own module, by this interpreter
            [sys.executable, "-m", _CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path, "TMPDIR": self._scratch.name},
        )
        worker = _Worker(process, self._heard, source)
        # One character takes at most 12 bytes of ASCII JSON; blocks and pages come on top.
        worker.listen(16 * self._output_bytes + (64 << 20))
        worker.tell(
            {
                "targets": self._registry.targets,
                "memory_bytes": self._memory_bytes,
                "output_bytes": self._output_bytes,
                "timeout_s": self._timeout_s,
            }
        )
        return worker

    def _next(self, busy: dict[_Worker, _Job[Key]]) -> tuple[_Worker, Outcome | None] | None:
        """Wait for the next outcome: an answer, a death, a deadline.

        Returns:
            The worker and the outcome, None to try again; None alone if nobody wants more.
        """
        while not self._stopped:
            first = min(busy, key=lambda worker: worker.deadline)
            left = max(first.deadline - time.monotonic(), 0.0)
            try:
                worker, payload = self._heard.get(timeout=left)
            except queue.Empty:
                first.end()
                return first, self._overrun(first)
            if worker is None or worker not in busy:
                continue
            if payload == BEGUN:
                worker.begun, worker.began = True, time.monotonic()
                if self._watch is not None:
                    self._watch.begun(worker.source, worker.process.pid)
                worker.deadline = worker.began + max(self._timeout_s - busy[worker].file.spent_s, 1)
                continue
            return worker, self._outcome(worker, payload)
        return None

    def _overrun(self, worker: _Worker) -> ParserLimitError:
        if not worker.begun:
            return ParserLimitError(f"the parsing process did not start within {_START_S:g} s")
        return ParserLimitError(f"reading the file takes more than {self._timeout_s:g} seconds")

    def _outcome(self, worker: _Worker, payload: bytes | None) -> Outcome | None:
        if payload is None:
            return self._death(worker)
        worker.answered = worker.done = True
        outcome = outcome_from_json(payload)
        if _retires(payload):
            worker.end()
        else:
            self._idle.append(worker)
        return outcome

    def _death(self, worker: _Worker) -> ParserLimitError | None:
        """Return whose fault a death is; None if the file had no part in it."""
        try:
            status = worker.process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            status = 0
        worker.end()
        if worker.too_long:
            return ParserLimitError("the file gives more text than the limit allows")
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        if worker.begun:
            return ParserLimitError(f"reading the file ended its process ({how})")
        if worker.answered:
            return None
        return ParserLimitError(f"the parsing process did not start ({how})")


def _weight(found: tuple[object, Outcome]) -> int:
    """Return what an outcome counts while it waits: its characters, and a share of 64."""
    outcome = found[1]
    length = 0
    if isinstance(outcome, Document):
        parts = (outcome, *(a.document for a in outcome.attachments if a.document))
        length = sum(len(part.text) for part in parts)
    return length + _AHEAD_CHARACTERS // _AHEAD_OUTCOMES


def _named(job: _Job[Any]) -> Path:
    """Return the name by which a job's parser is found."""
    return Path(job.source.member[-1]) if job.source.member else job.source.path


def _retires(payload: bytes) -> bool:
    # The answer's last field; reading it twice as JSON would cost as much as the document.
    return not payload.endswith(b'"retire":false}')
