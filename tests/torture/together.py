"""Two writers at once, and readers while somebody writes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from typing import Any

from tests.torture.child import Child, Ended
from tests.torture.edition import EDITIONS
from tests.torture.state import State
from tests.torture.tally import Line
from tests.torture.trial import Bed, Spread

SOON_S = 1.0


def two_syncs(bed: Bed, line: Line, *, rounds: int) -> None:
    """Start two syncs at the same moment: one does the work, the other waits or is refused."""
    for number in range(rounds):
        before, after = ("first", "second") if number % 2 else ("first", "small")
        folder = bed.copy(bed.base(before))
        wanted = bed.fresh(after)
        bed.hold(after)
        line.add("points")
        at = f"round {number}"
        for ended in _at_once([partial(bed.sync, folder)] * 2):
            if ended.said.startswith("IndexLockedError") and "(pid " in ended.said:
                line.add("said")
            elif ended.said or ended.broke:
                line.add("broke", 1, f"{at}: {ended.said or ended.broke}")
        if line.compare(bed.seen(folder), wanted, at):
            line.add("healed")
        bed.drop(folder)


def second_writer(bed: Bed, line: Line) -> None:
    """Hold the lock in one process; another is refused within a second, told whom to wait for."""
    folder = bed.copy(bed.base("first"))
    bed.hold("second")
    holding, go_on = os.pipe()
    ready, tell = os.pipe()

    def hold() -> int:
        from ragkit_ingest.lock import writer_lock

        with writer_lock(folder):
            os.write(tell, b"x")
            os.read(holding, 1)
        return os.getpid()

    def refused() -> tuple[str, float]:
        os.read(ready, 1)
        started = time.monotonic()
        try:
            bed.sync(folder)
        except Exception as error:  # noqa: BLE001 - told to the parent
            return f"{type(error).__name__}: {error}", time.monotonic() - started
        finally:
            os.write(go_on, b"x")
        return "", time.monotonic() - started

    first, second = _at_once([hold, refused])
    said, seconds = second.value
    line.add("points")
    if f"(pid {first.value})" in said and seconds < SOON_S:
        line.add("said")
    else:
        line.add("broke", 1, f"{said!r} after {seconds:.2f} s")
    bed.drop(folder)


def reader_during_sync(bed: Bed, line: Line, *, rounds: int) -> None:
    """Read as fast as possible while another process syncs one edition after the other.

    Each reading must be one whole edition; a reading that starts after the last sync has ended
    must be the last edition, though the reader has had the index open all the time.
    """
    order = [list(EDITIONS)[number % len(EDITIONS)] for number in range(rounds)]
    truths = {edition: _texts(bed.fresh(edition)) for edition in EDITIONS}
    folder = bed.copy(bed.base("first"))
    bed.hold(order[0])
    done = bed.place / "done"
    done.unlink(missing_ok=True)

    def write() -> None:
        for edition in order:
            bed.hold(edition)
            bed.sync(folder)
        done.touch()

    def read() -> list[Spread]:
        seen: list[Spread] = []
        with closing(bed.open(folder)) as index:
            last = False
            while not last:
                last = done.exists()
                texts = bed.everything(index)
                if not seen or seen[-1] != texts:
                    seen.append(texts)
        return seen

    writer, *readers = _at_once([write, read, read])
    for ended in (writer, *readers):
        if ended.said or ended.broke:
            line.add("broke", 1, ended.said or ended.broke)
    for ended in readers:
        _judge(line, ended.value or [], list(truths.values()), truths[order[-1]])
    bed.drop(folder)


def _judge(line: Line, seen: list[Spread], truths: list[Spread], last: Spread) -> None:
    line.add("points", len(seen))
    for texts in seen:
        if texts in truths:
            line.add("harmless")
        else:
            line.add("mixed", 1, f"{len(texts)} texts of no edition, or of two")
    if not seen or seen[-1] != last:
        line.add("lost", 1, "a reader that ran on does not see the last edition")


def _texts(state: State) -> Spread:
    return frozenset((row[0], row[3], row[5]) for row in state.chunks)


def _at_once(works: list[Callable[[], Any]]) -> list[Ended]:
    """Run each work in a child of its own, all at the same time."""
    children = [Child(work) for work in works]
    return [child.end() for child in children]
