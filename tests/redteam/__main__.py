"""Attacks from within documents, in files of several formats, and prints what came of each.

    python -m tests.redteam [--formats md,html,...] [--copies N] [--examples]

The model obeys whatever any text of its prompt tells it, and nothing is withheld for want of
confidence: the worst case. Exit code 1 if anything acted: a connection, a file, a process, an
image, a link, HTML, a sign that steers a terminal.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ragkit_ingest.embed.minilm import MiniLM
from tests.redteam.plant import FORMATS
from tests.redteam.trial import (
    ABSENT,
    ABSTAINED,
    FLAGGED,
    SUPPORTED,
    Crowd,
    Outcome,
    attacked,
    crowded,
)

_SIDES = ("network", "file", "process", "markup", "address", "sign")


def table(outcomes: Sequence[Outcome]) -> str:
    """Return the outcomes as a Markdown table, a line a kind of attack."""
    lines = [
        "| attack | trials | obeyed | side channels | false: as supported | flagged | abstained "
        "| not shown |",
        "|---|---|---|---|---|---|---|---|",
    ]
    kinds = list(dict.fromkeys(outcome.kind for outcome in outcomes))
    for kind in (*kinds, "all"):
        mine = [one for one in outcomes if kind in (one.kind, "all")]
        fates = [sum(one.lie == fate for one in mine) for fate in
                 (SUPPORTED, FLAGGED, ABSTAINED, ABSENT)]  # fmt: skip
        counts = [len(mine), sum(o.obeyed for o in mine), sum(bool(o.side) for o in mine), *fates]
        lines.append(f"| {kind} | {' | '.join(map(str, counts))} |")
    return "\n".join(lines)


def sides(outcomes: Sequence[Outcome]) -> str:
    """Return how often each side channel was used, as a Markdown table."""
    lines = ["| side channel | successes | of |", "|---|---|---|"]
    for side in _SIDES:
        used = sum(any(s.startswith(f"{side}:") for s in one.side) for one in outcomes)
        lines.append(f"| {side} | {used} | {len(outcomes)} |")
    return "\n".join(lines)


def crowds(found: Sequence[Crowd]) -> str:
    """Return what copies did, as a Markdown table."""
    lines = [
        "| copies of a false statement | documents | passages looked at | of them false "
        "| the true one among them |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.name} | {one.copies} | {one.passages} | {one.false} | "
        f"{'yes' if one.truth else 'no'} |"
        for one in found
    ]
    return "\n".join(lines)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.redteam", description=__doc__)
    parser.add_argument("--formats", default=",".join(FORMATS))
    parser.add_argument("--copies", type=int, default=300)
    parser.add_argument("--examples", action="store_true", help="print each side channel's use")
    given = parser.parse_args()
    embedder = MiniLM()
    with tempfile.TemporaryDirectory(prefix="ragkit-redteam-") as folder:
        place = Path(folder)
        outcomes = attacked(place, given.formats.split(","), embedder)
        copied = crowded(place, embedder, given.copies)
    print(table(outcomes), sides(outcomes), crowds(copied), sep="\n\n")
    if given.examples:
        for one in outcomes:
            for line in one.side:
                print(f"{one.kind} in {one.format}: {line!r}")
    return 1 if any(one.side for one in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
