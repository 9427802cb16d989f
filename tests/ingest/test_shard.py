"""Whatever is added and removed, the shards hold exactly the chunks, and little is built anew."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ragkit_ingest.shard import REBUILT_SHARE, Part, Shard, parts, shares

MOST = 20


def published(planned: list[Part], number: int) -> list[Shard]:
    """Return what is published of the plan; kept shards keep their names."""
    return [
        part.base
        if part.base is not None and part.kept
        else Shard(
            folder=f"{number}-{place}",
            first=int(part.ids[0]),
            last=int(part.ids[-1]),
            chunks=len(part.ids),
            scanned=True,
        )
        for place, part in enumerate(planned)
    ]


@given(st.lists(st.tuples(st.integers(0, 70), st.integers(0, 2**32 - 1), st.floats(0, 1))))
def test_any_history_gives_shards_of_exactly_the_chunks(
    history: list[tuple[int, int, float]],
) -> None:
    shards: list[Shard] = []
    held: dict[str, set[int]] = {}
    live: set[int] = set()
    following = 1
    for number, (count, seed, share) in enumerate(history):
        chance = np.random.default_rng(seed)
        removed = {id_ for id_ in live if chance.random() < share}
        added = set(range(following, following + count))
        following += count + 1
        live = live - removed | added
        plan = parts(shards, *map(ascending, (live, added, removed)), most=MOST)
        assert [id_ for part in plan for id_ in part.ids.tolist()] == sorted(live)
        for part in plan:
            before = held[part.base.folder] if part.base else set()
            after = before - set(part.removed.tolist()) | set(part.added.tolist())
            assert after == set(part.ids.tolist())
            assert set(part.removed.tolist()) <= before
            if part.base is not None:
                changed = len(part.added) + len(part.removed)
                assert changed <= REBUILT_SHARE * len(part.ids)
        shards = published(plan, number)
        held = {s.folder: set(p.ids.tolist()) for s, p in zip(shards, plan, strict=True)}
        assert all(0 < shard.chunks <= MOST for shard in shards)
        assert all(one.last < other.first for one, other in pairwise(shards))
        for one, other in pairwise(plan):
            assert (one.kept and other.kept) or 2 * (len(one.ids) + len(other.ids)) > MOST


def ascending(ids: set[int]) -> np.ndarray:
    return np.asarray(sorted(ids), np.int64)


def test_a_small_change_touches_only_its_shards() -> None:
    ids = np.arange(1, 101)
    shards = published(parts([], ids, ids, ids[:0], most=MOST), 0)
    assert [shard.chunks for shard in shards] == [20] * 5
    edited = np.asarray([47])
    after = np.append(np.setdiff1d(ids, edited), 101)
    plan = parts(shards, after, np.asarray([101]), edited, most=MOST)
    assert [part.kept for part in plan] == [True, True, False, True, True, False]
    assert plan[2].base == shards[2]
    assert plan[2].removed.tolist() == [47]
    assert plan[5].ids.tolist() == [101]


def test_a_shard_that_lost_much_is_built_anew_and_one_that_is_almost_gone_joins_another() -> None:
    ids = np.arange(1, 61)
    shards = published(parts([], ids, ids, ids[:0], most=MOST), 0)
    gone = np.arange(21, 31)
    plan = parts(shards, np.setdiff1d(ids, gone), ids[:0], gone, most=MOST)
    assert [part.base for part in plan] == [shards[0], None, shards[2]]
    gone = np.concatenate([np.arange(1, 17), np.arange(21, 37)])
    plan = parts(shards, np.setdiff1d(ids, gone), ids[:0], gone, most=MOST)
    assert [len(part.ids) for part in plan] == [8, 20]


def test_live_chunks_are_shared_out_by_the_shards_ranges() -> None:
    shards = [
        Shard(folder=str(n), first=n * 10, last=n * 10 + 5, chunks=6, scanned=True)
        for n in range(3)
    ]
    live = np.asarray([0, 3, 8, 12, 15, 25, 99])
    assert [ids.tolist() for _, ids in shares(shards, live)] == [[0, 3], [8, 12, 15], [25, 99]]
    assert shares([], live) == []
