"""What an embedder is, and what identifies the vector space it makes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Shape (n, dimension), or (dimension,) for one; every row of unit length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Everything that decides where a text lands in the vector space.

    Two embedders with equal fingerprints may share an index; any others may not. The numeric
    precision of the runtime is left out on purpose: it moves a vector by less than a cosine of
    .001, and an index must survive a change of machine.

    Attributes:
        name: For people, such as `"all-MiniLM-L6-v2"`.
        weights_sha256: Of the weights file; for an endpoint, of its model name.
        dimension: Length of a vector.
        max_tokens: Longest text read, in the model's tokens, special tokens included.
        pooling: How token vectors become one, such as `"mean"`.
        query_prefix: Put before every question.
        document_prefix: Put before every passage.
    """

    name: str
    weights_sha256: str
    dimension: int
    max_tokens: int
    pooling: str = "mean"
    query_prefix: str = ""
    document_prefix: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 over all fields, in hexadecimal: the key under which vectors are stored."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Return the fields as JSON with sorted keys."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Fingerprint:
        """Return what `to_json` wrote."""
        return cls(**json.loads(text))


class Embedder(Protocol):
    """Turns texts into unit vectors of one space."""

    @property
    def fingerprint(self) -> Fingerprint:
        """What identifies the vector space. Must not load the model's weights into memory."""
        ...

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return each text's length in the model's tokens, without special tokens or limit."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, in order, shape (len(texts), dimension).

        A text longer than `fingerprint.max_tokens` is read up to there.

        Raises:
            EmbedderError: If the model fails or answers with anything but finite vectors.
        """
        ...

    def embed_query(self, text: str) -> Vectors:
        """Return the question's unit vector, shape (dimension,)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenVectors:
    """A text's tokens as the model sees them in their context.

    Attributes:
        spans: Each token's (start, end) in the text; special tokens are left out.
        vectors: One unit vector a token, shape (len(spans), dimension).
    """

    spans: tuple[tuple[int, int], ...]
    vectors: Vectors


@runtime_checkable
class TokenEmbedder(Protocol):
    """An embedder that can also tell what each token means where it stands."""

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return each text's tokens, up to the longest text that the model reads."""
        ...


@runtime_checkable
class SentenceEmbedder(Protocol):
    """An embedder that tells, with a text's vector, where its sentences lie.

    An index stores them beside the text's vector, and compares a question with both.
    """

    def embed_with_sentences(self, texts: Sequence[str]) -> tuple[Vectors, list[Vectors]]:
        """Return what `embed_documents` returns, and the unit vectors of each text's sentences.

        Those are of shape (sentences, dimension), in the order of the text; a text may have none.
        """
        ...


@runtime_checkable
class ApartEmbedder(Protocol):
    """An embedder whose vectors need not depend on what else is embedded at the same time."""

    def embed_apart(self, texts: Sequence[str]) -> Vectors:
        """Return what `embed_documents` returns, each vector the same whatever stands beside it."""
        ...


@runtime_checkable
class Releasable(Protocol):
    """An embedder whose model can leave the memory, and comes back when it is needed."""

    def release(self) -> None:
        """Give the model's memory back; the next text loads it again."""
        ...


@runtime_checkable
class Closable(Protocol):
    """An embedder that holds connections."""

    def close(self) -> None:
        """Release them; they are opened again if the embedder is used again."""
        ...


@runtime_checkable
class HasPrecision(Protocol):
    """An embedder that tells how it computes."""

    @property
    def precision(self) -> str:
        """The arithmetic, the device or the place, such as "bf16" or "f32 on cuda:0"."""
        ...
