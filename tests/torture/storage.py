"""Fills the disk, and takes the right to write away."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.torture.child import run
from tests.torture.kill import STEPS, base_of
from tests.torture.tally import Line
from tests.torture.trial import Bed, count_end, finish, no_larger_than, unprivileged


def full_by_limit(bed: Bed, line: Line, *, each: int, seed: int) -> None:
    """Let every write beyond a random offset fail."""
    chance = random.Random(seed)
    for step in STEPS:
        base, old = base_of(bed, step)
        for _ in range(each):
            folder = bed.copy(base)
            size = chance.randrange(400_000)
            ended = run(no_larger_than(size, partial(bed.sync, folder), kill=False))
            line.add("points")
            at = f"{step.name}, no file larger than {size} bytes"
            whole = finish(bed, folder, line, old=old, edition=step.after, at=at)
            count_end(line, ended, at, whole=whole)
            bed.drop(folder)


def full_disk(bed: Bed, line: Line, *, each: int, seed: int) -> str:
    """Sync on a small disk that fills up; return why that cannot be tried, else nothing."""
    chance = random.Random(seed)
    for step in STEPS:
        base, old = base_of(bed, step)
        needed = sum(path.stat().st_size for path in base.rglob("*")) if base else 0
        for _ in range(each):
            free = chance.randrange(1_200_000)
            with _small_disk(bed.place / "disk", needed + free + 100_000) as disk:
                if disk is None:
                    return "no tmpfs can be mounted here"
                folder = disk / "index"
                if base is not None:
                    shutil.copytree(base, folder)
                ended = run(partial(bed.sync, folder))
                line.add("points")
                at = f"{step.name}, {free} bytes free"
                _mount(disk, "remount,size=64m")  # somebody makes room
                whole = finish(bed, folder, line, old=old, edition=step.after, at=at)
                count_end(line, ended, at, whole=whole)
    return ""


def read_only(bed: Bed, line: Line) -> None:
    """Sync an index in which nothing may be written."""
    for step in STEPS:
        base, old = base_of(bed, step)
        if base is None:
            continue
        folder = bed.copy(base)
        _allow(folder, write=False)
        ended = run(unprivileged(partial(bed.sync, folder)))
        line.add("points")
        if not (ended.said or ended.broke):
            line.add("broke", 1, f"{step.name}: a sync of a read-only index was no error")
        _allow(folder, write=True)
        whole = finish(bed, folder, line, old=old, edition=step.after, at=step.name)
        count_end(line, ended, f"{step.name}, read-only", whole=whole)
        bed.drop(folder)


def _allow(folder: Path, *, write: bool) -> None:
    for path in [folder, *folder.rglob("*")]:
        path.chmod((0o755 if path.is_dir() else 0o644) if write else 0o555)


@contextmanager
def _small_disk(place: Path, size_bytes: int) -> Iterator[Path | None]:
    place.mkdir(exist_ok=True)
    mounted = _mount(place, f"size={size_bytes}")
    try:
        yield place if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", str(place)], check=True)


def _mount(place: Path, options: str) -> bool:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
