"""Puts every example question to an open index, and prints how long each took as JSON.

    python -m bench.warm INDEX

The first questions of the set are put once before, untimed, so that everything is loaded.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence

from bench.corpus import questions
from ragkit.pipeline import Pipeline

_WARM_UP = 10


def measure(call: Callable[[str], object], texts: Sequence[str]) -> dict[str, list[float]]:
    """Return milliseconds by name ("wall_ms", "cpu_ms"), one for each text.

    Args:
        call: What is timed.
        texts: What it is called with.
    """
    for text in texts[:_WARM_UP]:
        call(text)
    wall_ms, cpu_ms = [], []
    for text in texts:
        cpu, wall = time.process_time(), time.perf_counter()
        call(text)
        wall_ms.append((time.perf_counter() - wall) * 1000)
        cpu_ms.append((time.process_time() - cpu) * 1000)
    return {"wall_ms": wall_ms, "cpu_ms": cpu_ms}


def main() -> None:
    """Measure the index that the command line names."""
    texts = questions()
    with Pipeline(sys.argv[1]) as rag:
        search = measure(lambda text: rag.search(text, mode="hybrid"), texts)
        ask = measure(rag.ask, texts)
    print(json.dumps({"search": search, "ask": ask}))


if __name__ == "__main__":
    main()
