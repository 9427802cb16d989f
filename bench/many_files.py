"""Memory and time of an ingest, of a small and of a large folder of small files.

    python -m bench.many_files [--files 1000 20000] [--embedder cheap|seldom|minilm]

Makes folders of text files, ingests each in a fresh process, then syncs it again. Printed are the
peak memory of the ingesting process and of its parsing workers, and the time; and for the second
sync what it parsed, embedded and wrote, which should be nothing. `cheap` (the default) stands in
for the embedding model, so that all else is seen at its own size; `seldom` lets the model read one
batch in twenty, which shows its memory in less time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from bench.process import memory_bytes, tree

_LOOK_EVERY_S = 0.05
_WORDS = (
    "kettle",
    "urn",
    "water",
    "boils",
    "invoice",
    "price",
    "supplier",
    "notice",
    "period",
    "leave",
    "contract",
    "element",
    "warranty",
    "filter",
    "lease",
    "rent",
    "meeting",
    "minutes",
    "safety",
    "officer",
    "travel",
    "claim",
    "receipt",
    "hub",
    "pairing",
    "firmware",
)


def main() -> None:
    """Measure every size and print the table."""
    options = _options()
    print("| files | sync | s | peak MB, main | peak MB, a worker | parsed | embedded | written |")
    print("|---|---|---|---|---|---|---|---|")
    peaks = []
    for count in options.files:
        with tempfile.TemporaryDirectory(prefix="ragkit-many-") as name:
            docs, index = Path(name, "docs"), Path(name, "index")
            make(docs, count)
            for label in ("first", "second"):
                before = _state(index)
                found = run(docs, index, options.embedder)
                written = _difference(before, _state(index))
                print(
                    f"| {count:,} | {label} | {found['seconds']:.1f} | {found['main'] / 1e6:.0f} |"
                    f" {found['worker'] / 1e6:.0f} | {found['parsed']} | {found['embedded']} |"
                    f" {written} |",
                    flush=True,
                )
                if label == "first":
                    peaks.append(found["main"])
    print(f"\npeak of the largest over that of the smallest: {peaks[-1] / peaks[0]:.2f}")


def make(folder: Path, count: int) -> None:
    """Write text files of about a hundred words each, in folders of a thousand; always the same."""
    number = random.Random(count)  # noqa: S311 - the same files each time
    for n in range(count):
        path = folder / f"{n // 1000:03}" / f"note-{n:05}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        sentences = (" ".join(number.choices(_WORDS, k=10)).capitalize() for _ in range(10))
        path.write_text(f"Note {n}\n\n{'. '.join(sentences)}.\n", encoding="utf-8")


def run(docs: Path, index: Path, embedder: str) -> dict[str, Any]:
    """Sync in a process of its own; return what it did, and the peaks of it and its workers."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.many_files_run", str(docs), str(index), embedder],
        stdout=subprocess.PIPE,
    )
    peaks = {"main": 0, "worker": 0}
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(_LOOK_EVERY_S):
            for pid in tree(process.pid):
                role = "main" if pid == process.pid else "worker"
                peaks[role] = max(peaks[role], memory_bytes(pid)[1])

    thread = threading.Thread(target=look)
    thread.start()
    out, _ = process.communicate()
    ended.set()
    thread.join()
    if process.returncode != 0:
        raise SystemExit(f"the sync of {docs} ended with {process.returncode}")
    found: dict[str, Any] = json.loads(out)
    return {**found, "wall": time.perf_counter() - started, "worker": peaks["worker"]}


def _state(index: Path) -> dict[str, tuple[int, str]]:
    """Return time stamp and hash of every file of an index."""
    return {
        path.relative_to(index).as_posix(): (
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in sorted(index.rglob("*"))
        if path.is_file()
    }


def _difference(before: dict[str, tuple[int, str]], after: dict[str, tuple[int, str]]) -> str:
    """Return which files of the index changed, appeared or went, in words."""
    names = sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )
    shown = ", ".join(names[:3]) + (" ..." if len(names) > 3 else "")
    return f"{len(names)} files ({shown})" if names else "nothing"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.many_files",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--files", type=int, nargs="+", default=[1000, 20_000])
    parser.add_argument("--embedder", choices=("cheap", "seldom", "minilm"), default="cheap")
    return parser.parse_args()


if __name__ == "__main__":
    main()
