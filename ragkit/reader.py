"""Reads a question and a sentence together: does the sentence answer it?

An embedder sees the two apart and tells how alike they are. A cross-encoder lets every word of
one look at every word of the other, so that it can tell a sentence about the same matter from one
that answers. It is the packaged all-MiniLM-L6-v2 with the small additions of
`ragkit/reader.safetensors`, which `bench/fit_reader.py` fits; nothing else is loaded.

Source:
    Nogueira and Cho, 2019, arXiv:1901.04085 (a BERT cross-encoder scores pairs); Hu et al.,
    ICLR 2022 (LoRA, the additions).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit_ingest.embed.batch import batches
from ragkit_ingest.embed.bert_graph import MINILM_L6, Graph, build_cross_encoder
from ragkit_ingest.embed.inference import Inference
from ragkit_ingest.embed.packaged import (
    ModelFiles,
    packaged_model,
    packaged_tokenizer,
    packaged_weights,
)

FILE = "reader.safetensors"
SCALE = 2.0
"""What the product of an addition's two matrices is multiplied by."""
QUESTION_TOKENS = 64
SENTENCE_TOKENS = 94
_BEGIN, _END = 101, 102
_BATCH_TOKENS = 1024
_BATCH_TEXTS = 16
_STEP = 8


class Reader:
    """Scores sentences for a question. May be shared between threads.

    The model is loaded at the first question, 130 MB. A score depends on the question and the
    sentence alone, not on what else is read.

    Args:
        adapter: The additions, float16 or float32, by name; by default the packaged ones.
        precision: "f32", "bf16", or None for bf16 where the processor computes in it.
        files: Where the packaged model is.
    """

    def __init__(
        self,
        adapter: Mapping[str, NDArray[Any]] | None = None,
        *,
        precision: str | None = None,
        files: ModelFiles | None = None,
    ) -> None:
        self._adapter = adapter
        self._given_files = files
        self._inference = Inference(self._graph, precision)

    def prepare(self) -> None:
        """Begin to load the model in a thread of its own, if it is not loaded; do not wait.

        It also reads a pair there: the first is slow, since weights are then brought into order.
        What goes wrong there goes wrong again, and is raised, when something is read.
        """
        if not self._inference.loaded:
            threads = ThreadPoolExecutor(1, thread_name_prefix="ragkit-reader")
            threads.submit(self.scores, "", [""])
            threads.shutdown(wait=False)

    def scores(self, question: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return for each text the logit that it answers the question, shape (len(texts),).

        Args:
            question: Its first 64 word pieces are read.
            texts: Sentences behind their headings; the first 94 word pieces of each are read.

        Raises:
            EmbedderError: If the packaged model is missing or altered.
        """
        found = np.zeros(len(texts), np.float32)
        if not texts:
            return found
        asked = self.pieces([question])[0]
        pairs = [pair(asked, told) for told in self.pieces(texts)]

        inputs = (
            (rows, (ids, kinds(ids) * mask, mask))
            for rows, ids, mask in batches(
                pairs, batch_tokens=_BATCH_TOKENS, batch_texts=_BATCH_TEXTS, step=_STEP
            )
        )
        for rows, logits in self._inference.computed(inputs, side_by_side=True, change=False):
            found[rows] = logits[:, 0]
        return found

    def pieces(self, texts: Sequence[str]) -> list[list[int]]:
        """Return each text's word pieces, without special ones or limit."""
        encoded = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in encoded]

    def release(self) -> None:
        """Give the model's memory back; the next question loads it again."""
        self._inference.release()

    @cached_property
    def _files(self) -> ModelFiles:
        return self._given_files or packaged_model()

    @cached_property
    def _tokenizer(self) -> Any:
        return packaged_tokenizer(self._files)

    def _graph(self) -> Graph:
        from safetensors.numpy import load

        adapter = self._adapter
        if adapter is None:
            adapter = load((resources.files("ragkit") / FILE).read_bytes())
        return build_cross_encoder(merged(packaged_weights(self._files), adapter), MINILM_L6)


@cache
def packaged_reader() -> Reader:
    """Return the reader that all pipelines of this process share: its model is loaded once."""
    return Reader()


def pair(question: Sequence[int], text: Sequence[int]) -> list[int]:
    """Return the word pieces of both as one sequence, as BERT takes a pair."""
    return [_BEGIN, *question[:QUESTION_TOKENS], _END, *text[:SENTENCE_TOKENS], _END]


def kinds(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 0 up to the first end mark of each row, 1 behind it."""
    ends = (ids == _END).astype(np.int64)
    return np.asarray((ends.cumsum(axis=1) - ends) > 0, np.int64)


def merged(
    weights: Mapping[str, NDArray[Any]], adapter: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """Return the weights with the additions: W + SCALE * B A for `NAME.A` and `NAME.B`.

    Tensors whose names begin with `head.` are taken over as they are.
    """
    found = dict(weights)
    for name, value in adapter.items():
        if name.startswith("head."):
            found[name] = value.astype(np.float32)
        elif name.endswith(".A"):
            layer = name.removesuffix(".A")
            low, high = value.astype(np.float32), adapter[f"{layer}.B"].astype(np.float32)
            added = np.einsum("or,ri->oi", SCALE * high, low)  # BLAS would wake threads to spin
            added += weights[f"{layer}.weight"]
            found[f"{layer}.weight"] = added
    return found
