"""Describes the machine that figures come from, without naming it."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

_PACKAGES = (
    "chromadb",
    "numpy",
    "openvino",
    "sentence-transformers",
    "tokenizers",
    "torch",
    "transformers",
)


def describe() -> dict[str, str | int | float | dict[str, str]]:
    """Return the processor, the number of cores, the load, Python and package versions.

    The load is that of the last minute, other programs included: a figure above the number of
    cores means that wall times are too long.
    """
    from ragkit_ingest.embed.minilm import MiniLM

    return {
        "cpu": _cpu_model(),
        "cores": _cores(),
        "load_before": round(os.getloadavg()[0], 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "embedder_precision": MiniLM().precision,
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
    }


def _cpu_model() -> str:
    """Return the processor's name and, where the system tells it, family and model number."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    pairs = (line.partition(":") for line in reversed(lines) if ":" in line)
    facts = {key.strip(): value.strip() for key, _, value in pairs}
    name = facts.get("model name", platform.machine())
    if "cpu family" not in facts:
        return name
    return f"{name} (family {facts['cpu family']}, model {facts.get('model', 'unknown')})"


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
