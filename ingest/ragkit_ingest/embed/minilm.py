"""The default embedder: all-MiniLM-L6-v2 from the installed package, offline, on OpenVINO."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from ragkit_ingest.embed.bert_graph import MINILM_L6, Graph, build, import_openvino
from ragkit_ingest.embed.inference import MANY, TOKENS, Inference
from ragkit_ingest.embed.packaged import (
    WEIGHTS_SHA256,
    ModelFiles,
    packaged_model,
    packaged_tokenizer,
    packaged_weights,
)
from ragkit_ingest.embed.protocol import Fingerprint, TokenVectors, Vectors
from ragkit_ingest.embed.sentences import encoded_with_sentences
from ragkit_ingest.errors import EmbedderError

MAX_TOKENS = 256
_STEP = 8


class MiniLM:
    """all-MiniLM-L6-v2: 384 dimensions, reads 256 tokens, mean pooling.

    The weights are loaded and their hash checked at the first text, not before. Instances may
    be shared between threads.

    Args:
        files: Where the model is; by default in the installed package.
        precision: "f32", "bf16", or None for bf16 where the processor computes in it. The
            cosine between the two is .999 or more (lowest measured: .99975); `ragkit doctor`
            measures it on this machine.
    """

    def __init__(self, files: ModelFiles | None = None, *, precision: str | None = None) -> None:
        self._files = files or packaged_model()
        self._inference = Inference(self._graph, precision)

    @property
    def fingerprint(self) -> Fingerprint:
        """What identifies the vector space; the weights' hash is checked when they are loaded."""
        return Fingerprint(
            name="all-MiniLM-L6-v2",
            weights_sha256=WEIGHTS_SHA256,
            dimension=384,
            max_tokens=MAX_TOKENS,
        )

    @property
    def precision(self) -> str:
        """The arithmetic in use: "bf16" or "f32"."""
        return self._inference.precision

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return each text's length in word pieces, without special tokens or limit."""
        encodings = self._counter.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding) for encoding in encodings]

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, in order, shape (len(texts), 384).

        Raises:
            EmbedderError: If the model is missing, altered or answers with anything but finite
                vectors.
        """
        return self._embedded(texts, step=0, change=len(texts) >= MANY)

    def embed_with_sentences(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        """Return what `embed_documents` returns, and unit vectors of each text's sentences.

        Raises:
            EmbedderError: As `embed_documents`.
        """
        if not texts:
            return np.zeros((0, 384), np.float32), []
        read = self._reader.encode_batch(list(texts))
        vectors, sentences = encoded_with_sentences(self._inference, texts, read, 384)
        self._check_finite(vectors)
        return vectors, sentences

    def embed_apart(self, texts: Sequence[str]) -> Vectors:
        """Return what `embed_documents` returns, each vector the same whatever stands beside it.

        Otherwise how far a text is padded, and with it the last digits, depends on the longest
        text of its batch: in bf16 a component moves by up to .0014. It takes as long.
        """
        return self._embedded(texts, step=_STEP)

    def _embedded(
        self, texts: Sequence[str], *, step: int, side_by_side: bool = True, change: bool = False
    ) -> Vectors:
        if not texts:
            return np.zeros((0, 384), np.float32)
        ids = [encoding.ids for encoding in self._reader.encode_batch_fast(list(texts))]
        vectors = self._inference.encoded(
            ids, 384, step=step, side_by_side=side_by_side, change=change
        )
        self._check_finite(vectors)
        return vectors

    def _check_finite(self, vectors: Vectors) -> None:
        if not np.isfinite(vectors).all():
            raise EmbedderError(
                f"the embedding model gave numbers that are not finite in {self.precision}; "
                "run: ragkit doctor"
            )

    def embed_query(self, text: str) -> Vectors:
        """Return the question's unit vector, shape (384,)."""
        # Padded to few lengths: for a new one kernels are made, which takes longer than to compute.
        vector: Vectors = self._embedded([text], step=_STEP, side_by_side=False, change=True)[0]
        return vector

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return each text's tokens, up to 254, as the last layer sees them."""
        encodings = self._reader.encode_batch(list(texts))
        inputs = (
            (place, (ids := np.asarray([encoding.ids], np.int64), np.ones_like(ids)))
            for place, encoding in enumerate(encodings)
        )
        done = self._inference.computed(inputs, output=TOKENS, side_by_side=True, change=False)
        states = {place: one[0] for place, one in done}
        found = []
        for place, encoding in enumerate(encodings):
            kept = [row for row, (start, end) in enumerate(encoding.offsets) if end > start]
            lengths = np.linalg.norm(states[place][kept], axis=1, keepdims=True)
            found.append(
                TokenVectors(
                    spans=tuple(encoding.offsets[row] for row in kept),
                    vectors=states[place][kept] / np.maximum(lengths, 1e-12),
                )
            )
        return found

    def release(self) -> None:
        """Give the model's memory back, about 130 MB; the next text loads it again."""
        self._inference.release()

    @cached_property
    def _counter(self) -> Any:
        return packaged_tokenizer(self._files)

    @cached_property
    def _reader(self) -> Any:
        return packaged_tokenizer(self._files, max_tokens=MAX_TOKENS)

    def _graph(self) -> Graph:
        import_openvino()  # while another thread may be reading the weights
        return build(packaged_weights(self._files), MINILM_L6)
