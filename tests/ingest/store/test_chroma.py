"""Chroma's graph is saved in steps, so that little waits, and the last step is the last vector."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit_ingest.embed.protocol import Vectors
from ragkit_ingest.store.chroma import ChromaStore, _cut, _saving


def batches(sizes: list[int]) -> Iterator[tuple[list[int], Vectors]]:
    numbers = np.random.default_rng(0)
    first = 1
    for size in sizes:
        vectors = numbers.standard_normal((size, 4)).astype(np.float32)
        yield list(range(first, first + size)), vectors
        first += size


@given(st.lists(st.integers(0, 40), max_size=9), st.integers(1, 30))
def test_cutting_keeps_every_vector_in_order(sizes: list[int], step: int) -> None:
    whole = list(batches(sizes))
    cut = list(_cut(batches(sizes), step))
    assert all(len(ids) == step == len(rows) for ids, rows in cut[:-1])
    assert [id_ for ids, _ in cut for id_ in ids] == [id_ for ids, _ in whole for id_ in ids]
    if sum(sizes):
        rows = np.concatenate([rows for _, rows in cut])
        assert np.array_equal(rows, np.concatenate([rows for _, rows in whole]))


@given(st.integers(2, 300_000))
def test_the_last_save_is_at_the_last_vector(count: int) -> None:
    threshold, step = _saving(count)
    pending = done = saves = 0
    while done < count:
        added = min(step, count - done)
        done, pending = done + added, pending + added
        if pending >= threshold:
            pending, saves = 0, saves + 1
    assert step <= 1000
    assert pending == 0
    assert saves <= 5


@pytest.mark.parametrize("count", [3, 4001])
def test_the_saved_graph_holds_everything(count: int, tmp_path: Path) -> None:
    sizes = [1000] * (count // 1000) + [count % 1000]
    assert ChromaStore().build(tmp_path / "x", batches(sizes), dimension=4, count=count) == count
    (saved,) = (tmp_path / "x").glob("*/index_metadata.pickle")
    held = pickle.loads(saved.read_bytes())
    assert len(held["id_to_label"]) == count
