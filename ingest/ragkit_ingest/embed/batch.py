"""Groups texts of similar length, so that little time goes into padding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray


def batches(
    token_ids: Sequence[Sequence[int]], *, batch_tokens: int, batch_texts: int, step: int = 0
) -> Iterator[tuple[list[int], NDArray[np.int64], NDArray[np.int64]]]:
    """Yield batches of padded token ids, shortest texts first.

    Args:
        token_ids: One sequence of ids a text, special tokens included.
        batch_tokens: Most tokens in a batch, padding included, unless one text alone has more.
        batch_texts: Most texts in a batch.
        step: If above 0, a text is padded to the next multiple of it, whatever it shares its batch
            with; a model then sees it the same each time.

    Yields:
        The texts' positions in `token_ids`; their ids, padded with 0; the mask, 1 where there
        is a token. Both arrays are int64 of shape (texts, length of the longest).
    """
    order = sorted(range(len(token_ids)), key=lambda index: len(token_ids[index]))
    batch: list[int] = []
    lengths = [_rounded(len(ids), step) for ids in token_ids]
    for index in order:
        padded = (len(batch) + 1) * lengths[index]
        other = bool(step and batch) and lengths[batch[0]] != lengths[index]
        if batch and (other or len(batch) == batch_texts or padded > batch_tokens):
            yield _pad(token_ids, batch, lengths[batch[-1]])
            batch = []
        batch.append(index)
    if batch:
        yield _pad(token_ids, batch, lengths[batch[-1]])


def _rounded(length: int, step: int) -> int:
    return -(-length // step) * step if step else length


def _pad(
    token_ids: Sequence[Sequence[int]], batch: list[int], length: int
) -> tuple[list[int], NDArray[np.int64], NDArray[np.int64]]:
    ids = np.zeros((len(batch), length), np.int64)
    mask = np.zeros((len(batch), length), np.int64)
    for row, index in enumerate(batch):
        tokens = token_ids[index]
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return batch, ids, mask
