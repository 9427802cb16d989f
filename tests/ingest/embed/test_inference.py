"""The graph is compiled for the work at hand, and computes the same either way."""

from __future__ import annotations

from threading import Thread
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ragkit_ingest.embed.bert_graph import BertShape, Graph, build
from ragkit_ingest.embed.inference import Inference

SHAPE = BertShape(layers=1, hidden=8, heads=2, layer_norm_eps=1e-12)
IDS = np.asarray([[3, 1, 4], [1, 5, 0]])
MASK = np.asarray([[1, 1, 1], [1, 1, 0]])


class Loads:
    """Makes a small graph and counts how often."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> Graph:
        self.count += 1
        return build(weights(), SHAPE)


def weights() -> dict[str, NDArray[Any]]:
    random = np.random.default_rng(0)
    shapes = {
        "embeddings.word_embeddings": (9, 8),
        "embeddings.position_embeddings": (16, 8),
        "embeddings.token_type_embeddings": (2, 8),
        "encoder.layer.0.attention.self.query": (8, 8),
        "encoder.layer.0.attention.self.key": (8, 8),
        "encoder.layer.0.attention.self.value": (8, 8),
        "encoder.layer.0.attention.output.dense": (8, 8),
        "encoder.layer.0.intermediate.dense": (16, 8),
        "encoder.layer.0.output.dense": (8, 16),
    }
    found = {f"{name}.weight": random.normal(size=shape) for name, shape in shapes.items()}
    found |= {f"{name}.bias": random.normal(size=shape[0]) for name, shape in shapes.items()}
    for name in ("embeddings", "encoder.layer.0.attention.output", "encoder.layer.0.output"):
        found |= {f"{name}.LayerNorm.weight": np.ones(8), f"{name}.LayerNorm.bias": np.zeros(8)}
    return {name: value.astype(np.float32) for name, value in found.items()}


def computed(
    inference: Inference, *, side_by_side: bool, change: bool = False
) -> list[tuple[int, NDArray[np.float32]]]:
    inputs = [(number, (IDS + number, MASK)) for number in range(4)]
    return inference.computed(inputs, side_by_side=side_by_side, change=change)


def test_every_batch_comes_back_under_its_key_as_unit_vectors() -> None:
    found = dict(computed(Inference(Loads(), "f32"), side_by_side=True))
    assert sorted(found) == [0, 1, 2, 3]
    assert all(vectors.shape == (2, 8) for vectors in found.values())
    assert np.linalg.norm(found[0], axis=1) == pytest.approx([1.0, 1.0], abs=1e-5)
    assert np.abs(found[0] - found[1]).max() > 0.01


def test_both_ways_compute_the_same() -> None:
    inference = Inference(Loads(), "f32")
    soon = dict(computed(inference, side_by_side=False))
    many = dict(computed(inference, side_by_side=True, change=True))
    for number, vectors in soon.items():
        assert vectors == pytest.approx(many[number], abs=1e-5)


def test_it_is_compiled_anew_only_for_a_change_that_is_worth_it() -> None:
    loads = Loads()
    inference = Inference(loads, "f32")
    computed(inference, side_by_side=False)
    computed(inference, side_by_side=True)
    assert loads.count == 1
    computed(inference, side_by_side=True, change=True)
    computed(inference, side_by_side=True, change=True)
    assert loads.count == 2
    computed(inference, side_by_side=False, change=True)
    assert loads.count == 3


def test_what_was_released_is_loaded_again() -> None:
    loads = Loads()
    inference = Inference(loads, "f32")
    loaded = [inference.loaded]
    before = dict(computed(inference, side_by_side=True))
    loaded.append(inference.loaded)
    inference.release()
    loaded.append(inference.loaded)
    assert loaded == [False, True, False]
    again = dict(computed(inference, side_by_side=True))
    assert loads.count == 2
    assert again[2].tolist() == before[2].tolist()


def test_threads_may_share_it_and_change_it() -> None:
    inference = Inference(Loads(), "f32")
    expected = dict(computed(inference, side_by_side=True))
    wrong: list[int] = []

    def ask(side_by_side: bool) -> None:
        for _ in range(5):
            for number, vectors in computed(inference, side_by_side=side_by_side, change=True):
                if np.abs(vectors - expected[number]).max() > 1e-5:
                    wrong.append(number)

    threads = [Thread(target=ask, args=(one,)) for one in (True, False, True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_was_on_its_way_when_an_input_failed_does_not_come_with_the_next() -> None:
    inference = Inference(Loads(), "f32")
    expected = dict(computed(inference, side_by_side=True))
    for _ in range(5):
        with pytest.raises(IndexError):
            inference.computed(
                [(7, (IDS, MASK)), (8, (IDS + 100, MASK))], side_by_side=True, change=False
            )
        found = computed(inference, side_by_side=True)
        assert sorted(key for key, _ in found) == [0, 1, 2, 3]
        assert all(np.array_equal(vectors, expected[key]) for key, vectors in found)


def test_a_graph_that_cannot_be_loaded_is_tried_again() -> None:
    class Fails(Loads):
        def __call__(self) -> Graph:
            if not self.count:
                self.count = 1
                raise OSError("no such file")
            return super().__call__()

    inference = Inference(Fails(), "f32")
    with pytest.raises(OSError, match="no such file"):
        computed(inference, side_by_side=True)
    assert len(computed(inference, side_by_side=True)) == 4
