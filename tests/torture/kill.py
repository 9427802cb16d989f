"""Kills at every failpoint, at random moments and in the middle of random writes."""

from __future__ import annotations

import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ragkit_ingest.catalog.schema import FILE_NAME
from tests.torture.child import run, value_of
from tests.torture.state import State
from tests.torture.tally import Line
from tests.torture.trial import Bed, count_end, counting, finish, killed_at, no_larger_than


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A sync from one edition to another.

    Attributes:
        name: For people.
        before: The editions that the index went through; none for no index.
        after: What the folder holds when the sync is killed.
    """

    name: str
    before: tuple[str, ...]
    after: str


STEPS = (
    Step(name="add all", before=(), after="first"),
    Step(name="add, edit, delete, move", before=("first",), after="second"),
    Step(name="small edit", before=("first",), after="small"),
    Step(name="delete", before=("first",), after="without"),
)


_SEVENTH = 7


def at_failpoints(bed: Bed, line: Line, *, each: int = 3) -> set[str]:
    """Kill every step of a sync at every failpoint; return the failpoints that were reached.

    Args:
        bed: Where.
        line: Where to count.
        each: How many of its arrivals are tried: the first, the last, and some between. 0 tries
            the first arrivals of all steps together, and every seventh of each.
    """
    reached: set[str] = set()
    for step in STEPS:
        base, old = base_of(bed, step)
        for point in chosen(points(bed, base, partial(bed.sync), each), reached, each):
            _kill_sync(bed, line, step, base, old, point)
    return reached


def chosen(arrivals: Iterable[str], reached: set[str], each: int) -> Iterator[str]:
    """Yield the arrivals that are tried, and note their names; see `at_failpoints`."""
    for number, point in enumerate(arrivals):
        name = point.split(":")[0]
        if each or name not in reached or number % _SEVENTH == 0:
            reached.add(name)
            yield point


def one(bed: Bed, line: Line, step: Step, point: str) -> None:
    """Kill one step at one failpoint."""
    _kill_sync(bed, line, step, *base_of(bed, step), point)


def at_mending(bed: Bed, line: Line, *, each: int = 3) -> set[str]:
    """Kill `verify` and `purge` at every failpoint; return those that were reached."""
    reached: set[str] = set()
    base = bed.base("first", "without")
    wanted = bed.fresh("without")
    bed.hold("without")
    damaged = bed.copy(base)
    value_of(partial(damage_everything, damaged))
    for name, start in (("verify", damaged), ("purge", base)):
        work: Callable[[Path], Any] = bed.verify if name == "verify" else bed.purge
        for point in chosen(points(bed, start, work, each), reached, each):
            folder = bed.copy(start)
            ended = run(killed_at(point, partial(work, folder)))
            line.add("points")
            at = f"{name} killed at {point}"
            again = run(partial(work, folder))
            if again.said or again.broke:
                line.add("broke", 1, f"{at}: {again.said or again.broke}")
            bed.embedded()
            value_of(partial(bed.sync, folder))
            line.add("re-embedded", len(bed.embedded()), at)
            whole = line.compare(bed.seen(folder), wanted, at)
            count_end(line, ended, at, whole=whole)
            bed.drop(folder)
    return reached


def at_random_moments(bed: Bed, line: Line, *, moments: int, seed: int) -> None:
    """Kill every step at random moments of time, and in the middle of random writes."""
    chance = random.Random(seed)
    for step in STEPS:
        base, old = base_of(bed, step)
        bed.hold(step.after)
        trial = bed.copy(base)
        whole = run(partial(bed.sync, trial))
        longest = max(path.stat().st_size for path in trial.rglob("*") if path.is_file())
        bed.drop(trial)
        for number in range(moments // len(STEPS)):
            folder = bed.copy(base)
            if number % 2:
                after = chance.uniform(0, whole.seconds)
                ended = run(partial(bed.sync, folder), kill_after_s=after)
                at = f"{step.name}, killed after {after:.4f} s"
            else:
                offset = chance.randrange(longest)
                ended = run(no_larger_than(offset, partial(bed.sync, folder), kill=True))
                at = f"{step.name}, killed when writing byte {offset}"
            if number % 3 == 0:  # what takes it up is killed too
                run(partial(bed.sync, folder), kill_after_s=chance.uniform(0, whole.seconds))
            line.add("points")
            done = finish(bed, folder, line, old=old, edition=step.after, at=at)
            count_end(line, ended, at, whole=done)
            bed.drop(folder)


def damage_everything(folder: Path) -> None:
    """Alter a document, a vector and a word, and cut the published vectors short."""
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        for trigger in ("revisions_updated", "vectors_updated"):
            sql = connection.execute(
                "SELECT sql FROM sqlite_schema WHERE name = ?", (trigger,)
            ).fetchone()[0]
            connection.execute(f"DROP TRIGGER {trigger}")
            if trigger.startswith("revisions"):
                connection.execute(
                    "UPDATE revisions SET text = replace(text, 'euro', 'eury') WHERE id ="
                    " (SELECT min(revision_id) FROM chunks)"
                )
            else:
                connection.execute(
                    "UPDATE vectors SET vector = zeroblob(length(vector)) WHERE text_key ="
                    " (SELECT text_key FROM chunks ORDER BY id DESC LIMIT 1)"
                )
            connection.execute(sql)
        connection.execute("UPDATE words_content SET c2 = 'altered' WHERE id % 7 = 0")
        connection.commit()


def _kill_sync(
    bed: Bed, line: Line, step: Step, base: Path | None, old: State | None, point: str
) -> None:
    folder = bed.copy(base)
    bed.hold(step.after)
    ended = run(killed_at(point, partial(bed.sync, folder)))
    line.add("points")
    at = f"{step.name}, killed at {point}"
    if not ended.killed:
        line.add("broke", 1, f"{at}: the failpoint was not reached {ended.broke}")
    whole = finish(bed, folder, line, old=old, edition=step.after, at=at)
    count_end(line, ended, at, whole=whole)
    bed.drop(folder)


def base_of(bed: Bed, step: Step) -> tuple[Path | None, State | None]:
    """Return the index before the step with its state; the folder then holds the new edition."""
    base = bed.base(*step.before) if step.before else None
    old = bed.seen(base) if base else None
    bed.fresh(step.after)
    bed.hold(step.after)
    return base, old


def points(bed: Bed, base: Path | None, work: Callable[[Path], Any], each: int) -> Iterator[str]:
    """Yield NAME:N of arrivals of the work at failpoints."""
    trial = bed.copy(base)
    arrived = Counter(value_of(counting(partial(work, trial))))
    bed.drop(trial)
    for name, count in arrived.items():
        tried = {1, count} | {1 + (count - 1) * n // max(each - 1, 1) for n in range(each)}
        several = sorted(tried)[: max(each, 1)]
        yield from (f"{name}:{number}" for number in several if number <= count)
