"""Measures indexes of 10,000 to a million chunks: build, disk, memory, search, recall.

    python -m bench.scale [--chunks 10000 100000 1000000] [--sample FILE.npy] [--out FILE]

The documents are synthetic (see `bench.synthetic`), around the vectors of real texts: those in
FILE.npy, or else up to 4,000 chunks of RAGKIT_DATA/scale, or else the example company's. They are
written into the catalog as a killed sync leaves them, and then published and searched by the same
code as any others. A question is read by the packaged model, whose time is part of each search by
vectors.

Each step runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench.corpus import COMPANY, chunk_texts
from bench.machine import describe
from bench.process import run_python

_SAMPLE = 4000


def main() -> None:
    """Measure every size and print the table."""
    options = _options()
    found: dict[str, Any] = {"machine": describe(), "sizes": {}}
    with tempfile.TemporaryDirectory(prefix="ragkit-scale-", dir=options.place) as name:
        place = Path(name)
        sample = options.sample or _sampled(place / "sample.npy")
        for chunks in options.chunks:
            found["sizes"][chunks] = measure(place / f"{chunks}.index", sample, chunks)
    if options.out is not None:
        options.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(table(found["sizes"]))


def measure(index: Path, sample: Path, chunks: int) -> dict[str, Any]:
    """Return every figure of one size.

    Args:
        index: Where to build it.
        sample: A file of real vectors.
        chunks: How many.
    """
    found: dict[str, Any] = {}
    given = [str(sample), str(chunks)]
    steps = (("stage", given), ("publish", []), ("cold", given), ("warm", given))
    for step, arguments in (*steps, ("recall", given), ("idle", []), ("change", [])):
        _tell(f"{chunks:,} chunks: {step}")
        found[step] = _step(step, index, arguments)
        if step == "publish":
            found["disk"] = disk(index)
    return found


def disk(index: Path) -> dict[str, float]:
    """Return the megabytes of the catalog, of the graphs and of what is scanned."""
    sizes = {"catalog": 0.0, "graphs": 0.0, "scanned": 0.0}
    for path in index.rglob("*"):
        if path.is_file():
            parts = path.relative_to(index).parts
            kind = "catalog" if len(parts) == 1 else "scanned" if "scan" in parts else "graphs"
            sizes[kind] += path.stat().st_size / 1e6
    return sizes


def table(sizes: dict[int, dict[str, Any]]) -> str:
    """Return the figures as Markdown."""
    rows: list[tuple[str, list[str]]] = []

    def row(label: str, *path: str, digits: int = 0, unit: str = "") -> None:
        values = []
        for held in sizes.values():
            value: Any = held
            for key in path:
                value = value.get(key) if isinstance(value, dict) else None
            values.append("" if value is None else f"{value:,.{digits}f}{unit}")
        if any(values):
            rows.append((label, values))

    for label, step in (
        ("publish: graphs, words", "publish"),
        ("sync, one document edited", "change"),
        ("sync, nothing to do", "idle"),
        ("first search of a process", "cold"),
    ):
        row(f"{label}, wall s", step, "wall_s", digits=1)
        row(f"{label}, CPU s", step, "cpu_s", digits=1)
        row(f"{label}, peak MB", step, "peak_mb")
    row("shards", "change", "shards")
    row("shards built for the edit", "change", "built")
    for kind in ("catalog", "graphs", "scanned"):
        row(f"disk, {kind}, MB", "disk", kind)
    row("searching process, peak MB", "warm", "peak_mb")
    kinds = [
        kind for held in sizes.values() for kind in held["warm"] if " " in kind or kind in _KINDS
    ]
    for kind in dict.fromkeys(kinds):
        row(f"{kind}, p50 ms", "warm", kind, "p50_ms", digits=1)
        row(f"{kind}, p95 ms", "warm", kind, "p95_ms", digits=1)
        row(f"{kind}, p95 CPU ms", "warm", kind, "cpu_p95_ms", digits=1)
    for k in (10, 200):
        row(f"recall@{k} of the vector store", "recall", f"recall@{k}", digits=4)
    names = [f"{size:,}" for size in sizes]
    head = [f"| chunks | {' | '.join(names)} |", "| --- |" + " --- |" * len(names)]
    return "\n".join([*head, *(f"| {label} | {' | '.join(values)} |" for label, values in rows)])


_KINDS = ("dense", "lexical", "hybrid", "hybrid, 5 % by a filter", "hybrid, 50 % by a filter")


def _step(step: str, index: Path, arguments: list[str]) -> dict[str, Any]:
    used = run_python(["-m", "bench.scale_run", step, str(index), *arguments])
    found: dict[str, Any] = json.loads(used.stdout)
    return _used(used) | found


def _used(used: Any) -> dict[str, float]:
    return {"wall_s": used.wall_s, "cpu_s": used.cpu_s, "peak_mb": used.peak_bytes / 1e6}


def _sampled(path: Path) -> Path:
    """Write vectors of real texts into a file."""
    from ragkit_ingest.embed.minilm import MiniLM

    data = Path(os.environ.get("RAGKIT_DATA", "")).expanduser() / "scale"
    folder = data if os.environ.get("RAGKIT_DATA") and data.is_dir() else COMPANY
    _tell(f"vectors of texts in {folder.name}")
    np.save(path, MiniLM().embed_documents(chunk_texts(folder, _SAMPLE)))
    return path


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--chunks", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--sample", type=Path, metavar="FILE", help="real vectors, as .npy")
    parser.add_argument("--place", type=Path, metavar="FOLDER", help="where indexes are built")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write all figures as JSON")
    return parser.parse_args()


def _tell(what: str) -> None:
    print(f"scale: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
