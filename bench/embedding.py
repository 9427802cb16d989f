"""ragkit's default embedder against plain sentence-transformers, on the same texts."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench.corpus import chunk_texts
from bench.embed import ARMS
from bench.process import run_python

_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}


def measure(label: str, folder: Path, scratch: Path, *, rounds: int, texts: int) -> dict[str, Any]:
    """Return the speed of both embedders on a folder's chunks, and how their vectors differ.

    Args:
        label: What the texts are called in the table.
        folder: The documents whose chunks are embedded.
        scratch: A folder for texts and vectors.
        rounds: How often each embedder runs, in turns, each time in a new process.
        texts: Most texts to embed.
    """
    chosen = chunk_texts(folder, texts)
    texts_file = scratch / "texts.json"
    texts_file.write_text(json.dumps(chosen), encoding="utf-8")
    runs: dict[str, list[dict[str, float]]] = {arm: [] for arm in ARMS}
    for _ in range(rounds):
        for arm in ARMS:
            runs[arm].append(_run(arm, texts_file, _vectors_file(scratch, arm)))
    arms = {arm: _medians(runs[arm], len(chosen)) for arm in ARMS}
    ours, plain = (arms[arm] for arm in ARMS)
    return {
        "texts": label,
        "count": len(chosen),
        "mean_characters": round(sum(map(len, chosen)) / len(chosen)),
        "arms": arms,
        "cpu_ratio": ours["chunks_per_cpu_s"] / plain["chunks_per_cpu_s"],
        "wall_ratio": ours["chunks_per_wall_s"] / plain["chunks_per_wall_s"],
        "lowest_cosine": _lowest_cosine(scratch),
    }


def _run(arm: str, texts_file: Path, vectors_file: Path) -> dict[str, float]:
    used = run_python(["-m", "bench.embed", arm, str(texts_file), str(vectors_file)], _OFFLINE)
    return {**json.loads(used.stdout), "peak_mb": used.peak_bytes / 1e6}


def _medians(runs: list[dict[str, float]], count: int) -> dict[str, float]:
    return {
        "chunks_per_cpu_s": median(count / run["cpu_s"] for run in runs),
        "chunks_per_wall_s": median(count / run["wall_s"] for run in runs),
        "peak_mb": median(run["peak_mb"] for run in runs),
    }


def _lowest_cosine(scratch: Path) -> float:
    """Return the lowest cosine between the two vectors of a text, from the last round."""
    ours, plain = (np.load(_vectors_file(scratch, arm)) for arm in ARMS)
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(plain, axis=1)
    return float(((ours * plain).sum(axis=1) / lengths).min())


def _vectors_file(scratch: Path, arm: str) -> Path:
    return scratch / f"{arm}.npy"
