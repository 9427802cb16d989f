"""Where each word stands, as arrays: ranks chunks by BM25 without asking SQLite for every row.

FTS5 takes about 3 microseconds for each row that holds any word of the question, which is over a
second for common words among a million chunks. Here a row costs some nanoseconds, and the scores
are the same.

Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009; parameters and the
floor of the inverse document frequency as in FTS5 (fts5_aux.c), k1 = 1.2 and b = .75.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_K1 = 1.2
_B = 0.75
_LEAST_IDF = 1e-6
_MOST_COUNTED = 255

Columns = Sequence[Sequence[str]]
"""The words of a chunk's title, headings and text, in order, repeats kept."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Postings:
    """The words of many chunks, which are numbered by rows from 0.

    Attributes:
        terms: All words in UTF-8, ascending, one behind the other; uint8.
        ends: Where each word ends in `terms`, shape (words,).
        starts: Where the rows of each word start in `rows`, and the end; shape (words + 1,).
        rows: The rows that hold a word, ascending for each word; uint32.
        counts: How often it stands in title, headings and text, at most 255; shape (len(rows), 3).
        lengths: Words of each row, shape (chunks,); uint32.
    """

    terms: NDArray[np.uint8]
    ends: NDArray[np.int64]
    starts: NDArray[np.int64]
    rows: NDArray[np.uint32]
    counts: NDArray[np.uint8]
    lengths: NDArray[np.uint32]

    def __len__(self) -> int:
        """Return the number of chunks."""
        return len(self.lengths)

    def frequency(self, word: str) -> int:
        """Return how many chunks hold the word."""
        start, end = self._range(word)
        return end - start

    def scores(
        self, weighted: Iterable[tuple[str, float]], average: float, columns: Sequence[float]
    ) -> NDArray[np.float64]:
        """Return the BM25 score of every row, shape (chunks,); 0 for those with none of the words.

        Args:
            weighted: Words, each once, with their inverse document frequencies.
            average: Mean length of all chunks of the index.
            columns: Weights of title, headings and text.
        """
        total = np.zeros(len(self), np.float64)
        scale = _K1 * _B / average if average else 0.0
        weights = np.asarray(columns, np.float64)
        plain = bool((weights == 1.0).all())
        for word, idf in weighted:
            start, end = self._range(word)
            if start == end:
                continue
            rows = self.rows[start:end]
            counts = self.counts[start:end]
            often = counts.sum(axis=1, dtype=np.float64) if plain else counts @ weights
            length = self.lengths[rows]
            total[rows] += idf * often * (_K1 + 1.0) / (often + _K1 * (1.0 - _B) + scale * length)
        return total

    def vocabulary(self) -> list[str]:
        """Return all words, ascending."""
        whole, start, found = self.terms.tobytes(), 0, []
        for end in self.ends.tolist():
            found.append(whole[start:end].decode())
            start = end
        return found

    def _range(self, word: str) -> tuple[int, int]:
        wanted = word.encode()
        low, high = 0, len(self.ends)
        while low < high:
            middle = (low + high) // 2
            start = int(self.ends[middle - 1]) if middle else 0
            held = self.terms[start : int(self.ends[middle])].tobytes()
            if held == wanted:
                return int(self.starts[middle]), int(self.starts[middle + 1])
            if held < wanted:
                low = middle + 1
            else:
                high = middle
        return 0, 0


def idf(frequency: int, total: int) -> float:
    """Return the inverse document frequency of a word, more than 0.

    Args:
        frequency: Chunks that hold it.
        total: All chunks.
    """
    value = math.log((total - frequency + 0.5) / (frequency + 0.5))
    return value if value > 0.0 else _LEAST_IDF


def collected(chunks: Iterable[Columns]) -> Postings:
    """Return the postings of chunks, rows in their order."""
    numbers: dict[str, int] = {}
    found, sizes = array("I"), array("I")
    for columns in chunks:
        for words in columns:
            found.extend([numbers.setdefault(word, len(numbers)) for word in words])
            sizes.append(len(words))
    return _arranged(
        list(numbers), np.frombuffer(found, np.uint32), np.frombuffer(sizes, np.uint32)
    )


def merged(base: Postings, kept: NDArray[np.bool_], added: Postings) -> Postings:
    """Return the postings of the kept rows of one, then of all rows of another.

    Args:
        base: Some chunks.
        kept: Which of them stay, shape (len(base),).
        added: Other chunks.
    """
    ours, theirs = base.vocabulary(), added.vocabulary()
    vocabulary = sorted({*ours, *theirs})
    number = dict(zip(vocabulary, range(len(vocabulary)), strict=True))
    stays = kept[base.rows]
    row_now = np.cumsum(kept) - 1
    terms = np.concatenate([_terms(ours, base, number)[stays], _terms(theirs, added, number)])
    rows = np.concatenate(
        [row_now[base.rows[stays]], added.rows.astype(np.int64) + int(kept.sum())]
    )
    counts = np.concatenate([base.counts[stays], added.counts])
    order = np.argsort(terms, kind="stable")  # rows of one word stay in order
    lengths = np.concatenate([base.lengths[kept], added.lengths])
    return _packed(vocabulary, terms[order], rows[order], counts[order], lengths)


def _terms(words: list[str], postings: Postings, number: dict[str, int]) -> NDArray[np.int64]:
    """Return the number of each posting's word."""
    here = np.asarray([number[word] for word in words], np.int64)
    return np.repeat(here, np.diff(postings.starts))


def _arranged(words: list[str], found: NDArray[np.uint32], sizes: NDArray[np.uint32]) -> Postings:
    """Count words that come chunk by chunk and column by column."""
    chunks = len(sizes) // 3
    by_chunk = sizes.astype(np.int64).reshape(chunks, 3)
    vocabulary = sorted(words)
    rank = dict(zip(vocabulary, range(len(words)), strict=True))
    ranks = np.asarray([rank[word] for word in words], np.int64)
    columns = np.repeat(np.tile(np.arange(3, dtype=np.uint8), chunks), by_chunk.ravel())
    rows = np.repeat(np.arange(chunks, dtype=np.int64), by_chunk.sum(axis=1))
    keys = ranks[found] * max(chunks, 1) + rows if len(found) else np.zeros(0, np.int64)
    order = np.argsort(keys, kind="stable")
    keys, columns = keys[order], columns[order]
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    counts = np.zeros((len(first), 3), np.uint8)
    for column in range(3 if len(first) else 0):
        often = np.add.reduceat((columns == column).astype(np.int64), first)
        counts[:, column] = np.minimum(often, _MOST_COUNTED)
    lengths = by_chunk.sum(axis=1).astype(np.uint32)
    terms, held = np.divmod(keys[first], max(chunks, 1))
    return _packed(vocabulary, terms, held, counts, lengths)


def _packed(
    vocabulary: list[str],
    terms: NDArray[np.int64],
    rows: NDArray[Any],
    counts: NDArray[np.uint8],
    lengths: NDArray[np.uint32],
) -> Postings:
    """Return the arrays of postings that are in order, without words that no chunk holds."""
    often = np.bincount(terms, minlength=len(vocabulary))
    written = [word.encode() for word, held in zip(vocabulary, often.tolist(), strict=True) if held]
    return Postings(
        terms=np.frombuffer(b"".join(written), np.uint8),
        ends=np.cumsum([len(word) for word in written], dtype=np.int64),
        starts=np.concatenate([[0], np.cumsum(often[often > 0])]).astype(np.int64),
        rows=rows.astype(np.uint32),
        counts=counts,
        lengths=lengths,
    )
