"""The experiment as a whole: ingest, retrieve, edit, train and ask by seed, and the report.

DIR/seeds keeps what each seed's trial came to (seed-N.json), and before that its pretrained
weights (seed-N.base.safetensors). An interrupted run goes on from there; what was made by another
recipe, of other passages or by other code is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from threading import Lock
from typing import Any

from ragkit.config import Config
from ragkit.pipeline import Pipeline
from ragkit_eval.cases import Case
from ragkit_eval.demo.contender import CONTENDERS, MODELS, Contender
from ragkit_eval.demo.finding import (
    CLAIMS,
    MEASURES,
    Values,
    by_seed,
    differences,
    figure,
    freshness,
    judged,
    values,
)
from ragkit_eval.demo.lesson import PASSAGES, TONE_SAMPLES
from ragkit_eval.demo.recipe import Recipe
from ragkit_eval.demo.retention import kept
from ragkit_eval.demo.trial import Order, Result
from ragkit_eval.demo.voice import MARKERS
from ragkit_eval.demo.wording import refuses
from ragkit_eval.demo.world import World, asked, invent, write_documents
from ragkit_eval.recorded import Recorded, Shown
from ragkit_eval.run import Run, RunArm
from ragkit_eval.score import entailment, score
from ragkit_ingest.errors import GeneratorError

TITLE = "Retrieve or fine-tune?"
ABOUT = (
    "An invented world that no model knows, and a small decoder trained from scratch: what "
    "retrieval, a persona prompt, tone tuning and fact tuning do to facts, tone, refusals, edited "
    "documents and earlier skills. Written by ragkit eval demo."
)
_DECIDING = (
    *("contender", "decoder", "lesson", "network", "recipe", "retention", "shape", "trial"),
    *("vocabulary", "voice", "wording", "world"),
)
_TUNING = ("contender", "recipe", "retention", "trial")  # whose code no pretraining depends on
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What ragkit found for the questions, before and after the edits.

    Attributes:
        passages: By the case's id, best first.
        about: Of the index after the edits.
        shown: Of the answerable cases, how many were shown the document that answers them.
    """

    passages: Mapping[str, tuple[Shown, ...]]
    about: Mapping[str, Any]
    shown: float


def run(
    folder: Path,
    recipe: Recipe,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> tuple[Run, dict[str, Any]]:
    """Do the experiment, and return its run and how long the parts of it took.

    Args:
        folder: Keeps the finished trials, in `seeds`.
        recipe: How large it is.
        jobs: Trials side by side, each on one thread; None for one a processor, and one on a GPU.
        progress: Called with how many steps of training are done, and how many there are.

    Raises:
        GeneratorError: If a trial ends without a result.
        UsageError: If a file cannot be written.
    """
    world = invent(seed=recipe.world_seed, known=recipe.known, documents=recipe.documents)
    cases = asked(world)
    found = look_up(world, cases)
    texts = {id_: [one.text for one in shown] for id_, shown in found.passages.items()}
    orders = [
        Order(
            recipe=recipe,
            seed=seed,
            passages=texts,
            key=_digest([recipe.digest(), str(seed), json.dumps(texts, sort_keys=True), _code()]),
            base_key=_digest([recipe.digest(base=True), str(seed), _code(_TUNING)]),
        )
        for seed in recipe.seeds
    ]
    if jobs is None:
        jobs = (os.cpu_count() or 1) if recipe.device == "cpu" else 1
    results = _Trials(folder / "seeds", progress).results(orders, jobs)
    seconds = {f"seed {result.seed}": dict(result.seconds) for result in results}
    return report(recipe, world, cases, found, results), {"trials": seconds}


def look_up(world: World, cases: Sequence[Case]) -> Found:
    """Return what ragkit retrieves for each case, as `ask` would; edited cases after the edits.

    The documents are written into a folder and ingested with the packaged embedder and the
    default settings; edits are written over them and ingested again.
    """
    with TemporaryDirectory(prefix="ragkit-demo-") as scratch:
        documents = Path(scratch) / "documents"
        with Pipeline(Path(scratch) / "index", config=Config(), embedder="minilm") as rag:
            write_documents(world.documented, documents)
            rag.ingest(documents)
            passages = {c.id: _shown(rag, c.question) for c in cases if c.kind != "edited"}
            write_documents(world.edited, documents)
            rag.ingest(documents, checksum=True)
            passages |= {c.id: _shown(rag, c.question) for c in cases if c.kind == "edited"}
            status = rag.status()
    answerable = [case for case in cases if case.answerable]
    held = sum(
        any(case.evidence[0].quote in one.text for one in passages[case.id]) for case in answerable
    )
    about = {
        "digest": _digest(place.document() for place in world.edited),
        "documents": len(status.documents),
        "chunks": status.chunks,
        "embedder": status.embedder,
    }
    return Found(passages=passages, about=about, shown=held / len(answerable))


def _shown(rag: Pipeline, question: str) -> tuple[Shown, ...]:
    looked = rag.look(question, k=PASSAGES)
    return tuple(
        Shown(path=one.path, text=one.text, start=one.start, end=one.end)
        for one in looked.request.passages
    )


def report(
    recipe: Recipe, world: World, cases: Sequence[Case], found: Found, results: Sequence[Result]
) -> Run:
    """Return the run of finished trials: a row for each arm, case and seed."""
    questions = kept(world, seed=recipe.world_seed)
    measured = values(cases, questions, results)
    answers = [
        _recorded(contender, case, result, found)
        for result in results
        for case in cases
        for contender in CONTENDERS
    ]
    by_seeds = [_of_seed(case, result.seed) for result in results for case in cases]
    rows = score(by_seeds, answers, entails=entailment("words"))
    return Run(
        cases=tuple(by_seeds),
        arms=tuple(_arm(contender, measured, world, cases, results) for contender in CONTENDERS),
        rows=tuple(rows),
        differences=tuple(differences(measured)),
        measures=MEASURES,
        about={
            "title": TITLE,
            "about": ABOUT,
            "index": dict(found.about),
            "entailment": "words",
            "recipe": recipe.to_json(),
            "questions": len(cases),
            "passages": {"shown": PASSAGES, "with_evidence": round(found.shown, 6)},
            "claims": [judged(claim, measured) for claim in CLAIMS],
            "seeds": [
                {
                    "seed": result.seed,
                    "parameters": result.parameters,
                    "errors": {name: round(error, 6) for name, error in result.errors.items()},
                    "figures": by_seed(measured, result.seed),
                }
                for result in results
            ],
            "tone": {
                "status": "exact_rule",
                "auc": None,
                "auc_ci95": None,
                "samples": TONE_SAMPLES,
                "markers": list(MARKERS),
            },
        },
    )


def _arm(
    contender: Contender,
    measured: Values,
    world: World,
    cases: Sequence[Case],
    results: Sequence[Result],
) -> RunArm:
    return RunArm(
        name=contender.name,
        settings={
            "model": contender.model,
            "made": MODELS[contender.model],
            "passages": "retrieved" if contender.retrieves else "none",
            "persona": contender.persona,
        },
        own=True,
        figures={name: figure(measured[name][contender.name]) for name in MEASURES},
        more={"freshness": freshness(world, cases, results, contender.name)},
    )


def _of_seed(case: Case, seed: int) -> Case:
    return replace(case, id=f"{case.id}.seed{seed}")


def _recorded(contender: Contender, case: Case, result: Result, found: Found) -> Recorded:
    text = result.answers[contender.name][case.id]
    return Recorded(
        arm=contender.name,
        id=f"{case.id}.seed{result.seed}",
        text=text,
        abstained=refuses(text),
        passages=found.passages[case.id] if contender.retrieves else (),
        model=f"{contender.model}, seed {result.seed}",
    )


class _Trials:
    """Runs trials in processes of their own, and keeps what they come to."""

    def __init__(self, folder: Path, progress: Progress | None) -> None:
        self._folder = folder
        self._progress = progress
        self._lock = Lock()
        self._done: dict[int, int] = {}
        self._processes: list[subprocess.Popen[str]] = []
        self._stopped = False

    def results(self, orders: Sequence[Order], jobs: int) -> list[Result]:
        """Return the orders' results, in their order; what is there already is not done again."""
        total = sum(order.recipe.steps for order in orders)
        with ThreadPoolExecutor(max_workers=max(1, min(jobs, len(orders)))) as pool:
            futures = [pool.submit(self._result, order, total) for order in orders]
            try:
                return [future.result() for future in futures]
            except BaseException:
                self._stop()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _result(self, order: Order, total: int) -> Result:
        file = self._folder / f"seed-{order.seed}.json"
        held = _kept(file, order.key)
        if held is None:
            self._tried(order, file, total)
            held = _kept(file, order.key)
        if held is None:
            raise GeneratorError(f"the trial of seed {order.seed} left no result in {file}")
        self._tell(order.seed, order.recipe.steps, total)
        return held

    def _tried(self, order: Order, file: Path, total: int) -> None:
        with TemporaryDirectory(prefix="ragkit-trial-") as scratch, TemporaryFile("w+") as said:
            asked_for = Path(scratch) / "order.json"
            asked_for.write_text(json.dumps(order.to_json()), encoding="utf-8")
            process = self._started([str(asked_for), str(file.absolute())], said)
            with process:
                for line in process.stdout or ():
                    part, done, _ = json.loads(line)
                    if part == "pretrain":
                        self._tell(order.seed, done, total)
            if process.returncode:
                said.seek(0)
                last = (said.read().strip().splitlines() or ["it said nothing"])[-1]
                raise GeneratorError(
                    f"the trial of seed {order.seed} ended with code {process.returncode}: {last}"
                )

    def _started(self, arguments: Sequence[str], said: Any) -> subprocess.Popen[str]:
        environment = os.environ | {
            "OMP_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        with self._lock:
            if self._stopped:
                raise GeneratorError("the experiment was stopped")
            process = subprocess.Popen(  # noqa: S603  (this interpreter, this package)
                [sys.executable, "-m", "ragkit_eval.demo.trial", *arguments],
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                env=environment,
            )
            self._processes.append(process)
        return process

    def _stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._processes:
                process.terminate()

    def _tell(self, seed: int, done: int, total: int) -> None:
        with self._lock:
            self._done[seed] = done
            if self._progress is not None:
                self._progress(sum(self._done.values()), total)


def _kept(file: Path, key: str) -> Result | None:
    """Return the result of a finished trial, if it is of the same order."""
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
        return Result(**held) if held["key"] == key else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _code(without: Sequence[str] = ()) -> str:
    """Return what decides a trial beside its order: its code, and what it computes with."""
    folder = Path(__file__).parent
    names = [name for name in _DECIDING if name not in without]
    sources = [(folder / f"{name}.py").read_text(encoding="utf-8") for name in names]
    return _digest([version("torch"), *sources])


def _digest(texts: Any) -> str:
    whole = hashlib.sha256()
    for text in texts:
        whole.update(hashlib.sha256(text.encode()).digest())
    return whole.hexdigest()
