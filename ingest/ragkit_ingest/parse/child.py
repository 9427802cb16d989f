"""The worker process: reads requests from stdin, answers with Documents, one at a time.

Started by `worker.ParserPool` as `python -m ragkit_ingest.parse.child`. It ends when its stdin
closes, even in the middle of a file, so that no worker outlives its parent. Nothing that a
library prints reaches the parent: the answers' file descriptor is moved away from fd 1.
"""

from __future__ import annotations

import math
import os
import queue
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from json import loads
from pathlib import Path
from typing import Any, BinaryIO

from ragkit_ingest.errors import (
    BrokenFileError,
    ParserLimitError,
    SourceError,
    UnreadableFileError,
    UnsupportedFormatError,
)
from ragkit_ingest.parse.file import check_plain
from ragkit_ingest.parse.protocol import Container, Source
from ragkit_ingest.parse.registry import ParserRegistry
from ragkit_ingest.parse.wire import (
    document_to_json,
    error_to_json,
    read_frame,
    source_from_json,
    write_frame,
)
from ragkit_ingest.records import Document

# Windows has no such limits; there, the parent's wall clock still holds.
resource: Any = import_module("resource") if sys.platform != "win32" else None

_REQUEST_BYTES = 1 << 24
# All that libxml2 says when it gets no memory.
_LIBXML_SILENT = "unknown error"


def main() -> None:
    """Serve requests until stdin closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers = _take_streams()
    inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests, inbox), daemon=True).start()
    limits = inbox.get()
    _limit_memory(limits["memory_bytes"])
    registry = ParserRegistry(limits["targets"], ocr=True)
    while True:
        source = source_from_json(inbox.get())
        write_frame(answers, {"begun": True})
        answer = _answer(registry, source, limits)
        answer["retire"] = answer.pop("spent", False) or _is_large(limits["memory_bytes"])
        write_frame(answers, answer)


def _take_streams() -> tuple[BinaryIO, BinaryIO]:
    """Return the parent's two pipes, and point fd 0 and fd 1 at nothing."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    sys.stdout.flush()
    return os.fdopen(requests, "rb"), os.fdopen(answers, "wb")


def _listen(requests: BinaryIO, inbox: queue.SimpleQueue[dict[str, Any]]) -> None:
    while (payload := read_frame(requests, _REQUEST_BYTES)) is not None:
        inbox.put(loads(payload))
    os._exit(0)


def _answer(registry: ParserRegistry, source: Source, limits: Mapping[str, Any]) -> dict[str, Any]:
    _limit_cpu(limits["timeout_s"])
    try:
        document = _parse(registry, source)
        _check_size(document, limits["output_bytes"])
        return document_to_json(document)
    except BrokenFileError as exc:
        # A library in C that gets no memory says all kinds of things, mostly that the file is bad.
        if _has_been_large(limits["memory_bytes"]):
            return _out_of_memory(limits, f", or is damaged ({exc})")
        return error_to_json(exc)
    except SourceError as exc:
        return error_to_json(exc)
    except MemoryError:
        return _out_of_memory(limits)
    except Exception as exc:  # noqa: BLE001 - a parser's defect costs one file, not the run
        if _has_been_large(limits["memory_bytes"]):
            return _out_of_memory(limits, f", or is damaged ({type(exc).__name__}: {exc})")
        reason = f"the parser failed on it ({type(exc).__name__}: {exc})"
        return {**error_to_json(BrokenFileError(reason)), "spent": True}


def _out_of_memory(limits: Mapping[str, Any], otherwise: str = "") -> dict[str, Any]:
    otherwise = "" if _LIBXML_SILENT in otherwise else otherwise
    mebibytes = limits["memory_bytes"] >> 20
    reason = f"reading the file takes more than {mebibytes} MiB of memory{otherwise}"
    return {**error_to_json(ParserLimitError(reason)), "spent": True}


def _parse(registry: ParserRegistry, source: Source) -> Document:
    if source.member:
        return _parse_member(registry, source)
    parser = registry.parser_for(source.path)
    if parser is None:
        raise UnsupportedFormatError(registry.refusal(source.path))
    check_plain(source.path)
    return parser.parse(source)


def _parse_member(registry: ParserRegistry, source: Source) -> Document:
    """Return the Document of a file within the file; libraries need it as a file of its own."""
    container = registry.parser_for(source.path)
    name, *deeper = source.member
    if container is None or not isinstance(container, Container):
        raise UnsupportedFormatError(f"'{source.path.suffix}' files hold no attachments")
    check_plain(source.path)
    data = container.attachment(replace(source, member=()), name)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"attachment{registry.suffix_of(Path(name))}")
        try:
            path.write_bytes(data)
        except OSError as exc:
            raise UnreadableFileError(f"the attachment cannot be unpacked: {exc.strerror}") from exc
        del data
        return _parse(registry, replace(source, path=path, member=tuple(deeper)))


def _check_size(document: Document, limit_bytes: int) -> None:
    size = len(document.text)
    if size > limit_bytes:
        raise ParserLimitError(f"the text has {size} characters; the limit is {limit_bytes}")


def _limit_memory(memory_bytes: int) -> None:
    if resource is None:
        return
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        _, hard = resource.getrlimit(kind)
        allowed = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
        resource.setrlimit(kind, (allowed, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _limit_cpu(timeout_s: float) -> None:
    """Let the kernel end this process if the parent cannot."""
    if resource is None:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime + timeout_s) + 2
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard == resource.RLIM_INFINITY or soft < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _is_large(memory_bytes: int) -> bool:
    """Whether the process has grown so much that a fresh one should take over."""
    return _memory_in_use() > memory_bytes // 2 or _has_been_large(memory_bytes)


def _has_been_large(memory_bytes: int) -> bool:
    """Whether more than half of the memory was taken at some time, where the system tells it.

    A request that fails may be for as much again as there is. A process that was so large is not
    used for another file, so that it was this one.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return False
    peak = status.read_text().partition("VmPeak:")[2].split()
    return bool(peak) and int(peak[0]) * 1024 > memory_bytes // 2


def _memory_in_use() -> int:
    """Return the bytes in use; where only the peak is known, the peak.

    On Linux the peak is of no use: a new process begins with its parent's.
    """
    statm = Path("/proc/self/statm")
    if resource is None:
        return 0
    if statm.exists():
        return int(statm.read_text().split()[1]) * int(resource.getpagesize())
    unit = 1 if sys.platform == "darwin" else 1024
    peak: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return peak


if __name__ == "__main__":
    main()
