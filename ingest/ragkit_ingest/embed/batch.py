"""Groups texts of similar length, so that little time goes into padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


def batches(
    token_ids: Sequence[Sequence[int]], *, batch_tokens: int, batch_texts: int
) -> Iterator[tuple[list[int], NDArray[np.int64], NDArray[np.int64]]]:
    """Yield batches of padded token ids, shortest texts first.

    Args:
        token_ids: One sequence of ids a text, special tokens included.
        batch_tokens: Most tokens in a batch, padding included, unless one text alone has more.
        batch_texts: Most texts in a batch.

    Yields:
        The texts' positions in `token_ids`; their ids, padded with 0; the mask, 1 where there
        is a token. Both arrays are int64 of shape (texts, length of the longest).
    """
    order = sorted(range(len(token_ids)), key=lambda index: len(token_ids[index]))
    batch: list[int] = []
    for index in order:
        padded = (len(batch) + 1) * len(token_ids[index])
        if batch and (len(batch) == batch_texts or padded > batch_tokens):
            yield _pad(token_ids, batch)
            batch = []
        batch.append(index)
    if batch:
        yield _pad(token_ids, batch)


def _pad(
    token_ids: Sequence[Sequence[int]], batch: list[int]
) -> tuple[list[int], NDArray[np.int64], NDArray[np.int64]]:
    length = max(len(token_ids[index]) for index in batch)
    ids = np.zeros((len(batch), length), np.int64)
    mask = np.zeros((len(batch), length), np.int64)
    for row, index in enumerate(batch):
        tokens = token_ids[index]
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return batch, ids, mask
