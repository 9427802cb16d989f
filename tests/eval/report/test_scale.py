"""Labels near their points, and on nothing else."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit_eval.report.scale import Box, Scale, ceiling, labelled, stacked


def test_a_scale_runs_both_ways_and_stays_within() -> None:
    down = Scale(low=0, high=1, start=300, end=20)
    assert (down(0), down(1), down(0.5)) == (300, 20, 160)
    assert (down(-1), down(2)) == (300, 20)


@pytest.mark.parametrize(("value", "end"), [(0, 0.1), (0.1, 0.1), (0.11, 0.2), (0.3, 0.5), (1, 1)])
def test_a_scale_ends_above_all_values(value: float, end: float) -> None:
    assert ceiling(value) == end


@given(st.lists(st.floats(0, 300), min_size=1, max_size=12))
def test_stacked_labels_keep_their_order_and_distance(places: list[float]) -> None:
    moved = stacked(places, 16, 0, 300)
    order = sorted(range(len(places)), key=lambda at: places[at])
    ranked = [moved[at] for at in order]
    assert all(after - before >= 16 - 1e-6 for before, after in pairwise(ranked))
    assert min(moved) >= -1e-6


def test_a_label_that_has_room_stays_where_it_is() -> None:
    assert stacked([50, 200], 16, 0, 300) == [50, 200]


def test_labels_of_points_in_a_heap_lie_apart_and_inside() -> None:
    inside = Box(x=0, y=0, width=640, height=400)
    points = [(300 + 6 * at, 200 + 3 * at) for at in range(8)]
    boxes = labelled(points, ["RAG persona"] * 8, inside)
    assert all(first.overlap(second) == 0 for first, second in combinations(boxes, 2))
    for box in boxes:
        assert inside.x <= box.x <= inside.width - box.width
        assert inside.y <= box.y <= inside.height - box.height


def test_labels_keep_off_lines() -> None:
    line = Box(x=0, y=198, width=640, height=4)
    (box,) = labelled([(300, 200)], ["RAG"], Box(x=0, y=0, width=640, height=400), [line])
    assert box.overlap(line) == 0
