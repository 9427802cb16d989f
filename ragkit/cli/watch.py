"""`ragkit ingest --watch`: a line for each sync that changed something, until it is stopped."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from ragkit.cli.progress import ingest_progress
from ragkit.cli.terminal import Terminal, one_line
from ragkit_ingest.report import IngestReport, ProgressCallback

if TYPE_CHECKING:
    from ragkit_ingest.watch import SyncFailure

Start = Callable[[ProgressCallback | None], Iterator["IngestReport | SyncFailure"]]
_NAMED = 3


def follow(terminal: Terminal, start: Start) -> None:
    """Print what a watch yields until Ctrl-C or SIGTERM; either is a clean end.

    Args:
        terminal: With `json`, each event is a line of JSON; else the first report is printed in
            full, every later one as a line.
        start: Begins the watch, given what shows its progress.
    """
    try:
        with _terminable():
            with ingest_progress(terminal) as progress:
                events = start(progress)
                first = next(events, None)
            _print_first(terminal, first)
            for event in events:
                _print(terminal, event)
    except KeyboardInterrupt:
        terminal.note("ragkit: Stopped watching. The index is as the last sync left it.")


def _print_first(terminal: Terminal, event: IngestReport | SyncFailure | None) -> None:
    if event is None:
        return
    if isinstance(event, IngestReport) and not terminal.json:
        from ragkit.cli.report_view import print_report

        print_report(terminal, event)
    else:
        _print(terminal, event)
    terminal.note("Watching for changes; Ctrl-C ends it.")


def _print(terminal: Terminal, event: IngestReport | SyncFailure) -> None:
    if terminal.json:
        terminal.line(payload=event.to_json())
    now = datetime.now().strftime("%H:%M:%S")
    if not isinstance(event, IngestReport):
        why = one_line(str(event.error))
        terminal.note(f"{now}  not synced: {why} (tried again in {event.retry_s:.0f} s)")
    elif not terminal.json:
        terminal.say(f"{now}  {_summary(event)}", hang=10)
        terminal.flush()


def _summary(report: IngestReport) -> str:
    files, chunks = report.files, report.chunks
    counts = [
        (files.indexed, "indexed"),
        (files.moved, "moved"),
        (files.removed, "removed"),
        (files.failed, "failed"),
        (files.no_text, "without text"),
    ]
    parts = [f"{number} {word}" for number, word in counts if number]
    parts.append(f"{chunks.total} chunks searchable")
    reasons = [f"{one_line(f.path)} ({one_line(f.reason)})" for f in report.failures[:_NAMED]]
    more = len(report.failures) - len(reasons)
    text = ", ".join(parts)
    return (
        text
        + (f"; failed: {', '.join(reasons)}" if reasons else "")
        + (f" and {more} more" if more else "")
    )


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM end the body as Ctrl-C does, so that the lock and all files are released."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
