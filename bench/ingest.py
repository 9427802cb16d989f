"""The ingest of the example company, and a second one that finds nothing changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from statistics import median
from typing import Any

from bench.corpus import COMPANY, readable_files
from bench.process import Usage, medians, run_python


def measure(index: Path, *, rounds: int) -> dict[str, Any]:
    """Return the medians of N ingests into a new index each; the last index stays.

    Args:
        index: Where the index is made; the folder is emptied first.
        rounds: N, 1 or more.
    """
    kilobytes = sum(file.size for file in readable_files(COMPANY)) / 1000
    first, again, report = [], [], {}
    for _ in range(rounds):
        shutil.rmtree(index, ignore_errors=True)
        first.append(_ingest(index))
        report = json.loads(first[-1].stdout)
        again.append(_ingest(index))
    chunks = report["chunks"]["total"]
    return {
        "files": report["files"]["indexed"],
        "kilobytes": round(kilobytes, 1),
        "chunks": chunks,
        **medians(first),
        "kilobytes_per_cpu_s": median(kilobytes / used.cpu_s for used in first),
        "chunks_per_cpu_s": median(chunks / used.cpu_s for used in first),
        "chunks_per_wall_s": median(chunks / used.wall_s for used in first),
        "unchanged": medians(again),
    }


def _ingest(index: Path) -> Usage:
    arguments = ["ingest", str(COMPANY), "--index", str(index), "--json"]
    return run_python(["-m", "ragkit.cli.main", *arguments])
