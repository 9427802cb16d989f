"""Remembers the vectors of sentences: the same passages are found for many questions.

What is remembered is what would be computed again, bit for bit, where the embedder's vectors do
not depend on what else is embedded (`ApartEmbedder`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

import numpy as np

from ragkit.evidence import EmbedsTexts
from ragkit_ingest.embed.protocol import ApartEmbedder, TokenEmbedder, TokenVectors, Vectors

SENTENCES = 10_000
"""How many vectors are remembered: 15 MB of 384 dimensions."""
TOKENS = 64
"""Of how many texts the vectors of the tokens are: at most 25 MB."""
_Value = TypeVar("_Value")


def remembered(embedder: EmbedsTexts) -> Remembered:
    """Return the embedder with a memory; with one for tokens too if it is a `TokenEmbedder`."""
    if isinstance(embedder, TokenEmbedder):
        return RememberedTokens(embedder, embedder)
    return Remembered(embedder)


class Remembered:
    """Embeds a text once, as long as it is remembered. May be shared between threads.

    Args:
        embedder: Of the index.
    """

    def __init__(self, embedder: EmbedsTexts) -> None:
        self._embed = (
            embedder.embed_apart
            if isinstance(embedder, ApartEmbedder)
            else embedder.embed_documents
        )
        self._sentences = _Memory[Vectors](lambda texts: list(self._embed(texts)), SENTENCES)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text, in order, shape (len(texts), dimension)."""
        return np.stack(self._sentences.of(texts)) if texts else self._embed(texts)


class RememberedTokens(Remembered):
    """Remembers tokens as well.

    Args:
        embedder: Of the index.
        tokens: The same, as one that tells tokens.
    """

    def __init__(self, embedder: EmbedsTexts, tokens: TokenEmbedder) -> None:
        super().__init__(embedder)
        self._tokens = _Memory[TokenVectors](tokens.embed_tokens, TOKENS)

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return each text's tokens, up to the longest text that the model reads."""
        return self._tokens.of(texts)


class _Memory(Generic[_Value]):
    """The values of the texts that were asked for last."""

    def __init__(self, make: Callable[[Sequence[str]], list[_Value]], most: int) -> None:
        self._make = make
        self._most = most
        self._held: OrderedDict[str, _Value] = OrderedDict()
        self._lock = Lock()

    def of(self, texts: Sequence[str]) -> list[_Value]:
        with self._lock:
            found = {text: self._held[text] for text in texts if text in self._held}
        new = [text for text in dict.fromkeys(texts) if text not in found]
        if new:
            found |= zip(new, self._make(new), strict=True)
        with self._lock:
            for text in dict.fromkeys(texts):
                self._held[text] = found[text]
                self._held.move_to_end(text)
            while len(self._held) > self._most:
                self._held.popitem(last=False)
        return [found[text] for text in texts]
