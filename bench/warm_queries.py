"""Searches and answers in a process that has the index open."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench.process import Usage, run_python


def measure(index: Path, *, rounds: int) -> dict[str, Any]:
    """Return milliseconds of "search" and "ask" at percentiles, medians of N processes.

    Args:
        index: Of the example company.
        rounds: N, 1 or more.
    """
    runs = [run_python(["-m", "bench.warm", str(index)]) for _ in range(rounds)]
    peak_mb = median(used.peak_bytes for used in runs) / 1e6
    return {"search": _figures(runs, "search"), "ask": _figures(runs, "ask"), "peak_mb": peak_mb}


def _figures(runs: list[Usage], what: str) -> dict[str, float]:
    times = [json.loads(used.stdout)[what] for used in runs]
    percentiles = {
        f"{clock}_p{percent}": median(
            float(np.percentile(each[f"{clock}_ms"], percent)) for each in times
        )
        for clock in ("wall", "cpu")
        for percent in (50, 95)
    }
    return {"queries": len(times[0]["wall_ms"]), **percentiles}
