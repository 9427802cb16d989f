"""Runs the systems side by side: each step in a fresh process, the systems taking turns."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.corpus import ROOT
from bench.peers.material import Judged, ranked_documents
from bench.peers.system import OURS, SYSTEMS, System
from bench.process import CommandFailedError, Usage, run_python
from ragkit_eval.metrics.ndcg import ndcg_at
from ragkit_eval.stats.bootstrap import mean_ci95

Run = dict[str, Any]

# Nothing is sent or fetched: telemetry is off, and whoever tries meets a closed port.
_OFFLINE = {
    "ANONYMIZED_TELEMETRY": "False",
    "DO_NOT_TRACK": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGSMITH_TRACING": "false",
    "TRANSFORMERS_OFFLINE": "1",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "",
    "PYTHONPATH": str(ROOT),
}
_OFFLINE |= {name.lower(): value for name, value in _OFFLINE.items() if name.endswith("PROXY")}
_DEPTH = 50  # chunks, of which the documents of a ranking come
_CUTOFF = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where the systems and what they read lie.

    Attributes:
        pythons: The interpreter of each system, by name.
        model: A sentence-transformers folder.
        scratch: For indexes and questions.
        files: The pages.
        pages: The folder they lie in.
        questions: What is asked.
    """

    pythons: Mapping[str, Path]
    model: Path
    scratch: Path
    files: Sequence[Path]
    pages: Path
    questions: Sequence[str]

    def round(self, number: int, keep: Callable[[System, str, Run], None]) -> None:
        """Ingest, start cold and search warm with every system, the first one changing by round.

        Args:
            number: From 0.
            keep: Is given each result, with the name of the step.
        """
        turn = [*SYSTEMS[number % len(SYSTEMS) :], *SYSTEMS[: number % len(SYSTEMS)]]
        question = self.questions[number % len(self.questions)]
        for system in turn:
            keep(system, "ingest", self._ingest(system))
        for system in turn:
            index = self._index(system)
            keep(system, "cold", self._step(system, "cold", index, self.model, question))
            if system is OURS:
                keep(system, "answer", self._step(system, "answer", index, question))
        for system in turn:
            keep(system, "warm", self._warm(system))

    def rehearse(self) -> None:
        """Run every step once on one page, which also leaves bytecode where a start finds it."""
        page = self.scratch / "one" / "page.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.files[0], page)
        for system in SYSTEMS:
            tell(f"{system.label}: rehearsal")
            index = self._index(system)
            shutil.rmtree(index, ignore_errors=True)
            self._step(system, "ingest", page.parent, index, self.model)
            if not self._step(system, "cold", index, self.model, self.questions[0])["found"]:
                raise CommandFailedError(f"{system.label} found nothing in {self.files[0].name}")
            if system is OURS:
                self._step(system, "answer", index, self.questions[0])

    def effectiveness(self, system: System, judged: Judged) -> Run:
        """Return nDCG@10 of a system on a judged set, a document ranking by its best chunk."""
        index = self.scratch / "judged" / system.name
        shutil.rmtree(index, ignore_errors=True)
        made = self._step(system, "ingest", judged.folder, index, self.model)
        asked = self.scratch / "queries.json"
        asked.write_text(json.dumps(list(judged.queries.values())), encoding="utf-8")
        found = self._step(system, "rank", index, self.model, asked, _DEPTH)
        scores = [
            ndcg_at(_CUTOFF, ranked_documents(files), judged.judgements[id_])
            for id_, files in zip(judged.queries, found["files"], strict=True)
        ]
        return {
            "ndcg@10": sum(scores) / len(scores),
            "ci95": mean_ci95(scores),
            "chunks": made["chunks"],
            "ingest_cpu_s": made["cpu_s"],
        }

    def _ingest(self, system: System) -> Run:
        index = self._index(system)
        shutil.rmtree(index, ignore_errors=True)
        done = self._step(system, "ingest", self.pages, index, self.model)
        return {**done, "disk_mb": disk_bytes(index) / 1e6}

    def _warm(self, system: System) -> Run:
        asked = self.scratch / "questions.json"
        asked.write_text(json.dumps(list(self.questions)), encoding="utf-8")
        done = self._step(system, "warm", self._index(system), self.model, asked)
        times = {clock: np.percentile(done.pop(f"{clock}_ms"), (50, 95)) for clock in _CLOCKS}
        percentiles = {
            f"{clock}_{name}_ms": float(value)
            for clock, pair in times.items()
            for name, value in zip(("p50", "p95"), pair, strict=True)
        }
        return {**done, **percentiles}

    def _index(self, system: System) -> Path:
        return self.scratch / "index" / system.name

    def _step(self, system: System, step: str, *arguments: object) -> Run:
        command = ["-m", "bench.peers.drive", system.name, step, *map(str, arguments)]
        return result(run_python(command, _OFFLINE, python=self.pythons[system.name]))


_CLOCKS = ("wall", "cpu")


def result(used: Usage) -> Run:
    """Return what a step printed last, and what its process used."""
    told: Run = json.loads(used.stdout.splitlines()[-1])
    return {
        **told,
        "wall_s": used.wall_s,
        "cpu_s": used.cpu_s,
        "peak_mb": used.peak_bytes / 1e6,
    }


def disk_bytes(folder: Path) -> int:
    """Return how much room a folder's files take on the disk."""
    every = [path.stat() for path in folder.rglob("*") if path.is_file()]
    return sum(file.st_blocks * 512 for file in every)


def tell(what: str) -> None:
    """Say on standard error what is being done."""
    print(what, file=sys.stderr, flush=True)


def load() -> float:
    """Return the system's load of the last minute, other programs included."""
    return round(os.getloadavg()[0], 1)
