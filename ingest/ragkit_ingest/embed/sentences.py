"""Vectors of a text's sentences, each read in the context of the whole text.

The model sees the whole text once; a sentence's vector is the mean of its tokens as the last layer
sees them. It knows what "it" means, and costs nothing to compute beyond the text's own vector.

Source: Guenther et al., 2024, arXiv:2409.04701 (late chunking).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ragkit_ingest.embed.inference import MANY, Inference
from ragkit_ingest.embed.protocol import Vectors

# Behind a sign that ends a sentence or a clause of a list, and at the end of a line.
_BETWEEN = re.compile(r"(?<=[.!?:;])\s+|\n+|(?<=[\u3002\uff01\uff1f\uff1b])")
_LEAST_TOKENS = 4


def sentence_rows(text: str, offsets: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the first row and the row behind the last of each sentence's tokens.

    Sentences of fewer than four tokens are left out, and those that the model does not read.

    Args:
        text: What was read.
        offsets: Each token's (start, end) in the text; special tokens, at both ends, are empty.
    """
    read = [row for row, (start, end) in enumerate(offsets) if end > start]
    if not read:
        return []
    first = read[0]
    starts = np.asarray([offsets[row][0] for row in read])
    ends = [match.start() for match in _BETWEEN.finditer(text)]
    bounds = [0, *np.searchsorted(starts, ends).tolist(), len(read)]
    return [
        (first + low, first + high) for low, high in pairwise(bounds) if high - low >= _LEAST_TOKENS
    ]


def encoded_with_sentences(
    inference: Inference, texts: Sequence[str], encodings: Sequence[Any], dimension: int
) -> tuple[Vectors, list[Vectors]]:
    """Return each text's vector, shape (texts, dimension), and the vectors of its sentences.

    Args:
        inference: Whose graph's second output are the tokens as the last layer sees them.
        texts: At least one.
        encodings: Of the texts, by a tokenizer that tells offsets.
        dimension: Of the vectors.
    """
    rows = [
        sentence_rows(text, encoding.offsets)
        for text, encoding in zip(texts, encodings, strict=True)
    ]
    sentences = [np.zeros((0, dimension), np.float32) for _ in texts]

    def pool(places: Sequence[int], states: Vectors) -> None:
        for place, tokens in zip(places, states, strict=True):
            if rows[place]:
                means = np.stack([tokens[low:high].mean(axis=0) for low, high in rows[place]])
                lengths = np.linalg.norm(means, axis=1, keepdims=True)
                sentences[place] = means / np.maximum(lengths, 1e-12)

    vectors = inference.encoded(
        [encoding.ids for encoding in encodings],
        dimension,
        side_by_side=True,
        change=len(texts) >= MANY,
        tokens=pool,
    )
    return vectors, sentences
