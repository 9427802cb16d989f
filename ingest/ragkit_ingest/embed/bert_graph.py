"""Builds a BERT sentence encoder as an OpenVINO graph, straight from safetensors weights.

Nothing is converted and PyTorch is never imported: the graph is written out here, operation by
operation, which takes a tenth of a second and leaves nothing on disk that could go stale.

Source: Devlin et al., NAACL 2019 (the encoder); Reimers and Gurevych, EMNLP 2019 (mean pooling).
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_Key = TypeVar("_Key")
_CONVERTER = "openvino.tools.ovc"


@dataclass(frozen=True, slots=True, kw_only=True)
class BertShape:
    """The sizes of a BERT encoder.

    Attributes:
        layers: Number of transformer layers.
        hidden: Width of a token vector.
        heads: Attention heads; divides `hidden`.
        layer_norm_eps: Added to the variance before its root is taken.
    """

    layers: int
    hidden: int
    heads: int
    layer_norm_eps: float


MINILM_L6 = BertShape(layers=6, hidden=384, heads=12, layer_norm_eps=1e-12)


def import_openvino() -> Any:
    """Import OpenVINO with its telemetry package kept out, and its converter until it is called.

    OpenVINO does without either if it cannot be imported, so both are hidden while it loads: a
    program that never loads a sender cannot send, and the converter takes longer than all the
    rest.
    """
    if "openvino" in sys.modules:
        return sys.modules["openvino"]
    with _hidden("openvino_telemetry", _CONVERTER):
        import openvino  # type: ignore[import-untyped]

    def convert_model(*args: Any, **options: Any) -> Any:
        """Convert a model, as `openvino.tools.ovc.convert_model` does."""
        with _hidden("openvino_telemetry"):
            converter = importlib.import_module(_CONVERTER)
        return converter.convert_model(*args, **options)

    openvino.convert_model = convert_model
    return openvino


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Let modules look as if they were not installed."""
    before = {name: sys.modules.get(name) for name in names}
    sys.modules.update(dict.fromkeys(names))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def has_bf16() -> bool:
    """Return whether the processor computes in bf16."""
    capabilities = import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "BF16" in capabilities


def compiled(model: Any, precision: str) -> Any:
    """Return an `openvino.AsyncInferQueue` with a place a processor, each of one thread.

    Args:
        model: A graph of this module.
        precision: "f32" or "bf16".
    """
    openvino, threads = import_openvino(), _processors()
    options = {
        "INFERENCE_PRECISION_HINT": precision,
        "NUM_STREAMS": threads,
        "INFERENCE_NUM_THREADS": threads,
    }
    return openvino.AsyncInferQueue(openvino.Core().compile_model(model, "CPU", options), threads)


def computed(
    queue: Any, inputs: Iterable[tuple[_Key, Sequence[NDArray[Any]]]], *, output: int
) -> list[tuple[_Key, NDArray[np.float32]]]:
    """Return one of the model's outputs for each (key, its inputs), in any order.

    Args:
        queue: What `compiled` returned; nobody else may use it meanwhile.
        inputs: In the model's order.
        output: Which of its outputs, from 0.
    """
    found: list[tuple[_Key, NDArray[np.float32]]] = []

    def keep(request: Any, key: _Key) -> None:
        found.append((key, request.get_output_tensor(output).data.copy()))

    queue.set_callback(keep)
    for key, given in inputs:
        queue.start_async(list(given), key)
    queue.wait_all()
    return found


def _processors() -> int:
    """Return how many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def build(weights: Mapping[str, NDArray[Any]], shape: BertShape) -> Any:
    """Return the graph of the encoder, mean pooling and normalisation.

    Args:
        weights: Tensors under Hugging Face's names, float32.
        shape: The encoder's sizes.

    Returns:
        An `openvino.Model` with inputs `ids` and `mask`, both int64 of shape (batch, length),
        and two outputs, float32: the unit vectors, shape (batch, hidden), and the last layer's
        token vectors, shape (batch, length, hidden).
    """
    return _Graph(import_openvino(), weights, shape).model()


def build_cross_encoder(weights: Mapping[str, NDArray[Any]], shape: BertShape) -> Any:
    """Return the graph that scores pairs of texts, read together.

    Args:
        weights: Tensors under Hugging Face's names, float32, and of the head, which takes the
            first token's vector plus the mean of all: `head.dense.weight` of shape
            (hidden, hidden), `head.dense.bias`, `head.out.weight` of shape (1, hidden),
            `head.out.bias` of shape (1,).
        shape: The encoder's sizes.

    Returns:
        An `openvino.Model` with inputs `ids`, `kinds` (0 for the first text of a pair, 1 for the
        second) and `mask`, all int64 of shape (batch, length), and one output, float32: logits of
        shape (batch, 1).
    """
    return _Graph(import_openvino(), weights, shape).cross_encoder()


class _Graph:
    """The builder; one method a part of the encoder."""

    def __init__(self, ov: Any, weights: Mapping[str, NDArray[Any]], shape: BertShape) -> None:
        self._ov = ov
        self._op = ov.opset13
        self._weights = weights
        self._shape = shape
        depth = shape.hidden // shape.heads
        self._split = self._ints([0, 0, shape.heads, depth])
        self._swap = self._ints([0, 2, 1, 3])
        self._merge = self._ints([0, 0, shape.hidden])

    def model(self) -> Any:
        op = self._op
        ids = op.parameter([-1, -1], np.int64, name="ids")
        mask = op.parameter([-1, -1], np.int64, name="mask")
        seen = op.convert(mask, "f32")
        x = self._encoded(ids, seen)
        return self._ov.Model([self._pool(x, seen), x], [ids, mask], "sentence_encoder")

    def cross_encoder(self) -> Any:
        op = self._op
        ids, kinds, mask = (
            op.parameter([-1, -1], np.int64, name=name) for name in ("ids", "kinds", "mask")
        )
        seen = op.convert(mask, "f32")
        x = self._encoded(ids, seen, kinds)
        first = op.gather(x, self._ints(0), self._ints(1))
        hidden = op.tanh(self._linear(op.add(first, self._mean(x, seen)), "head.dense"))
        return self._ov.Model(
            [self._linear(hidden, "head.out")], [ids, kinds, mask], "cross_encoder"
        )

    def _encoded(self, ids: Any, seen: Any, kinds: Any = None) -> Any:
        op = self._op
        unseen = op.subtract(self._floats(1.0), op.unsqueeze(seen, self._ints([1, 2])))
        bias = op.multiply(unseen, self._floats(-1e9))
        x = self._embeddings(ids, kinds)
        for layer in range(self._shape.layers):
            x = self._layer(x, bias, f"encoder.layer.{layer}.")
        return x

    def _embeddings(self, ids: Any, kinds: Any) -> Any:
        op = self._op
        zero = self._ints(0)
        length = op.gather(op.shape_of(ids), self._ints(1), zero)
        positions = op.range(zero, length, self._ints(1), "i64")
        words = op.gather(self._weight("embeddings.word_embeddings.weight"), ids, zero)
        places = op.gather(self._weight("embeddings.position_embeddings.weight"), positions, zero)
        table = self._weights["embeddings.token_type_embeddings.weight"]
        kind = self._floats(table[0])
        if kinds is not None:
            kind = op.gather(self._floats(table), kinds, zero)
        return self._norm(op.add(op.add(words, places), kind), "embeddings.LayerNorm")

    def _layer(self, x: Any, bias: Any, name: str) -> Any:
        op = self._op
        query, key, value = (
            op.transpose(
                op.reshape(self._linear(x, f"{name}attention.self.{part}"), self._split, True),
                self._swap,
            )
            for part in ("query", "key", "value")
        )
        seen = op.scaled_dot_product_attention(query, key, value, bias)
        merged = op.reshape(op.transpose(seen, self._swap), self._merge, True)
        attended = op.add(self._linear(merged, f"{name}attention.output.dense"), x)
        x = self._norm(attended, f"{name}attention.output.LayerNorm")
        hidden = op.gelu(self._linear(x, f"{name}intermediate.dense"), "erf")
        return self._norm(
            op.add(self._linear(hidden, f"{name}output.dense"), x), f"{name}output.LayerNorm"
        )

    def _pool(self, x: Any, seen: Any) -> Any:
        return self._op.normalize_l2(self._mean(x, seen), self._ints([1]), 1e-12, "max")

    def _mean(self, x: Any, seen: Any) -> Any:
        op = self._op
        weight = op.unsqueeze(seen, self._ints([2]))
        axis = self._ints([1])
        total = op.reduce_sum(op.multiply(x, weight), axis)
        return op.divide(total, op.reduce_sum(weight, axis))

    def _linear(self, x: Any, name: str) -> Any:
        product = self._op.matmul(x, self._weight(f"{name}.weight"), False, True)
        return self._op.add(product, self._weight(f"{name}.bias"))

    def _norm(self, x: Any, name: str) -> Any:
        eps = self._shape.layer_norm_eps
        normed = self._op.mvn(x, self._ints([2]), True, eps, "inside_sqrt")
        scaled = self._op.multiply(normed, self._weight(f"{name}.weight"))
        return self._op.add(scaled, self._weight(f"{name}.bias"))

    def _weight(self, name: str) -> Any:
        return self._floats(self._weights[name])

    def _floats(self, value: Any) -> Any:
        # Not copied; the constant holds the array, which has to be contiguous and writeable.
        return self._op.constant(np.require(value, np.float32, ("C", "W")), shared_memory=True)

    def _ints(self, value: Any) -> Any:
        return self._op.constant(np.asarray(value, np.int64))
