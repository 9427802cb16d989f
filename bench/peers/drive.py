"""One step of one system, in that system's own environment; prints what came of it as JSON.

    python -m bench.peers.drive MODULE ingest FOLDER INDEX MODEL
    python -m bench.peers.drive MODULE cold   INDEX MODEL QUESTION
    python -m bench.peers.drive MODULE answer INDEX QUESTION
    python -m bench.peers.drive MODULE warm   INDEX MODEL QUESTIONS.json
    python -m bench.peers.drive MODULE rank   INDEX MODEL QUESTIONS.json K

MODULE is a module of `bench.peers` with `ingest` and `opened`, such as `langchain`. Only the
standard library is imported here, so that what a process costs is the system's own.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PASSAGES = 10
_WARM_UP = 10


def main() -> None:
    """Do the step that the command line names."""
    name, step, *arguments = sys.argv[1:]
    system = importlib.import_module(f"bench.peers.{name}")
    steps: dict[str, Callable[..., dict[str, Any]]] = {
        "ingest": _ingest,
        "cold": _cold,
        "answer": _answer,
        "warm": _warm,
        "rank": _rank,
    }
    sys.stdout.write(f"\n{json.dumps(steps[step](system, *arguments))}\n")
    sys.stdout.flush()


def _ingest(system: Any, folder: str, index: str, model: str) -> dict[str, Any]:
    return {"chunks": system.ingest(Path(folder), Path(index), Path(model))}


def _cold(system: Any, index: str, model: str, question: str) -> dict[str, Any]:
    return {"found": len(system.opened(Path(index), Path(model))(question, PASSAGES))}


def _answer(system: Any, index: str, question: str) -> dict[str, Any]:
    return {"found": len(system.answered(Path(index), question))}


def _warm(system: Any, index: str, model: str, questions: str) -> dict[str, Any]:
    search = system.opened(Path(index), Path(model))
    texts = json.loads(Path(questions).read_text(encoding="utf-8"))
    for text in texts[:_WARM_UP]:
        search(text, PASSAGES)
    wall_ms, cpu_ms, found = [], [], []
    for text in texts:
        cpu, wall = time.process_time(), time.perf_counter()
        hits = search(text, PASSAGES)
        wall_ms.append((time.perf_counter() - wall) * 1000)
        cpu_ms.append((time.process_time() - cpu) * 1000)
        found.append(len(hits))
    return {"wall_ms": wall_ms, "cpu_ms": cpu_ms, "found": min(found)}


def _rank(system: Any, index: str, model: str, questions: str, k: str) -> dict[str, Any]:
    search = system.opened(Path(index), Path(model))
    texts = json.loads(Path(questions).read_text(encoding="utf-8"))
    return {"files": [search(text, int(k)) for text in texts]}


if __name__ == "__main__":
    main()
