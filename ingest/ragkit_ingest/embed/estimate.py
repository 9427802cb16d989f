"""Estimates lengths in the tokens of a model whose own tokenizer is not at hand.

The packaged model's word pieces are counted, which are shorter than most vocabularies' tokens. A
piece that is unknown to it may hide any number of tokens, so it counts one for each of its UTF-8
bytes: byte-level tokenizers never make more. White space is not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from ragkit_ingest.embed.packaged import (
    ModelFiles,
    packaged_model,
    packaged_tokenizer,
)

_UNKNOWN = "[UNK]"


class TokenEstimate:
    """Counts and cuts texts by the packaged tokenizer, which is loaded at the first text.

    Args:
        files: Where the tokenizer is; by default in the installed package.
    """

    def __init__(self, files: ModelFiles | None = None) -> None:
        self._files = files

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return each text's estimated length in tokens, without special tokens."""
        return [
            sum(length for _, length in self._pieces(text, encoding))
            for text, encoding in zip(texts, self._encoded(texts), strict=True)
        ]

    def cut(self, texts: Sequence[str], tokens: int) -> list[str]:
        """Return each text's beginning of at most `tokens` estimated tokens."""
        return [
            self._beginning(text, encoding, tokens)
            for text, encoding in zip(texts, self._encoded(texts), strict=True)
        ]

    def _encoded(self, texts: Sequence[str]) -> list[Any]:
        encoded: list[Any] = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return encoded

    def _beginning(self, text: str, encoding: Any, tokens: int) -> str:
        end = total = 0
        for piece_end, length in self._pieces(text, encoding):
            total += length
            if total > tokens:
                return text[:end]
            end = piece_end
        return text

    @staticmethod
    def _pieces(text: str, encoding: Any) -> list[tuple[int, int]]:
        """Return each piece's end in the text and how many tokens it counts."""
        return [
            (end, len(text[start:end].encode()) if token == _UNKNOWN else 1)
            for token, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True)
        ]

    @cached_property
    def _tokenizer(self) -> Any:
        return packaged_tokenizer(self._files or packaged_model())


def clean(text: str) -> str:
    """Return the text as a service takes it: valid UTF-8, and a space where there is nothing.

    OpenAI's interface refuses an empty text.
    """
    return text.encode("utf-8", "replace").decode() or " "
