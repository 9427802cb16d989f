"""Builds a BERT sentence encoder as an OpenVINO graph, straight from safetensors weights.

Nothing is converted and PyTorch is never imported: the graph is written out here, operation by
operation, which takes a tenth of a second and leaves nothing on disk that could go stale.

Source: Devlin et al., NAACL 2019 (the encoder); Reimers and Gurevych, EMNLP 2019 (mean pooling).
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """What `Inference` computes with.

    Attributes:
        model: An `openvino.Model`. Its first input, float32 of shape (batch, length, hidden), are
            the vectors of the words.
        words: Those of the vocabulary, float32 of shape (vocabulary, hidden).
    """

    model: Any
    words: NDArray[np.float32]


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


def build(weights: Mapping[str, NDArray[Any]], shape: BertShape) -> Graph:
    """Return the graph of the encoder, mean pooling and normalisation.

    Args:
        weights: Tensors under Hugging Face's names, float32.
        shape: The encoder's sizes.

    Returns:
        A graph with one more input, `mask`, int64 of shape (batch, length), 1 where there is a
        word, and two outputs, float32: the unit vectors, shape (batch, hidden), and the last
        layer's token vectors, shape (batch, length, hidden).
    """
    return _Builder(import_openvino(), weights, shape).encoder()


def build_cross_encoder(weights: Mapping[str, NDArray[Any]], shape: BertShape) -> Graph:
    """Return the graph that scores pairs of texts, read together.

    Args:
        weights: Tensors under Hugging Face's names, float32, and of the head, which takes the
            first token's vector plus the mean of all: `head.dense.weight` of shape
            (hidden, hidden), `head.dense.bias`, `head.out.weight` of shape (1, hidden),
            `head.out.bias` of shape (1,).
        shape: The encoder's sizes.

    Returns:
        A graph with two more inputs, int64 of shape (batch, length): `kinds`, 0 for the first text
        of a pair and 1 for the second, and `mask`. It has one output, float32: logits of shape
        (batch, 1).
    """
    return _Builder(import_openvino(), weights, shape).cross_encoder()


class _Builder:
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

    def encoder(self) -> Graph:
        words, mask = self._words(), self._per_word("mask")
        seen = self._op.convert(mask, "f32")
        x = self._encoded(words, seen)
        return self._graph([self._pool(x, seen), x], [words, mask])

    def cross_encoder(self) -> Graph:
        op = self._op
        words, kinds, mask = self._words(), self._per_word("kinds"), self._per_word("mask")
        seen = op.convert(mask, "f32")
        x = self._encoded(words, seen, kinds)
        first = op.gather(x, self._ints(0), self._ints(1))
        hidden = op.tanh(self._linear(op.add(first, self._mean(x, seen)), "head.dense"))
        return self._graph([self._linear(hidden, "head.out")], [words, kinds, mask])

    def _words(self) -> Any:
        return self._op.parameter([-1, -1, self._shape.hidden], np.float32, name="words")

    def _per_word(self, name: str) -> Any:
        return self._op.parameter([-1, -1], np.int64, name=name)

    def _graph(self, outputs: Sequence[Any], inputs: Sequence[Any]) -> Graph:
        table = self._weights["embeddings.word_embeddings.weight"].astype(np.float32, copy=False)
        return Graph(model=self._ov.Model(list(outputs), list(inputs), "bert"), words=table)

    def _encoded(self, words: Any, seen: Any, kinds: Any = None) -> Any:
        op = self._op
        unseen = op.subtract(self._floats(1.0), op.unsqueeze(seen, self._ints([1, 2])))
        bias = op.multiply(unseen, self._floats(-1e9))
        x = self._embeddings(words, kinds)
        for layer in range(self._shape.layers):
            x = self._layer(x, bias, f"encoder.layer.{layer}.")
        return x

    def _embeddings(self, words: Any, kinds: Any) -> Any:
        op = self._op
        zero = self._ints(0)
        length = op.gather(op.shape_of(words), self._ints(1), zero)
        positions = op.range(zero, length, self._ints(1), "i64")
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
