"""`ragkit tune embedder`: tunes the embedder on the index's own documents, if that does no harm."""

from __future__ import annotations

import json as json_
import re
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.cli.failure import EXIT_GATE
from ragkit.cli.option import IndexOption, JsonOption
from ragkit.cli.session import session_of
from ragkit.cli.terminal import Terminal
from ragkit_ingest.disk import write_whole
from ragkit_ingest.errors import UsageError

if TYPE_CHECKING:
    from ragkit.pipeline import Pipeline
    from ragkit.retrieve.retriever import Retriever
    from ragkit.tune.embedder.pair import Pair
    from ragkit.tune.embedder.trainer import EmbedderTrained, EmbedderTraining
    from ragkit_eval.before_after import Change, Probe
    from ragkit_eval.embedder_gate import Verdict
    from ragkit_eval.embedder_sets import Parts

_SHARES = (0.25, 0.5, 1.0)
_DRAFTED = 240
_MEASURED = 200
_DEVELOPED = 120
_BUILT_IN = "built-in sentences"


def embedder(
    context: typer.Context,
    out: Annotated[
        str, typer.Option("--out", metavar="DIR", help="Where the model and its report go.")
    ],
    index: IndexOption = None,
    json: JsonOption = False,
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="NAME",
            show_default=False,
            help="What is tuned: minilm or st:PATH. Default: the one that made the index.",
        ),
    ] = None,
    cases: Annotated[
        str | None,
        typer.Option(
            "--cases",
            metavar="FILE|DIR",
            show_default=False,
            help="The gate decides on these cases, or on the queries of a BEIR folder whose corpus "
            "is indexed; they are never trained on. Else on questions drafted from documents that "
            "are held out.",
        ),
    ] = None,
    general: Annotated[
        str | None,
        typer.Option(
            "--general",
            metavar="DIR",
            show_default=False,
            help="A BEIR folder of another field, on which nothing may be lost; else a few "
            "built-in sentences.",
        ),
    ] = None,
    minutes: Annotated[
        float, typer.Option("--minutes", min=0.1, metavar="M", help="Most minutes of training.")
    ] = 10.0,
    max_steps: Annotated[
        int, typer.Option("--max-steps", min=1, metavar="N", help="Most steps of training.")
    ] = 400,
    share: Annotated[
        float | None,
        typer.Option(
            "--share",
            min=0.0,
            max=1.0,
            metavar="S",
            show_default=False,
            help="Of the tuned weights in the average with the base's. Default: chosen on "
            "documents held out for that.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="S", help="Of every choice.")] = 0,
    promote: Annotated[
        bool,
        typer.Option("--promote", help="If the gate holds, let the tuned embedder answer at once."),
    ] = False,
) -> None:
    """Tune the embedder on the index's own documents; it may answer only if it does no harm.

    Pairs are mined by rules, without a language model. Exit code 4 if the gate does not hold.
    """
    from ragkit.cli.pipeline_of import pipeline_of

    session = session_of(context, index=index, json=json)
    terminal = session.terminal()
    wanted = _Wanted(
        out=Path(out).expanduser().absolute(),
        base=base or "",
        cases=cases,
        general=general,
        minutes=minutes,
        max_steps=max_steps,
        share=share,
        seed=seed,
        promote=promote,
    )
    with pipeline_of(session.open()) as rag:
        tuned = _Tuning(rag, wanted, terminal)
        tuned.run()
    tuned.tell()
    raise typer.Exit(0 if tuned.verdict is not None and tuned.verdict.promoted else EXIT_GATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What was asked for."""

    out: Path
    base: str
    cases: str | None
    general: str | None
    minutes: float
    max_steps: int
    share: float | None
    seed: int
    promote: bool


@dataclass(slots=True)
class _Tuning:
    """One run, and what came of it."""

    rag: Pipeline
    wanted: _Wanted
    terminal: Terminal
    base: Path = Path()
    name: str = ""
    kinds: dict[str, int] = field(default_factory=dict)
    leaked: int = 0
    trained: EmbedderTrained | None = None
    shares: dict[float, float] = field(default_factory=dict)
    share: float = 1.0
    held_out: list[Change] = field(default_factory=list)
    general: list[Change] = field(default_factory=list)
    verdict: Verdict | None = None
    swapped: bool = False

    def run(self) -> None:
        from ragkit.tune.embedder.base import base_folder
        from ragkit_eval.embedder_sets import parts
        from ragkit_ingest.reembed import spaces

        live, _ = spaces(self.rag.folder)
        self.base = base_folder(self.wanted.base or (live.embedder if live else ""))
        given = self.wanted.base.partition(":")[2] and self.base.name
        named = given or (live.fingerprint.name if live else "embedder")
        self.name = re.sub(r"[^\w.-]+", "-", named).removesuffix("-tuned")
        facts = self.rag.index.facts()
        divided = parts(facts, held_out=not self.wanted.cases, seed=self.wanted.seed)
        drafted = self._drafted()
        probes = self._probes(drafted, divided)
        pairs = self._pairs(drafted, divided, probes)
        self.trained = self._train(pairs)
        model = self._mixed(drafted, divided)
        self._try(model, probes)
        text = json_.dumps(self.to_json(), indent=1)
        write_whole(self.wanted.out / "report.json", f"{text}\n")

    @property
    def model(self) -> Path:
        """The folder of the model that is tried; its name is what the index shows."""
        return self.wanted.out / f"{self.name}-tuned"

    # -- data --------------------------------------------------------------------------------

    def _drafted(self) -> list[Pair]:
        """Return questions that rules draft from the documents, with their chunks."""
        from ragkit.cli.progress import counting
        from ragkit_eval.embedder_sets import case_pairs
        from ragkit_eval.questions.draft import draft

        with counting(self.terminal, "Drafting") as progress:
            try:
                found = draft(
                    self.rag,
                    _DRAFTED,
                    seed=self.wanted.seed,
                    unanswerable=0.0,
                    progress=progress,
                )
            except UsageError:  # nothing can be drafted: the mined pairs are all there is
                return []
        return case_pairs(self.rag.index, found)

    def _probes(self, drafted: list[Pair], divided: Parts) -> list[Probe]:
        from ragkit.cli.reembed import probes_of
        from ragkit_eval.embedder_sets import measured_pairs, pair_probes

        if self.wanted.cases:
            return probes_of(self.wanted.cases)
        pairs = measured_pairs(
            self.rag.index, drafted, divided.held_out, _MEASURED, seed=self.wanted.seed
        )
        if not pairs:
            raise UsageError(
                "the index has too few documents to hold some out; give --cases FILE with "
                "questions whose answers are known"
            )
        return pair_probes(self.rag.index, pairs)

    def _pairs(self, drafted: list[Pair], divided: Parts, probes: list[Probe]) -> list[Pair]:
        """Return what is trained on: no question of the gate, nor one that is nearly the same."""
        import random

        from ragkit.tune.embedder.noise import noisy
        from ragkit.tune.embedder.pair import kinds, mined
        from ragkit.tune.leakage import Guarded, leaks

        found = [pair for pair in drafted if pair.document_id not in divided.apart]
        found += mined(self.rag.index, without=divided.apart, seed=self.wanted.seed)
        guarded = [Guarded(id=probe.id, question=probe.text) for probe in probes]
        leaking = {leak.place for leak in leaks([(p.question, "") for p in found], guarded)}
        self.leaked = len(leaking)
        kept = [pair for place, pair in enumerate(found) if place not in leaking]
        chance = random.Random(self.wanted.seed)  # noqa: S311 - the same choice each time
        chance.shuffle(kept)
        kept = kept[: self._settings().max_steps * self._settings().batch_size]
        self.kinds = kinds(kept)
        return [replace(pair, question=noisy(pair.question, chance)) for pair in kept]

    # -- training ----------------------------------------------------------------------------

    def _settings(self) -> EmbedderTraining:
        from ragkit.tune.embedder.trainer import EmbedderTraining

        return EmbedderTraining(
            base=self.base,
            out=self.wanted.out,
            minutes=self.wanted.minutes,
            max_steps=self.wanted.max_steps,
            seed=self.wanted.seed,
        )

    def _train(self, pairs: list[Pair]) -> EmbedderTrained:
        from ragkit.cli.progress import counting
        from ragkit.tune.embedder.negative import triplets
        from ragkit.tune.embedder.trainer import train

        with counting(self.terminal, "Looking for negatives") as progress:
            found = triplets(self.rag.index, pairs, seed=self.wanted.seed, progress=progress)
        with counting(self.terminal, "Training") as progress:
            return train(found, self._settings(), progress)

    def _mixed(self, drafted: list[Pair], divided: Parts) -> Path:
        """Write the model whose share of tuned weights does best on the development part."""
        from ragkit.tune.embedder.mix import mix
        from ragkit_eval.embedder_sets import Pool, measured_pairs
        from ragkit_ingest.embed.selection import EmbedderSettings, select

        assert self.trained is not None
        tuned, index = self.trained.folder, self.rag.index
        pairs = measured_pairs(
            index, drafted, divided.development, _DEVELOPED, seed=self.wanted.seed
        )
        if self.wanted.share is not None:
            self.share = self.wanted.share
        elif pairs:
            pool = Pool(index, pairs)
            self.shares[0.0] = pool.ndcg(select(EmbedderSettings(embedder=f"st:{self.base}")))
            for share in _SHARES:
                folder = mix(self.base, tuned, self.model, share)
                candidate = select(EmbedderSettings(embedder=f"st:{folder}"))
                self.shares[share] = pool.ndcg(candidate)
            self.share = max(_SHARES, key=lambda share: (self.shares[share], -share))
        return mix(self.base, tuned, self.model, self.share)

    # -- gate --------------------------------------------------------------------------------

    def _try(self, model: Path, probes: list[Probe]) -> None:
        """Have the gate decide, from within a swap that is taken back unless it is wanted."""
        from ragkit.cli.progress import counting, ingest_progress
        from ragkit_eval.before_after import changes, scores
        from ragkit_eval.embedder_gate import verdict
        from ragkit_ingest.reembed import give_up

        self.general = self._general(model)

        def judge(before: Retriever | None, after: Retriever) -> bool:
            if before is None:
                raise UsageError("the embedder that made the index is not there any more")
            with counting(self.terminal, "Comparing") as progress:
                old = scores(before, probes, progress=progress)
                new = scores(after, probes, progress=progress)
            self.held_out = changes(old, new, probes)
            self.verdict = verdict(self.held_out, self.general)
            return self.verdict.promoted

        with ingest_progress(self.terminal) as progress:
            report = self.rag.reembed(
                f"st:{model}", swap=self.wanted.promote, judge=judge, progress=progress
            )
        self.swapped = report.swapped
        if self.verdict is not None and not self.verdict.promoted:
            give_up(self.rag.folder)

    def _general(self, model: Path) -> list[Change]:
        from ragkit_eval.before_after import NDCG, Change, changes, scores, set_probes
        from ragkit_eval.beir import load
        from ragkit_eval.retrieval import index_corpus
        from ragkit_eval.stats.paired import contrast

        if self.wanted.general is None:
            from ragkit.tune.embedder.general import general_scores
            from ragkit_ingest.embed.selection import EmbedderSettings, select

            old = general_scores(self.rag.embedder)
            new = general_scores(select(EmbedderSettings(embedder=f"st:{model}")))
            found = contrast(new, old, [place // 2 for place in range(len(new))])
            mean = sum(new) / len(new)
            before = sum(old) / len(old)
            return [Change(mode="dense", measure=NDCG, before=before, after=mean, contrast=found)]
        dataset = load(Path(self.wanted.general))
        probes = set_probes(dataset)
        measured: list[Change] = []

        def judge(before: Retriever | None, after: Retriever) -> bool:
            if before is None:
                raise UsageError("the embedder of the general set is not there any more")
            measured.extend(changes(scores(before, probes), scores(after, probes), probes))
            return False

        from ragkit.pipeline import Pipeline

        with ExitStack() as stack:
            folder = stack.enter_context(TemporaryDirectory(prefix="ragkit-general-"))
            rag = stack.enter_context(
                Pipeline(folder, config=self.rag.config, embedder=self.rag.embedder)
            )
            index_corpus(rag, dataset.documents(), dataset.name)
            rag.reembed(f"st:{model}", swap=False, judge=judge)
        return measured

    # -- report ------------------------------------------------------------------------------

    def to_json(self) -> dict[str, object]:
        """Return what came of it, in the shape of `ragkit tune embedder --json`."""
        trained, decided = self.trained, self.verdict
        assert trained is not None
        return {
            "base": str(self.base),
            "model": str(self.model),
            "pairs": self.kinds,
            "left_out_as_leaks": self.leaked,
            "triplets": trained.triplets,
            "steps": trained.steps,
            "loss": trained.loss,
            "train_s": round(trained.seconds, 1),
            "out_of_time": trained.out_of_time,
            "development": [
                {"share": share, "ndcg@10": round(value, 4)}
                for share, value in sorted(self.shares.items())
            ],
            "share": self.share,
            "held_out": [change.to_json() for change in self.held_out],
            "general": {
                "set": self.wanted.general or _BUILT_IN,
                "changes": [change.to_json() for change in self.general],
            },
            "promoted": decided is not None and decided.promoted,
            "reasons": list(decided.reasons) if decided else [],
            "swapped": self.swapped,
        }

    def tell(self) -> None:
        """Print what came of it."""
        if self.terminal.json:
            self.terminal.document(self.to_json())
            return
        from ragkit.cli.reembed_view import print_changes

        trained, decided = self.trained, self.verdict
        assert trained is not None
        assert decided is not None
        say = self.terminal.say
        counts = ", ".join(f"{count} {kind}" for kind, count in self.kinds.items())
        say(f"Trained on {trained.triplets} pairs ({counts}); {self.leaked} left out as leaks")
        say(f"{trained.steps} steps in {trained.seconds:.0f} s; {self.share:.0%} tuned weights")
        print_changes(self.terminal, self.held_out, "Held-out questions")
        print_changes(self.terminal, self.general, f"General: {self.wanted.general or _BUILT_IN}")
        if not decided.promoted:
            say(f"Not promoted: {'; '.join(decided.reasons)}. The index answers as before.")
        elif self.swapped:
            say("Promoted: the tuned embedder answers now; ragkit reembed --rollback returns.")
        else:
            say(f"Promoted. To let it answer: ragkit reembed --embedder st:{self.model}")
