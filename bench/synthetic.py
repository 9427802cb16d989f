"""Documents that stand in for a million: vectors like real ones, words as often as in real text.

A document lies near one real vector, and its chunks scatter around it by differences of other real
vectors: so clusters, and the directions in which they spread, are those of the model. Words follow
Zipf's law as Mandelbrot amended it; a third of a document's words are its own few topics.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ragkit_ingest.embed.protocol import Vectors

CHUNKS_A_DOCUMENT = 20
GROUPS = 20
SENTENCES = 5
_WORDS_A_CHUNK = 90
_VOCABULARY = 200_000
_EXPONENT, _OFFSET = 1.05, 20.0
_TOPICS = 15
_STOPWORDS = 100  # so many of the commonest words stand in no question
_SCATTER = 0.6
_SYLLABLES = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Synthetic:
    """A document.

    Attributes:
        number: From 0.
        texts: Of its chunks.
        vectors: One a chunk.
        sentences: `SENTENCES` of each chunk, scattered around its vector.
    """

    number: int
    texts: tuple[str, ...]
    vectors: Vectors
    sentences: tuple[Vectors, ...]


def documents(sample: Vectors, chunks: int, *, seed: int = 0) -> Iterator[Synthetic]:
    """Yield documents that hold so many chunks together; the same for the same seed.

    Args:
        sample: Real unit vectors, shape (n, dimension), some hundreds or more.
        chunks: How many.
        seed: Other seeds give others.
    """
    words = np.asarray([_word(rank) for rank in range(_VOCABULARY)], dtype=object)
    shares = 1.0 / (np.arange(_VOCABULARY) + _OFFSET) ** _EXPONENT
    upto = np.cumsum(shares / shares.sum())
    for number in range(-(-chunks // CHUNKS_A_DOCUMENT)):
        chance = np.random.default_rng((seed, number))
        count = min(CHUNKS_A_DOCUMENT, chunks - number * CHUNKS_A_DOCUMENT)
        ranks = np.searchsorted(upto, chance.random((count, _WORDS_A_CHUNK)))
        topics = chance.integers(_STOPWORDS, _VOCABULARY // 10, _TOPICS)
        own = chance.random(ranks.shape) < 1 / 3
        ranks[own] = chance.choice(topics, int(own.sum()))
        vectors = _scattered(sample, chance, count)
        yield Synthetic(
            number=number,
            texts=tuple(" ".join(row) for row in words[ranks]),
            vectors=vectors,
            sentences=tuple(_around(one, sample, chance, SENTENCES) for one in vectors),
        )


def questions(sample: Vectors, chunks: int, count: int) -> list[tuple[str, Vectors]]:
    """Return questions: three to seven words of a chunk, and a vector of no document.

    The words are a chunk's as they come, without the commonest; so most are common ones.
    """
    chance = np.random.default_rng(1)
    common = {_word(rank) for rank in range(_STOPWORDS)}
    found: list[tuple[str, Vectors]] = []
    # The same texts as the first documents of the index.
    for document in documents(sample, min(chunks, count * CHUNKS_A_DOCUMENT)):
        words = [word for word in document.texts[0].split() if word not in common]
        chosen = chance.choice(words, int(chance.integers(3, 8)), replace=False)
        found.append((" ".join(chosen), _scattered(sample, chance, 1)[0]))
    return found[:count]


def _scattered(sample: Vectors, chance: np.random.Generator, count: int) -> Vectors:
    """Return unit vectors around one of the sample, scattered as the sample's vectors differ."""
    return _around(sample[chance.integers(len(sample))], sample, chance, count)


def _around(centre: Vectors, sample: Vectors, chance: np.random.Generator, count: int) -> Vectors:
    one, other = chance.integers(0, len(sample), (2, count))
    moved = centre + _SCATTER * (sample[one] - sample[other]) / np.sqrt(2.0)
    unit: Vectors = (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)
    return unit


def _word(rank: int) -> str:
    """Return a word that the stemmer leaves as it is: syllables, and a letter that ends none."""
    digest = int.from_bytes(hashlib.blake2b(str(rank).encode(), digest_size=4).digest())
    parts = []
    for _ in range(2 + (rank > 2000)):
        digest, place = divmod(digest, len(_SYLLABLES))
        parts.append(_SYLLABLES[place])
    return f"{''.join(parts)}{_letters(rank)}"


def _letters(number: int) -> str:
    found = ""
    while number:
        number, place = divmod(number, 8)
        found += "bdgkmprv"[place]
    return f"{found}x"
