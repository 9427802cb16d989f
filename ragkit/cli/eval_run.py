"""`ragkit eval run`: every arm answers every case, and the answers are scored."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragkit.cli.failure import EXIT_FAILED
from ragkit.cli.option import (
    EmbedderOption,
    GeneratorOption,
    GeneratorUrlOption,
    IndexOption,
    JsonOption,
)
from ragkit.cli.session import Session, session_of
from ragkit.cli.terminal import Terminal
from ragkit_ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragkit_eval.cases import Case
    from ragkit_eval.metrics.tone import Tone
    from ragkit_eval.recorded import Recorded
    from ragkit_eval.run import Run


def run(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Cases as JSON Lines; see docs/evaluation.md.")
    ],
    out: Annotated[
        str, typer.Option("--out", metavar="DIR", help="The folder for the report's files.")
    ],
    index: IndexOption = None,
    json: JsonOption = False,
    embedder: EmbedderOption = None,
    arms: Annotated[
        str | None,
        typer.Option("--arms", metavar="A,B", show_default=False, help="Only these arms."),
    ] = None,
    arms_file: Annotated[
        str | None,
        typer.Option(
            "--arms-file", metavar="TOML", show_default=False, help="A file with arms of your own."
        ),
    ] = None,
    answers: Annotated[
        str | None,
        typer.Option(
            "--answers",
            metavar="FILE",
            show_default=False,
            help="Score these recorded answers; nothing is asked and no index is needed.",
        ),
    ] = None,
    generator: GeneratorOption = None,
    generator_url: GeneratorUrlOption = None,
    tuned: Annotated[
        str | None,
        typer.Option(
            "--tuned",
            metavar="NAME",
            show_default=False,
            help="The fine-tuned model of the arms fine_tuned and rag_fine_tuned.",
        ),
    ] = None,
    entailment: Annotated[
        str,
        typer.Option(
            "--entailment",
            metavar="HOW",
            help="What supports a statement: words (rules and a small model) or verbatim.",
        ),
    ] = "words",
    repeats: Annotated[
        int, typer.Option("--repeats", min=0, metavar="N", help="Ask each question again N times.")
    ] = 0,
    seed: Annotated[
        int, typer.Option("--seed", min=0, metavar="S", help="Of the models and the statistics.")
    ] = 0,
    voice: Annotated[
        str | None,
        typer.Option(
            "--voice",
            metavar="FILE",
            show_default=False,
            help="Samples of the house voice, as tune prepare takes them; measures tone.",
        ),
    ] = None,
    voice_base: Annotated[
        str | None,
        typer.Option(
            "--voice-base",
            metavar="A,B",
            show_default=False,
            help="The arms that speak in the base model's own voice.",
        ),
    ] = None,
    freshness: Annotated[
        int,
        typer.Option(
            "--freshness", min=0, metavar="N", help="Edit N documents in a copy, and ask again."
        ),
    ] = 0,
    robustness: Annotated[
        int,
        typer.Option(
            "--robustness", min=0, metavar="N", help="Ask N of the cases in other wordings too."
        ),
    ] = 0,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Ask everything anew, and keep nothing.")
    ] = False,
) -> None:
    """Have every arm answer every case, score the answers, and write the report's files.

    What was answered before is not asked again: answers are kept beside the index, in
    INDEX.eval-cache.
    """
    from ragkit_eval.cases import load_cases
    from ragkit_eval.score import ENTAILMENTS

    if entailment not in ENTAILMENTS:
        raise UsageError(f"--entailment {entailment!r} is none of {', '.join(ENTAILMENTS)}")
    if answers and any((arms_file, generator, tuned, repeats, freshness, robustness)):
        raise UsageError(
            "--answers scores what was recorded; it takes no arms file, model, repeats, freshness "
            "or robustness"
        )
    session = session_of(context, index=index, json=json, embedder=embedder)
    terminal = session.terminal()
    cases = load_cases(Path(file))
    wanted = _names(arms)
    tone = _Toning(voice=voice, base=_names(voice_base), seed=seed)
    started = time.perf_counter()
    if answers:
        found = _scored(terminal, cases, Path(answers), wanted, entailment, seed, tone)
        more: dict[str, Any] = {}
    else:
        asking = _Asking(
            wanted=wanted,
            arms_file=arms_file,
            generator=generator,
            generator_url=generator_url,
            tuned=tuned,
            entailment=entailment,
            repeats=repeats,
            seed=seed,
            cached=not no_cache,
            toning=tone,
            freshness=freshness,
            robustness=robustness,
        )
        found, more = asking.run(session, terminal, cases)
    seconds = round(time.perf_counter() - started, 2)
    folder = Path(out)
    found.write(folder, more_timings={**more, "seconds": seconds})
    failed = sum(bool(row.answer.failure) for row in found.rows)
    if terminal.json:
        report = found.to_json()
        report.pop("rows")
        terminal.document({"out": str(folder), **report, "timings": {**more, "seconds": seconds}})
    else:
        from ragkit.cli.eval_run_view import print_run

        print_run(terminal, found, folder)
    for row in found.rows:
        if row.answer.failure:
            terminal.note(
                f"The arm {row.answer.arm} failed on {row.case.id}: {row.answer.failure}",
                style="red",
            )
    raise typer.Exit(EXIT_FAILED if failed else 0)


def _scored(
    terminal: Terminal,
    cases: Sequence[Case],
    file: Path,
    wanted: Sequence[str],
    entailment: str,
    seed: int,
    toning: _Toning,
) -> Run:
    """Return the run of recorded answers."""
    from ragkit.cli.progress import counting
    from ragkit_eval.recorded import by_arm, load_recorded
    from ragkit_eval.run import made, recorded_arms
    from ragkit_eval.score import entailment as entailment_of
    from ragkit_eval.score import score

    answers = load_recorded(file)
    known = {case.id for case in cases}
    names = by_arm(answers)
    for name in wanted:
        if name not in names:
            raise UsageError(f"{file} records no arm {name!r}; it records {', '.join(names)}")
    answers = [answer for answer in answers if not wanted or answer.arm in wanted]
    toning.check(list(by_arm(answers)))
    unknown = sum(answer.id not in known for answer in answers)
    if unknown == len(answers):
        raise UsageError(f"no answer of {file} is to one of the cases; are these its cases?")
    tone = toning.of(cases, answers)
    with counting(terminal, "Scoring") as progress:
        rows = score(
            cases, answers, entails=entailment_of(entailment), tone=tone, progress=progress
        )
    about: dict[str, Any] = {"index": None, "entailment": entailment}
    return made(
        cases,
        recorded_arms(answers),
        rows,
        about=about,
        unknown_ids=unknown,
        seed=seed,
        tone=tone,
    )


def _names(option: str | None) -> list[str]:
    return [name.strip() for name in (option or "").split(",") if name.strip()]


class _Toning:
    """What tone is measured by, from the command's options; the file is read at once."""

    def __init__(self, *, voice: str | None, base: Sequence[str], seed: int) -> None:
        from ragkit.tune.sample import load_samples

        if base and not voice:
            raise UsageError("--voice-base needs --voice FILE, the samples to tell it from")
        self._samples = load_samples(Path(voice)) if voice else []
        self._base = base
        self._seed = seed

    def check(self, arms: Sequence[str]) -> None:
        """Tell of a base that is none of the arms, before anything is asked."""
        for name in self._base:
            if name not in arms:
                raise UsageError(
                    f"--voice-base names {name!r}, which does not answer; {', '.join(arms)} do"
                )

    def of(self, cases: Sequence[Case], answers: Sequence[Recorded]) -> Tone:
        from ragkit_eval.metrics.tone import tone_of

        return tone_of(self._samples, cases, answers, base=self._base, seed=self._seed)


class _Asking:
    """What to ask, from the command's options."""

    def __init__(
        self,
        *,
        wanted: Sequence[str],
        arms_file: str | None,
        generator: str | None,
        generator_url: str | None,
        tuned: str | None,
        entailment: str,
        repeats: int,
        seed: int,
        cached: bool,
        toning: _Toning,
        freshness: int,
        robustness: int,
    ) -> None:
        self._wanted = wanted
        self._arms_file = arms_file
        self._generator = generator
        self._generator_url = generator_url
        self._tuned = tuned
        self._entailment = entailment
        self._repeats = repeats
        self._seed = seed
        self._cached = cached
        self._toning = toning
        self._freshness = freshness
        self._robustness = robustness

    def run(
        self, session: Session, terminal: Terminal, cases: Sequence[Case]
    ) -> tuple[Run, dict[str, Any]]:
        from contextlib import closing

        from ragkit.cli.pipeline_of import pipeline_of
        from ragkit.cli.progress import counting
        from ragkit_eval import freshness, robustness
        from ragkit_eval.answering import Answering, AnsweringSettings, located
        from ragkit_eval.arms import ArmSettings, arms, chosen, load_settings
        from ragkit_eval.cache import AnswerCache
        from ragkit_eval.run import made, run_arms
        from ragkit_eval.score import entailment as entailment_of
        from ragkit_eval.score import score
        from ragkit_ingest.errors import ConfigError

        if self._tuned:
            from ragkit.generate.name import check_name

            check_name(self._tuned)
        with session.open(generator=self._generator, generator_url=self._generator_url) as opened:
            rag = pipeline_of(opened)
            model = rag.chat_model
            settings = ArmSettings(
                model=model.name if model else "",
                tuned=self._tuned or "",
                persona=rag.config.persona,
            )
            if self._arms_file:
                settings = load_settings(Path(self._arms_file), settings)
            every = arms(settings)
            picked = chosen(every, self._wanted)
            if not any(not arm.missing for arm in picked):
                raise ConfigError("none of the arms can run; see ragkit eval run --help")
            self._toning.check([arm.name for arm in picked if not arm.missing])
            status = rag.status()
            located_cases = located(cases, rag)
            folder = Path(f"{rag.folder}.eval-cache") if self._cached else None
            asked = AnsweringSettings(seed=self._seed, repeats=self._repeats)
            again = AnsweringSettings(seed=self._seed)
            about: dict[str, Any] = {}
            more: dict[str, Any] = {}
            parts: dict[str, dict[str, Any]] = {}
            with closing(AnswerCache(folder)) as cache:
                with closing(Answering(rag, cache, asked)) as answering:
                    with counting(terminal, "Asking") as progress:
                        answers = list(answering.answers(picked, located_cases, progress))
                    described = {a.name: answering.described(a) for a in picked if not a.missing}
                    index_digest = answering.index_digest
                hits = cache.hits
                if self._robustness:
                    worded = robustness.wordings(
                        located_cases,
                        count=self._robustness,
                        seed=self._seed,
                        model=model,
                        cache=cache,
                    )
                    with (
                        closing(Answering(rag, cache, again)) as answering,
                        counting(terminal, "Asking in other wordings") as progress,
                    ):
                        robust = robustness.measure(
                            answering, picked, worded, answers, progress=progress
                        )
                    about["robustness"] = worded.about()
                    for name, part in robust.parts(seed=self._seed).items():
                        parts.setdefault(name, {})["robustness"] = part
                if self._freshness:
                    with counting(terminal, "Editing a copy") as progress:
                        fresh = freshness.measure(
                            rag,
                            picked,
                            located_cases,
                            edits=self._freshness,
                            cache=cache,
                            settings=again,
                            progress=progress,
                        )
                    about["freshness"], more["freshness"] = fresh.about(), fresh.timings()
                    for name, part in fresh.parts(answers, seed=self._seed).items():
                        parts.setdefault(name, {})["freshness"] = part
        tone = self._toning.of(located_cases, answers)
        with counting(terminal, "Scoring") as progress:
            rows = score(
                located_cases,
                answers,
                entails=entailment_of(self._entailment),
                tone=tone,
                progress=progress,
            )
        about |= {
            "index": {
                "digest": index_digest,
                "documents": len(status.documents),
                "chunks": status.chunks,
                "embedder": status.embedder,
            },
            "entailment": self._entailment,
        }
        made_run = made(
            located_cases,
            run_arms(picked, list(settings.own), described),
            rows,
            about=about,
            seed=self._seed,
            tone=tone,
            parts=parts,
        )
        return made_run, {"answers": len(answers), "from_cache": hits, **more}
