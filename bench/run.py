"""Measures ragkit's speed and memory on this machine and prints a table.

    python -m bench.run [--rounds N] [--texts N] [--out FILE]

Everything measured runs in a process of its own; what is compared takes turns. CPU seconds stand
beside wall time because they change little when other programs run at the same time. Nothing
here passes or fails: the aims are printed beside the figures.

With RAGKIT_DATA set, the folder it names is searched for `scale/sourcegraph_handbook`, whose
texts are embedded too.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench import cold, embedding, ingest, warm_queries
from bench.machine import describe
from bench.report import markdown

_HANDBOOK = Path("scale") / "sourcegraph_handbook"


def main() -> None:
    """Measure, print the table, and write the JSON if asked to."""
    options = _options()
    figures = measure(rounds=options.rounds, texts=options.texts)
    print(markdown(figures))
    if options.out is not None:
        options.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def measure(*, rounds: int, texts: int) -> dict[str, Any]:
    """Return every figure, by section.

    Args:
        rounds: Repetitions of each measurement, 1 or more; medians are reported.
        texts: Most texts of a set to embed, 1 or more.
    """
    figures: dict[str, Any] = {"rounds": rounds, "machine": describe()}
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        _tell("ingest")
        figures["ingest"] = ingest.measure(scratch / "index", rounds=rounds)
        _tell("cold starts")
        figures["cold"] = cold.measure(scratch / "index")
        _tell("warm queries")
        figures["warm"] = warm_queries.measure(scratch / "index", rounds=rounds)
        figures["embedding"] = []
        for label, folder in _text_sets().items():
            _tell(f"embedding, {label}")
            figures["embedding"].append(
                embedding.measure(label, folder, scratch, rounds=rounds, texts=texts)
            )
    return figures


def _text_sets() -> dict[str, Path]:
    from bench.corpus import COMPANY

    sets = {"example company": COMPANY}
    handbook = Path(os.environ.get("RAGKIT_DATA", "")).expanduser() / _HANDBOOK
    if os.environ.get("RAGKIT_DATA") and handbook.is_dir():
        sets["sourcegraph_handbook"] = handbook
    return sets


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="repetitions (default: 3)")
    parser.add_argument("--texts", type=int, default=512, help="texts of a set (default: 512)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write all figures as JSON")
    options = parser.parse_args()
    if options.rounds < 1 or options.texts < 1:
        parser.error("--rounds and --texts must be 1 or more")
    if find_spec("sentence_transformers") is None:
        parser.error("sentence-transformers is not installed; run: pip install .")
    return options


def _tell(what: str) -> None:
    print(f"measuring: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
