"""Embeds texts with one embedder in this process, and prints the time that took as JSON.

    python -m bench.embed ragkit texts.json vectors.npy

Loading and the first texts, on which runtimes compile and allocate, are not timed.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Embed = Callable[[list[str]], NDArray[np.float32]]

ARMS = ("ragkit", "sentence-transformers")
_WARM_UP_TEXTS = 32


def measure(arm: str, texts: list[str]) -> tuple[dict[str, float], NDArray[np.float32]]:
    """Return seconds by name ("wall_s", "cpu_s") and the vectors, one a row.

    Args:
        arm: One of `ARMS`.
        texts: What to embed.
    """
    embed = _ragkit() if arm == "ragkit" else _sentence_transformers()
    embed(texts[:_WARM_UP_TEXTS])
    cpu, wall = time.process_time(), time.perf_counter()
    vectors = embed(texts)
    used = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}
    return used, vectors


def main() -> None:
    """Measure as the command line says."""
    arm, texts_file, vectors_file = sys.argv[1:]
    used, vectors = measure(arm, json.loads(Path(texts_file).read_text(encoding="utf-8")))
    np.save(vectors_file, vectors)
    print(json.dumps(used))


def _ragkit() -> Embed:
    from ragkit_ingest.embed.minilm import MiniLM

    return MiniLM().embed_documents


def _sentence_transformers() -> Embed:
    from sentence_transformers import SentenceTransformer

    from ragkit_ingest.embed.packaged import packaged_model

    model = SentenceTransformer(str(packaged_model().weights.parent), device="cpu")

    def embed(texts: list[str]) -> NDArray[np.float32]:
        return np.asarray(model.encode(texts, show_progress_bar=False), np.float32)

    return embed


if __name__ == "__main__":
    main()
