"""Diversity: caps and maximal marginal relevance reorder, and lose nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.retrieve.diversity import capped, varied

ORDER = [(1, 1.0), (2, 0.9), (3, 0.8), (4, 0.7)]
EAST, NORTH = np.asarray([1.0, 0.0], np.float32), np.asarray([0.0, 1.0], np.float32)
VECTORS = {1: EAST, 2: EAST, 3: NORTH, 4: -EAST}


def test_a_document_that_is_full_waits_for_the_others() -> None:
    owners = {1: 7, 2: 7, 3: 7, 4: 8}
    assert capped(ORDER, owners, most=1) == [(1, 1.0), (4, 0.7), (2, 0.9), (3, 0.8)]
    assert capped(ORDER, owners, most=2) == [(1, 1.0), (2, 0.9), (4, 0.7), (3, 0.8)]
    assert capped(ORDER, owners, most=3) == ORDER


@given(
    owners=st.lists(st.integers(0, 4), min_size=1, max_size=30),
    most=st.integers(1, 5),
)
def test_a_cap_loses_nothing_and_holds_among_the_first(owners: list[int], most: int) -> None:
    order = [(id_, 1.0 - id_ / 100) for id_ in range(len(owners))]
    found = capped(order, dict(enumerate(owners)), most=most)
    assert sorted(found) == sorted(order)
    free = sum(min(most, owners.count(owner)) for owner in set(owners))
    held = [owners[id_] for id_, _ in found[:free]]
    assert all(held.count(owner) <= most for owner in held)


def test_a_twin_gives_way_to_what_is_different() -> None:
    found = varied(ORDER, VECTORS, count=3, diversity=0.5)
    assert [id_ for id_, _ in found] == [1, 3, 4, 2]


def test_only_the_first_are_chosen_anew() -> None:
    found = varied(ORDER, VECTORS, count=2, diversity=0.5)
    assert [id_ for id_, _ in found] == [1, 3, 2, 4]


@pytest.mark.parametrize("diversity", [0.0, 0.3, 1.0])
def test_the_best_stays_first_and_nothing_is_lost(diversity: float) -> None:
    found = varied(ORDER, VECTORS, count=10, diversity=diversity)
    assert found[0] == ORDER[0]
    assert sorted(found) == ORDER
    assert varied(ORDER, VECTORS, count=10, diversity=0.0) == ORDER
    assert varied([], {}, count=3, diversity=diversity) == []
