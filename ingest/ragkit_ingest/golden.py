"""Golden vectors: does an embedder still answer as it did when its vectors were made?

A fingerprint knows the files of a local model, but of an endpoint only the model's name, and of
neither the libraries that compute it. So what a few fixed texts gave is kept with each vector
space, and compared before anything is added to it.
"""

from __future__ import annotations

import numpy as np

from ragkit_ingest.catalog.space import Space, Spaces
from ragkit_ingest.embed.protocol import Embedder, Vectors
from ragkit_ingest.errors import EmbedderMismatchError

TEXTS = (
    "The notice period is three months to the end of a quarter.",
    "Descale the kettle every 60 days with citric acid, never with vinegar.",
)
LEAST_COSINE = 0.98
"""Arithmetic in bf16 instead of f32, or on another machine, stays above .999."""


def golden_vectors(embedder: Embedder) -> Vectors:
    """Return what the embedder gives for the texts now, as questions; shape (texts, dimension).

    Raises:
        EmbedderError: If it fails.
    """
    return np.stack([embedder.embed_query(text) for text in TEXTS])


def lowest_cosine(space: Space, found: Vectors) -> float:
    """Return how near the vectors are to those kept with a space: 1 for the same or none kept."""
    if not len(space.golden):
        return 1.0
    if space.golden.shape != found.shape:
        return -1.0
    return float((space.golden * found).sum(axis=1).min())


def check_golden(spaces: Spaces, space_id: int, embedder: Embedder) -> None:
    """Compare the embedder with the one that made a space, or keep what it gives.

    Raises:
        EmbedderError: If the embedder fails.
        EmbedderMismatchError: If it answers otherwise.
    """
    space, found = spaces.get(space_id), golden_vectors(embedder)
    cosine = lowest_cosine(space, found)
    if cosine < LEAST_COSINE:
        raise EmbedderMismatchError(changed(space, cosine))
    if not len(space.golden):
        spaces.note_golden(space_id, found)


def changed(space: Space, cosine: float) -> str:
    """Return the sentence that says that a model changed behind its name."""
    name = space.fingerprint.name
    return (
        f"the embedder {name} does not answer as it did when the index was made (cosine "
        f"{cosine:.3f} on {len(TEXTS)} fixed texts, where {LEAST_COSINE} or more is the same): the "
        "model behind the name was changed; bring the former one back, or make all vectors anew "
        f"with ragkit reembed --embedder {space.embedder or name}"
    )
