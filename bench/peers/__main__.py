"""ragkit beside LlamaIndex, LangChain with Chroma, Haystack and txtai, on the same pages.

    python -m bench.peers [--corpus DIR] [--pages N] [--questions N] [--rounds N]
                          [--judged DIR] [--documents N] [--envs DIR] [--out DIR]

Each system is installed into an environment of its own and does what its documented quick start
does, with the same model weights, offline. Every step is a fresh process; the systems take turns.
Written to the folder of --out after every round: peers.json (every run), peers.md (the tables) and
peers.svg (a plot). Nothing here passes or fails: the aims are printed beside the figures.

Without --corpus and --judged, RAGKIT_DATA names the folder that holds `scale/sourcegraph_handbook`
and `retrieval/scifact`. Without a judged set nDCG is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.machine import describe
from bench.peers.environment import EnvironmentFailedError, prepared, versions
from bench.peers.material import judged, pages, questions
from bench.peers.measure import Bench, Run, load, tell
from bench.peers.plot import svg
from bench.peers.report import markdown
from bench.peers.system import SYSTEMS, System
from bench.process import CommandFailedError
from ragkit_ingest.embed.packaged import packaged_model

_HANDBOOK = Path("scale", "sourcegraph_handbook", "content")
_SCIFACT = Path("retrieval", "scifact")


def main() -> None:
    """Measure as the command line says, and print the tables."""
    options = _options()
    try:
        figures = measure(options)
    except (EnvironmentFailedError, CommandFailedError) as failed:
        raise SystemExit(f"bench.peers: {failed}") from failed
    print(markdown(figures))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return every figure, written to the output folder as they come."""
    pythons = {}
    for system in SYSTEMS:
        tell(f"{system.label}: environment")
        pythons[system.name] = prepared(system, options.envs)
    with tempfile.TemporaryDirectory(prefix="ragkit-peers-") as name:
        scratch = Path(name)
        files = pages(options.corpus, scratch / "pages", options.pages)
        asked = questions(files, options.questions)
        if not asked:
            raise SystemExit(f"bench.peers: no Markdown headings to ask about in {options.corpus}")
        bench = Bench(
            pythons=pythons,
            model=_model(scratch),
            scratch=scratch,
            files=files,
            pages=scratch / "pages",
            questions=asked,
        )
        figures = _frame(options, bench)
        bench.rehearse()
        for number in range(options.rounds):

            def keep(system: System, step: str, run: Run) -> None:
                tell(f"round {number + 1}: {system.label}, {step}: {run['cpu_s']:.1f} CPU s")  # noqa: B023
                figures["systems"][system.name]["runs"].setdefault(step, []).append(run)

            bench.round(number, keep)
            _write(figures, options.out)
        if options.judged is not None:
            _judge(bench, options, figures)
            _write(figures, options.out)
    return figures


def _frame(options: argparse.Namespace, bench: Bench) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {**describe(), "load_before": load()},
        "rounds": options.rounds,
        "corpus": {
            "name": options.corpus.parent.name
            if options.corpus.name == "content"
            else options.corpus.name,
            "pages": len(bench.files),
            "kilobytes": sum(file.stat().st_size for file in bench.files) / 1000,
            "questions": len(bench.questions),
        },
        "systems": {
            system.name: {
                "label": system.label,
                "setting": system.setting,
                "embeds_all": system.embeds_all,
                "versions": versions(system, bench.pythons[system.name]),
                "runs": {},
            }
            for system in SYSTEMS
        },
    }


def _judge(bench: Bench, options: argparse.Namespace, figures: dict[str, Any]) -> None:
    found = judged(options.judged, bench.scratch / "documents", options.documents)
    figures["judged"] = {
        "name": found.name,
        "documents": found.documents,
        "queries": len(found.queries),
    }
    for system in SYSTEMS:
        run = bench.effectiveness(system, found)
        tell(f"{system.label}: nDCG@10 {run['ndcg@10']:.3f}")
        figures["systems"][system.name]["judged"] = run


def _model(scratch: Path) -> Path:
    """Return a copy of the packaged model as a folder that sentence-transformers opens."""
    folder = scratch / "all-MiniLM-L6-v2"
    shutil.copytree(packaged_model().weights.parent, folder)
    return folder


def _write(figures: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    whole = json.dumps(figures, indent=2) + "\n"
    texts = {"peers.json": whole, "peers.md": markdown(figures) + "\n", "peers.svg": svg(figures)}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.peers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    data = os.environ.get("RAGKIT_DATA")
    corpus = Path(data).expanduser() / _HANDBOOK if data else None
    scifact = Path(data).expanduser() / _SCIFACT if data else None
    scifact = scifact if scifact is not None and scifact.is_dir() else None
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    parser.add_argument("--corpus", type=Path, default=corpus, help="a folder of Markdown pages")
    parser.add_argument("--judged", type=Path, default=scifact, help="a set in BEIR's layout")
    parser.add_argument("--pages", type=int, default=90, help="first pages read (default: 90)")
    parser.add_argument("--questions", type=int, default=100, help="default: 100")
    parser.add_argument("--rounds", type=int, default=3, help="repetitions (default: 3)")
    parser.add_argument(
        "--documents", type=int, default=1000, help="of the judged set (default: 1000)"
    )
    parser.add_argument("--envs", type=Path, default=cache / "ragkit-peers", help="environments")
    parser.add_argument("--out", type=Path, default=Path("peers"), help="default: peers")
    options = parser.parse_args()
    if min(options.pages, options.questions, options.rounds, options.documents) < 1:
        parser.error("--pages, --questions, --rounds and --documents must be 1 or more")
    if options.corpus is None:
        parser.error("name a folder of Markdown pages with --corpus, or set RAGKIT_DATA")
    if not options.corpus.is_dir():
        parser.error(f"{options.corpus} is no folder; name another with --corpus")
    if options.judged is not None and not (options.judged / "corpus.jsonl").is_file():
        parser.error(f"{options.judged} holds no corpus.jsonl; name a set with --judged")
    return options


if __name__ == "__main__":
    main()
