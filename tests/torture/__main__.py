"""Tortures indexes and prints what came of it.

    python -m tests.torture [--quick] [--moments N] [--seed N]

Exit code 1 if anything was lost, duplicated, mixed, embedded again, shown altered, or broke.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ragkit_ingest.embed.minilm import MiniLM
from ragkit_ingest.failpoint import POINTS
from tests.torture import damage, kill, moving, storage, together
from tests.torture.child import Child
from tests.torture.tally import Tally
from tests.torture.trial import Bed, warm

_IN_MEMORY = Path("/dev/shm")  # quick, and as good: no power is cut here
_NEVER = "failpoints that were never reached:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much is done to the indexes of one store.

    Attributes:
        arrivals: Of each step at each failpoint, at how many it is killed; see `at_failpoints`.
        moments: Random kills.
        fill: Full disks a step.
        rounds: Syncs beside which others write or read.
        each: Places a file at which bytes are flipped.
    """

    arrivals: int
    moments: int
    fill: int
    rounds: int
    each: int


def torture(bed: Bed, tally: Tally, amount: Amount, *, seed: int) -> tuple[set[str], list[str]]:
    """Do everything to one store's indexes.

    Returns:
        The failpoints that were reached, and remarks on what could not be tried.
    """
    name = bed.store
    _say(f"{name}: kills")
    line = tally.line(f"{name}: killed at failpoints")
    reached = kill.at_failpoints(bed, line, each=amount.arrivals)
    line = tally.line(f"{name}: verify and purge killed")
    reached |= kill.at_mending(bed, line, each=amount.arrivals)
    line = tally.line(f"{name}: reembed and rollback killed")
    reached |= moving.at_failpoints(bed, line, each=amount.arrivals)
    line = tally.line(f"{name}: reembed, disk full")
    moving.on_full_disks(bed, line, each=amount.fill, seed=seed)
    line = tally.line(f"{name}: killed at random")
    kill.at_random_moments(bed, line, moments=amount.moments, seed=seed)
    _say(f"{name}: disks")
    line = tally.line(f"{name}: disk full, by a limit")
    storage.full_by_limit(bed, line, each=amount.fill, seed=seed)
    line = tally.line(f"{name}: disk full, small tmpfs")
    why = storage.full_disk(bed, line, each=amount.fill, seed=seed)
    storage.read_only(bed, tally.line(f"{name}: read-only folder"))
    _say(f"{name}: together")
    together.second_writer(bed, tally.line(f"{name}: second writer"))
    together.two_syncs(bed, tally.line(f"{name}: two syncs at once"), rounds=amount.rounds)
    line = tally.line(f"{name}: reader during sync")
    together.reader_during_sync(bed, line, rounds=amount.rounds)
    _say(f"{name}: damage")
    line = tally.line(f"{name}: damaged files")
    base = bed.base("first", "small")
    damage.everywhere(bed, base, line, edition="small", each=amount.each, seed=seed)
    line = tally.line(f"{name}: damaged after a kill")
    for point in ("publish.after", "embed.stored") if amount.each > 9 else ():
        base = damage.interrupted(bed, "first", "second", point)
        few = amount.each // 3
        damage.everywhere(bed, base, line, edition="second", old="first", each=few, seed=seed)
    return reached, [f"{name}: the full disk was not tried: {why}"] if why else []


def everything(place: Path, tally: Tally, *, moments: int, each: int, seed: int) -> list[str]:
    """Torture both stores, and a few syncs with the real embedder; return remarks."""
    much = Amount(arrivals=3, moments=moments, fill=12, rounds=24, each=each)
    less = Amount(arrivals=1, moments=moments // 6, fill=3, rounds=8, each=each // 5)
    reached: set[str] = set()
    remarks = []
    works = [
        partial(_apart, place / store, store, amount, seed)
        for store, amount in (("exact", much), ("chroma", less))
    ]
    for child in [Child(work) for work in works]:  # one a processor
        ended = child.end()
        if ended.value is None:
            raise RuntimeError(ended.said or ended.broke or "a torture was killed")
        theirs, points, more = ended.value
        tally.take(theirs)
        reached |= points
        remarks += more
    _say("the real embedder")
    bed = Bed(_made(place / "minilm"), "chroma", embedder=MiniLM, rounds=True)
    for point in ("stage.after", "embed.stored", "publish.ready", "publish.after"):
        kill.one(bed, tally.line("all-MiniLM-L6-v2: killed"), kill.STEPS[1], point)
    return remarks + _unreached(reached)


def _apart(place: Path, store: str, amount: Amount, seed: int) -> tuple[Tally, set[str], list[str]]:
    """Torture one store in a process of its own."""
    tally = Tally()
    reached, remarks = torture(Bed(_made(place), store), tally, amount, seed=seed)
    return tally, reached, remarks


def a_little(place: Path, tally: Tally, *, seed: int) -> list[str]:
    """Do a little of everything, in seconds; return remarks."""
    amount = Amount(arrivals=0, moments=8, fill=1, rounds=2, each=2)
    reached, remarks = torture(Bed(_made(place / "exact"), "exact"), tally, amount, seed=seed)
    bed = Bed(_made(place / "chroma"), "chroma")
    for point in ("derive.copied", "derive.removed"):
        kill.one(bed, tally.line("chroma: killed at failpoints"), kill.STEPS[2], point)
        reached.add(point)
    return remarks + _unreached(reached)


def _unreached(reached: set[str]) -> list[str]:
    left = sorted(set(POINTS) - reached)
    return [f"{_NEVER} {', '.join(left)}"] if left else []


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a little of everything")
    parser.add_argument("--moments", type=int, default=300)
    parser.add_argument("--each", type=int, default=60, help="flipped bytes a file")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    started = time.perf_counter()
    tally = Tally()
    where = _IN_MEMORY if _IN_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="ragkit-torture-", dir=where) as folder:
        Path(folder).chmod(0o755)
        place = Path(folder)
        warm(place / "warm", chroma=True)
        if given.quick:
            remarks = a_little(place, tally, seed=given.seed)
        else:
            remarks = everything(
                place, tally, moments=given.moments, each=given.each, seed=given.seed
            )
    print(tally.table())
    for line in [*tally.examples(), *remarks]:
        print(line)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = spent.ru_utime + spent.ru_stime
    _say(f"{time.perf_counter() - started:.0f} s, {cpu_s:.0f} s of processor time")
    unreached = any(remark.startswith(_NEVER) for remark in remarks)
    return 0 if tally.clean and not unreached else 1


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _say(what: str) -> None:
    print(f"torture: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
