"""Kills a change of the embedder, and the way back, at every failpoint; and fills its disk."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import ragkit_ingest.build
import ragkit_ingest.generation
import ragkit_ingest.reembed
from ragkit_ingest.catalog import schema
from ragkit_ingest.embed.protocol import Embedder
from ragkit_ingest.reembed import ReembedSettings, reembed, rollback, spaces
from ragkit_ingest.split import SplitSettings
from tests.support.hashing import HashingEmbedder
from tests.torture.child import run, value_of
from tests.torture.kill import chosen, points
from tests.torture.state import State
from tests.torture.tally import Line
from tests.torture.trial import STORES, Bed, NotingEmbedder, count_end, killed_at, no_larger_than


def other_embedder() -> Embedder:
    """Return an embedder of another length, which reads less and so cuts otherwise."""
    return HashingEmbedder(name="other", dimension=32, max_tokens=64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A change of the embedder.

    Attributes:
        name: For people.
        base: The index before.
        work: Does it.
        wanted: The space that answers afterwards, by its embedder's name.
    """

    name: str
    base: Path
    work: Callable[[Path], Any]
    wanted: str


class Ground:
    """Two beds over one folder of documents: the same index with one embedder or the other."""

    def __init__(self, bed: Bed) -> None:
        place = bed.place / "other"
        place.mkdir(exist_ok=True)
        self.bed = bed
        self.other = replace(
            bed,
            place=place,
            embedder=other_embedder,
            split=SplitSettings(chunk_tokens=64, header_tokens=32),
            _fresh={},
        )

    def there(self, folder: Path) -> dict[str, object]:
        """Move an index to the other embedder."""
        self._small()
        return reembed(
            folder,
            NotingEmbedder(self.other.embedder(), self.bed.place / "embedded"),
            STORES[self.bed.store](),
            ReembedSettings(split=self.other.split, exact_at_most=0),
        ).to_json()

    def back(self, folder: Path) -> dict[str, object]:
        """Return; do nothing if that is done already."""
        self._small()
        live, _ = spaces(folder)
        if live is not None and live.fingerprint.name == "hashing":
            return {}
        return rollback(
            folder,
            NotingEmbedder(self.bed.embedder(), self.bed.place / "embedded"),
            STORES[self.bed.store](),
            ReembedSettings(split=self.bed.split, exact_at_most=0),
        ).to_json()

    def seen(self, folder: Path) -> State:
        """Return what a reader sees, whichever embedder answers."""
        return (self.bed if self.answering(folder) == "hashing" else self.other).seen(folder)

    def fresh(self, name: str) -> State:
        """Return the state of a new index of the first edition."""
        state = (self.bed if name == "hashing" else self.other).fresh("first")
        self.bed.hold("first")
        return state

    @staticmethod
    def answering(folder: Path) -> str:
        live = value_of(partial(_live_name, folder))
        assert isinstance(live, str)
        return live

    def moves(self) -> list[Move]:
        """Return the way there and the way back."""
        base = self.bed.base("first")
        moved = self.bed.place / f"{self.bed.store}-moved"
        if not moved.exists():
            copy = self.bed.copy(base)
            value_of(partial(self.there, copy))
            copy.rename(moved)
        return [
            Move(name="reembed", base=base, work=self.there, wanted="other"),
            Move(name="rollback", base=moved, work=self.back, wanted="hashing"),
        ]

    def _small(self) -> None:
        ragkit_ingest.build._BATCH = self.bed.batch
        ragkit_ingest.generation.SHARD_CHUNKS = self.bed.shard
        ragkit_ingest.generation.SCANNED_FROM = self.bed.scanned_from
        ragkit_ingest.reembed._EMBED_AT_ONCE = self.bed.batch


def at_failpoints(bed: Bed, line: Line, *, each: int) -> set[str]:
    """Kill both moves at every failpoint; return those that were reached."""
    ground = Ground(bed)
    reached: set[str] = set()
    for move in ground.moves():
        for point in chosen(points(bed, move.base, move.work, each), reached, each):
            folder = bed.copy(move.base)
            ended = run(killed_at(point, partial(move.work, folder)))
            _finish(ground, line, move, folder, ended, f"{move.name} killed at {point}")
    return reached


def on_full_disks(bed: Bed, line: Line, *, each: int, seed: int) -> None:
    """Let every write beyond a random offset fail."""
    ground, chance = Ground(bed), random.Random(seed)
    for move in ground.moves():
        for _ in range(each):
            folder = bed.copy(move.base)
            size = chance.randrange(400_000)
            ended = run(no_larger_than(size, partial(move.work, folder), kill=False))
            at = f"{move.name}, no file larger than {size} bytes"
            _finish(ground, line, move, folder, ended, at)


def _finish(ground: Ground, line: Line, move: Move, folder: Path, ended: Any, at: str) -> None:
    line.add("points")
    states = {name: ground.fresh(name) for name in ("hashing", "other")}
    now = ground.seen(folder)
    if now.visible() != states[ground.answering(folder)].visible():
        line.add("mixed", 1, f"{at}: neither the old nor the new state is seen")
    stored = value_of(partial(_stored, folder, move.wanted))
    ground.bed.embedded()
    again = run(partial(move.work, folder))
    line.add("re-embedded", len(ground.bed.embedded() & stored), at)
    if again.said or again.broke or again.killed:
        line.add("broke", 1, f"{at}: again: {again.said or again.broke or 'killed'}")
    whole = line.compare(ground.seen(folder), states[move.wanted], at)
    if ground.answering(folder) != move.wanted:
        line.add("lost", 1, f"{at}: {move.wanted} does not answer")
    count_end(line, ended, at, whole=whole)
    ground.bed.drop(folder)


def _live_name(folder: Path) -> str:
    live, _ = spaces(folder)
    return live.fingerprint.name if live else ""


def _stored(folder: Path, name: str) -> frozenset[bytes]:
    with closing(schema.open_existing(folder)) as connection:
        found = connection.execute(
            "SELECT v.text_key FROM vectors v JOIN spaces s ON s.id = v.space_id"
            " WHERE json_extract(s.fingerprint, '$.name') = ?",
            (name,),
        )
        return frozenset(row[0] for row in found)
