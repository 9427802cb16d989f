"""Computes batches with a graph of `bert_graph`: one text soon, or many at the least cost.

The vectors of words are looked up here and not in the graph, which would hold a copy of that large
table and take half as long again to compile.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ragkit_ingest.embed.batch import batches
from ragkit_ingest.embed.bert_graph import Graph, has_bf16, import_openvino

_Key = TypeVar("_Key")
_BATCH_TOKENS = 2048
_BATCH_TEXTS = 16
TOKENS = 1
"""The output of the graph that holds the tokens as the last layer sees them."""
MANY = 256
"""From so many texts on, what they cost matters more than how soon one is there."""


class Inference:
    """A graph, compiled for the work at hand. May be shared between threads.

    For one text all processors share a batch, so that it is there the soonest. For many texts each
    computes batches of its own, as threads that share a batch wait for each other (measured: 15 %
    more processor time). Only one of the two is held; it takes a quarter of a second to change.

    Args:
        load: Makes the graph; called when the first batch comes, and after a change or a release.
        precision: "f32", "bf16", or None for bf16 where the processor computes in it.
    """

    def __init__(self, load: Callable[[], Graph], precision: str | None = None) -> None:
        self._load = load
        self._precision = precision
        self._lock = Lock()
        self._held: _Compiled | None = None

    @property
    def precision(self) -> str:
        """The arithmetic in use: "bf16" or "f32"."""
        return self._precision or ("bf16" if has_bf16() else "f32")

    @property
    def loaded(self) -> bool:
        """Whether the next batch finds the graph compiled."""
        return self._held is not None

    def encoded(
        self,
        token_ids: Sequence[Sequence[int]],
        dimension: int,
        *,
        step: int = 0,
        side_by_side: bool,
        change: bool,
        tokens: Callable[[list[int], NDArray[np.float32]], None] | None = None,
    ) -> NDArray[np.float32]:
        """Return the graph's first output for each text, in order, shape (texts, dimension).

        Args:
            token_ids: One sequence of ids a text, special tokens included.
            dimension: Of the vectors.
            step: See `batches`.
            side_by_side: See `computed`.
            change: Likewise.
            tokens: Is given the places of a batch's texts and the graph's second output for them,
                shape (batch, longest text, dimension), which is gone when it returns. It is called
                from other threads, and must not fail.
        """
        vectors = np.zeros((len(token_ids), dimension), np.float32)
        inputs = (
            (rows, (padded, mask))
            for rows, padded, mask in batches(
                token_ids, batch_tokens=_BATCH_TOKENS, batch_texts=_BATCH_TEXTS, step=step
            )
        )
        for rows, found in self.computed(
            inputs, side_by_side=side_by_side, change=change, tokens=tokens
        ):
            vectors[rows] = found
        return vectors

    def computed(
        self,
        inputs: Iterable[tuple[_Key, Sequence[NDArray[np.int64]]]],
        *,
        output: int = 0,
        side_by_side: bool,
        change: bool,
        tokens: Callable[[_Key, NDArray[np.float32]], None] | None = None,
    ) -> list[tuple[_Key, NDArray[np.float32]]]:
        """Return one of the graph's outputs for each (key, its inputs), in any order.

        Args:
            inputs: In the graph's order, with ids of words in place of their vectors.
            output: Which of its outputs, from 0.
            side_by_side: Whether each processor should compute batches of its own.
            change: Whether that is worth compiling the graph anew if it is held for the other.
            tokens: Is given each key and the second output of its inputs; see `encoded`.
        """
        with self._lock:
            if self._held is None or (change and side_by_side != self._held.side_by_side):
                self._held = None
                self._held = _Compiled(self._load(), self.precision, side_by_side)
            return self._held.computed(inputs, output, tokens)

    def release(self) -> None:
        """Give the memory back, about 130 MB; the next batch loads the graph again."""
        with self._lock:
            self._held = None


class _Compiled:
    """A graph compiled for one kind of work."""

    def __init__(self, graph: Graph, precision: str, side_by_side: bool) -> None:
        openvino, threads = import_openvino(), _processors()
        streams = threads if side_by_side else 1
        options = {
            "INFERENCE_PRECISION_HINT": precision,
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": threads,
        }
        compiled = openvino.Core().compile_model(graph.model, "CPU", options)
        self._queue = openvino.AsyncInferQueue(compiled, streams)
        self._words = graph.words
        self.side_by_side = side_by_side

    def computed(
        self,
        inputs: Iterable[tuple[_Key, Sequence[NDArray[np.int64]]]],
        output: int,
        tokens: Callable[[_Key, NDArray[np.float32]], None] | None,
    ) -> list[tuple[_Key, NDArray[np.float32]]]:
        found: list[tuple[_Key, NDArray[np.float32]]] = []

        def keep(request: Any, key: _Key) -> None:
            if tokens is not None:
                tokens(key, request.get_output_tensor(TOKENS).data)
            found.append((key, request.get_output_tensor(output).data.copy()))

        self._queue.set_callback(keep)
        try:
            for key, (ids, *others) in inputs:
                self._queue.start_async([self._words[ids], *others], key)
        finally:
            self._queue.wait_all()  # what is on its way must not end up with the next inputs
        return found


def _processors() -> int:
    """Return how many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
