"""Flips, cuts and deletes bytes in every file of an index."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ragkit_ingest.verify import VerifyReport
from tests.torture.child import Ended, run
from tests.torture.state import State
from tests.torture.tally import Line
from tests.torture.trial import Bed, killed_at, shown

_FEW = 5
Harm = Callable[[Path], None]


def everywhere(
    bed: Bed, base: Path, line: Line, *, edition: str, old: str = "", each: int, seed: int
) -> None:
    """Damage every file of the index at `each` places, spread through it.

    Args:
        bed: Where.
        base: The index, not changed.
        line: Where to count.
        edition: What the folder of documents holds.
        old: An earlier edition that the index may fall back to.
        each: Flipped bytes a file; it is also cut at some places, emptied and deleted.
        seed: Of the places.
    """
    wanted = bed.fresh(edition)
    truths = [wanted] + ([bed.fresh(old)] if old else [])
    bed.hold(edition)
    chance = random.Random(seed)
    for path in sorted(path for path in base.rglob("*") if path.is_file()):
        name = path.relative_to(base)
        if name.name in ("lock", "lock.owner") or (each < _FEW and _is_alike(name)):
            continue
        for what, harm in harms(path.stat().st_size, each, chance):
            folder = bed.copy(base)
            harm(folder / name)
            line.add("points")
            _try(bed, folder, line, truths, at=f"{_kind(name)}: {what}")
            bed.drop(folder)


def interrupted(bed: Bed, step_from: str, step_to: str, point: str) -> Path:
    """Return an index whose sync was killed, with the log that it leaves behind."""
    folder = bed.copy(bed.base(step_from))
    bed.hold(step_to)
    run(killed_at(point, partial(bed.sync, folder)))
    return folder


def harms(size: int, each: int, chance: random.Random) -> Iterator[tuple[str, Harm]]:
    """Yield what is done to a file, with its description."""
    step = max(1, size // each)
    for start in range(0, size, step):
        place = min(size - 1, start + chance.randrange(step))
        mask = chance.choice((0xFF, 1 << chance.randrange(8)))
        yield f"byte {place} of {size} xor {mask:#x}", partial(_flip, place, mask)
    for kept in sorted({0, 1, size // 3, size // 2, size - 1}):
        if kept < size:
            yield f"cut to {kept} of {size} bytes", partial(_cut, kept)
    yield "deleted", Path.unlink


def _try(bed: Bed, folder: Path, line: Line, truths: list[State], *, at: str) -> None:
    """Use the damaged index, verify it, and sync where that was asked for."""
    _read(bed, folder, line, truths, at)
    ended = run(partial(bed.verify, folder))
    if ended.broke or ended.killed:
        line.add("broke", 1, f"{at}: verify: {ended.broke or 'killed'}")
        return
    wanted, report = truths[0], ended.value
    if report is not None and report.sound and len(truths) == 1:
        whole = line.compare(bed.seen(folder), wanted, at)
        if whole:
            line.add("healed" if report.healed or report.notes else "harmless")
        return
    state = bed.look(folder).value if report is not None else None
    bed.embedded()
    again = run(partial(bed.sync, folder))
    if isinstance(state, State):
        line.add("re-embedded", len(bed.embedded() & state.stored), at)
    if again.broke or again.killed:
        line.add("broke", 1, f"{at}: sync: {again.broke or 'killed'}")
    elif again.said:
        line.add("said")  # beyond mending: the sentence says to ingest into a new folder
    else:
        count_look(line, bed.look(folder), wanted, report, at)


def count_look(
    line: Line, looked: Ended, wanted: State, report: VerifyReport | None, at: str
) -> None:
    """Count what is seen of an index that was verified and synced."""
    if looked.said and report is not None and report.damaged:
        line.add("said")  # beyond mending, by verify; the sync had no need of what is damaged
    elif looked.said or looked.broke or looked.killed:
        why = looked.said or looked.broke or "killed"
        line.add("broke", 1, f"{at}: looking: {why}")
    elif line.compare(looked.value, wanted, at):
        line.add("healed" if report is not None and report.sound else "said")


def _read(bed: Bed, folder: Path, line: Line, truths: list[State], at: str) -> None:
    """Read as users do; whatever is shown must stand in a document."""
    copy = bed.copy(folder)
    ended = run(partial(shown, bed, copy))
    bed.drop(copy)
    if ended.broke or ended.killed:
        line.add("broke", 1, f"{at}: reading: {ended.broke or 'killed'}")
    if ended.value is None:
        return
    texts: set[str] = ended.value[0]
    true = {f"{row[0]}\n{row[5]}" for truth in truths for row in truth.chunks}
    true |= {f"{row[0]}\n{row[3]}" for truth in truths for row in truth.documents}
    line.add("altered", len(texts - true), f"{at}: {str(texts - true)[:300]}")


def _is_alike(name: Path) -> bool:
    """Return whether other files of the folder are sealed and read in the same way."""
    return "scan" in name.parts and name.name not in {"seal.json", "vectors.npy", "terms.npy"}


def _kind(name: Path) -> str:
    return name.name if len(name.parts) == 1 else f"generation/{name.name}"


def _flip(place: int, mask: int, path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ mask]))


def _cut(kept: int, path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(kept)
