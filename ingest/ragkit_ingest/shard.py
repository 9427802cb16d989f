"""Cuts the published chunks into shards, so that a small change publishes little anew.

A shard owns a range of chunk ids, and a document's chunks have consecutive ids: so a document lies
in one shard, or in two neighbours. New chunks have larger ids than all others and go to the last
shard until it is full. This module only decides; it knows neither SQLite nor folders.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]

SMALL_INDEX = 10_000
"""Up to so many chunks, the catalog itself is searched: importing and opening Chroma takes longer
than reading its vectors. Beyond, what is published is searched, and has more than vectors."""
REBUILT_SHARE = 0.3
"""A shard of which more than this changes is built anew instead of derived from the old one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A published folder.

    Attributes:
        folder: Its name; of no other folder before or after.
        first: The smallest of its chunk ids.
        last: The largest.
        chunks: How many it holds.
        scanned: Whether it has what `store.scan` reads, besides the vectors for the store.
    """

    folder: str
    first: int
    last: int
    chunks: int
    scanned: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """What becomes a shard.

    Attributes:
        ids: Its chunks, ascending.
        base: The published shard that has most of them; None to build it from nothing.
        added: Those that the base has not; all of them without a base.
        removed: Those of the base that it has not.
    """

    ids: Ids
    base: Shard | None
    added: Ids
    removed: Ids

    @property
    def kept(self) -> bool:
        """Whether it is the base, unchanged."""
        return self.base is not None and not (len(self.added) or len(self.removed))


def parts(shards: Sequence[Shard], ids: Ids, added: Ids, removed: Ids, *, most: int) -> list[Part]:
    """Return the shards after a change, by id; together they hold exactly the ids.

    Shards without a change are kept. Changed ones are derived, or built anew if much changes;
    those that became small are joined with a neighbour. None is empty, and no two neighbours, one
    of which changes, could share half a shard.

    Args:
        shards: The published ones, by id; none to build everything anew.
        ids: All chunks after the change, ascending.
        added: Those of them that no shard has, ascending.
        removed: Those that a shard has and that go, ascending.
        most: Most chunks of a shard, 2 or more.
    """
    found: list[Part] = []
    done = 0
    for number, shard in enumerate(shards):
        last = number == len(shards) - 1
        bound = len(ids) if last else int(np.searchsorted(ids, shard.last, side="right"))
        here = ids[done:bound]
        if last:  # full shards stay as they are, and the rest is cut
            old = int(np.searchsorted(here, shard.last, side="right"))
            here = here[: max(old, most)]
        done += len(here)
        found += _changed(shard, here, added, removed)
    rest = ids[done:]
    found += [built(rest[start : start + most]) for start in range(0, len(rest), most)]
    return _joined(found, most)


def _changed(shard: Shard, ids: Ids, added: Ids, removed: Ids) -> list[Part]:
    if not len(ids):
        return []
    new = added[np.searchsorted(added, ids[0]) : np.searchsorted(added, ids[-1], side="right")]
    low, high = np.searchsorted(removed, [shard.first, shard.last + 1])
    gone = removed[low:high]
    if len(new) + len(gone) > REBUILT_SHARE * len(ids):
        return [built(ids)]
    return [Part(ids=ids, base=shard, added=new, removed=gone)]


def _joined(found: list[Part], most: int) -> list[Part]:
    """Join small neighbours of which one changes anyway."""
    for number, (one, other) in enumerate(pairwise(found)):
        small = 2 * (len(one.ids) + len(other.ids)) <= most
        if small and not (one.kept and other.kept):
            joined = built(np.concatenate([one.ids, other.ids]))
            return _joined([*found[:number], joined, *found[number + 2 :]], most)
    return found


def built(ids: Ids) -> Part:
    """Return the part that is built from nothing."""
    return Part(ids=ids, base=None, added=ids, removed=ids[:0])


def shares(shards: Sequence[Shard], ids: Ids) -> list[tuple[Shard, Ids]]:
    """Return each shard, by id, with the live chunks that belong into it.

    Args:
        shards: By id.
        ids: All live chunks, ascending; those between two shards belong to the second, those
            behind the last to the last.
    """
    bounds = [int(np.searchsorted(ids, shard.last, side="right")) for shard in shards[:-1]]
    starts = [0, *bounds]
    ends = [*bounds, len(ids)]
    return [
        (shard, ids[start:end]) for shard, start, end in zip(shards, starts, ends, strict=False)
    ]
