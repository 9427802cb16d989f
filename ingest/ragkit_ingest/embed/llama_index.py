"""Embeds with any embedding of LlamaIndex, which is met here and nowhere further in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Protocol, TypeVar

import numpy as np

from ragkit_ingest.embed.estimate import TokenEstimate, clean
from ragkit_ingest.embed.protocol import Fingerprint, Vectors
from ragkit_ingest.embed.unit import unit_vectors
from ragkit_ingest.errors import EmbedderError, UsageError

_SPECIAL_TOKENS = 2
_PROBE = "The dimension of a vector."
_T = TypeVar("_T")


class TextEmbedding(Protocol):
    """As much of `llama_index.core.embeddings.BaseEmbedding` as is used."""

    model_name: str

    def get_text_embedding_batch(self, texts: list[str]) -> list[list[float]]:
        """Return one vector a text."""
        ...

    def get_query_embedding(self, query: str) -> list[float]:
        """Return the question's vector."""
        ...


class LlamaIndexEmbedder:
    """An embedding of LlamaIndex as an embedder of ours.

    What is not knowable from outside (a prefix, a revision, a pooling) belongs into `name`: an
    index is kept apart from others by name, kind and dimension only. One call runs at a time.

    Args:
        embedding: Any object of that shape.
        name: Of the model and what else moves its vectors; by default its `model_name`.
        max_tokens: Longest text that is given to it, 32 or more, by a careful estimate.
        estimate: Counts tokens, since the model's own tokenizer is not at hand.

    Raises:
        UsageError: If there is no name to tell the model by, or `max_tokens` is too small.
    """

    def __init__(
        self,
        embedding: TextEmbedding,
        *,
        name: str | None = None,
        max_tokens: int = 512,
        estimate: TokenEstimate | None = None,
    ) -> None:
        self._embedding = embedding
        self._kind = type(embedding).__name__
        self._name = name or str(getattr(embedding, "model_name", "") or "")
        if self._name in {"", "unknown"}:
            raise UsageError(
                f"the {self._kind} of LlamaIndex does not say its model's name; give one: "
                'LlamaIndexEmbedder(embedding, name="my-model-v1")'
            )
        if max_tokens < 32:
            raise UsageError(f"max_tokens must be 32 or more, not {max_tokens}")
        self._max_tokens = max_tokens
        self._estimate = estimate or TokenEstimate()
        self._dimension = 0
        self._lock = Lock()

    @property
    def fingerprint(self) -> Fingerprint:
        """What identifies the vector space; the dimension is learnt by embedding a short text.

        Raises:
            EmbedderError: If the embedding fails.
        """
        if not self._dimension:
            self.embed_query(_PROBE)
        identity = json.dumps(["llama-index", self._kind, self._name])
        return Fingerprint(
            name=self._name,
            weights_sha256=hashlib.sha256(identity.encode()).hexdigest(),
            dimension=self._dimension,
            max_tokens=self._max_tokens,
            pooling="by LlamaIndex",
        )

    @property
    def precision(self) -> str:
        """Where the arithmetic is done."""
        return f"computed by LlamaIndex's {self._kind}"

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return each text's estimated length in tokens, without special tokens or limit."""
        return self._estimate.count([clean(text) for text in texts]) if texts else []

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, in order, shape (len(texts), dimension).

        Raises:
            EmbedderError: If the embedding fails or answers with anything but one finite vector
                of the same length for each text.
        """
        if not texts:
            return np.zeros((0, self.fingerprint.dimension), np.float32)
        read = self._cut(texts)
        return self._checked(
            self._asked(lambda: self._embedding.get_text_embedding_batch(read)), len(read)
        )

    def embed_query(self, text: str) -> Vectors:
        """Return the question's unit vector, shape (dimension,)."""
        (read,) = self._cut([text])
        row = self._asked(lambda: self._embedding.get_query_embedding(read))
        vector: Vectors = self._checked([row], 1)[0]
        return vector

    def _cut(self, texts: Sequence[str]) -> list[str]:
        cleaned = [clean(text) for text in texts]
        return self._estimate.cut(cleaned, self._max_tokens - _SPECIAL_TOKENS)

    def _asked(self, call: Callable[[], _T]) -> _T:
        try:
            with self._lock:
                return call()
        except Exception as exc:  # the classes behind it have no error root in common
            said = " ".join(str(exc).split())[:200]
            raise EmbedderError(
                f"{self._who} failed ({type(exc).__name__}: {said}); check how it was set up"
            ) from exc

    def _checked(self, rows: list[list[float]], count: int) -> Vectors:
        try:
            vectors = np.asarray(rows, np.float64)
        except (TypeError, ValueError):
            vectors = np.zeros(0)
        wanted = (count, self._dimension or vectors.shape[-1])
        if vectors.shape != wanted or not wanted[1]:
            raise EmbedderError(
                f"{self._who} gave something of shape {vectors.shape} for {count} texts, not "
                f"{wanted}; nothing of it was stored"
            )
        units = unit_vectors(list(vectors), self._who)
        self._dimension = wanted[1]
        return units

    @property
    def _who(self) -> str:
        return f"the embedding {self._name} of LlamaIndex"
