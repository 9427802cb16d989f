"""`ragkit tune prepare`: samples of a voice become a training set that keeps retrieval working."""

from __future__ import annotations

from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.cli.failure import EXIT_FAILED
from ragkit.cli.option import EmbedderOption, IndexOption, JsonOption
from ragkit.cli.session import Session, session_of
from ragkit.cli.terminal import Terminal, one_line
from ragkit_ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragkit.pipeline import Pipeline
    from ragkit.tune.leakage import Guarded, Similarities
    from ragkit.tune.prepare import Prepared, PrepareSettings
    from ragkit_eval.cases import Case

_SHOWN = 20


class Format(StrEnum):
    """What the files look like."""

    CHAT = "chat"
    COMPLETION = "completion"


def prepare(
    context: typer.Context,
    voice: Annotated[
        str,
        typer.Option(
            "--voice",
            metavar="FILE",
            help="Samples of the house voice: JSON Lines, or plain answers, one a paragraph.",
        ),
    ],
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Where the set goes.")],
    index: IndexOption = None,
    json: JsonOption = False,
    embedder: EmbedderOption = None,
    cases: Annotated[
        str | None,
        typer.Option(
            "--cases",
            metavar="FILE",
            show_default=False,
            help="Evaluation cases: kept out of the set, and made into probes for the gates.",
        ),
    ] = None,
    no_index: Annotated[
        bool,
        typer.Option("--no-index", help="Without context; such a tuning may break retrieval."),
    ] = False,
    context_share: Annotated[
        float,
        typer.Option(
            "--context", min=0.0, max=1.0, metavar="SHARE", help="Examples with passages."
        ),
    ] = 0.5,
    refusals: Annotated[
        float,
        typer.Option(
            "--refusals", min=0.0, max=1.0, metavar="SHARE", help="Refusals, half with passages."
        ),
    ] = 0.2,
    held_out: Annotated[
        float,
        typer.Option(
            "--held-out", min=0.0, max=0.5, metavar="SHARE", help="Kept to see when to stop."
        ),
    ] = 0.15,
    passages: Annotated[
        int, typer.Option("--passages", min=1, metavar="N", help="Passages of a prompt.")
    ] = 4,
    variants: Annotated[
        int,
        typer.Option(
            "--variants", min=1, metavar="N", help="Examples of a sample, with other passages."
        ),
    ] = 4,
    prompt_tokens: Annotated[
        int, typer.Option("--prompt-tokens", min=256, metavar="N", help="Longest prompt.")
    ] = 1536,
    questions: Annotated[
        int,
        typer.Option(
            "--questions", min=0, metavar="N", help="Drafted for probes if there are no cases."
        ),
    ] = 60,
    format_: Annotated[
        Format, typer.Option("--format", help="chat (messages), or prompt and completion.")
    ] = Format.CHAT,
    redact: Annotated[
        bool, typer.Option("--redact", help="Replace personal data and secrets by their kind.")
    ] = False,
    allow: Annotated[
        bool, typer.Option("--allow-personal-data", help="Keep personal data and secrets.")
    ] = False,
    seed: Annotated[
        int, typer.Option("--seed", min=0, metavar="S", help="Another seed, another draw.")
    ] = 0,
) -> int | None:
    """Make a training set from samples of the house voice and the indexed documents.

    Exit code 1 if it would hold personal data or secrets: then nothing is written.
    """
    from ragkit.tune.prepare import ALLOW, REDACT, REFUSE, PrepareSettings

    if redact and allow:
        raise UsageError("--redact and --allow-personal-data exclude each other; give one")
    settings = PrepareSettings(
        context=context_share,
        refusals=refusals,
        held_out=held_out,
        passages=passages,
        variants=variants,
        prompt_tokens=prompt_tokens,
        format=format_.value,
        personal=REDACT if redact else ALLOW if allow else REFUSE,
        seed=seed,
    )
    session = session_of(context, index=index, json=json, embedder=embedder)
    terminal = session.terminal()
    made = _prepared(
        session,
        terminal,
        Path(voice),
        settings,
        Path(cases) if cases else None,
        questions,
        no_index,
    )
    refused = bool(made.findings) and settings.personal == REFUSE
    if not refused:
        made.save(Path(out))
    _tell(terminal, made, Path(out), refused=refused)
    return EXIT_FAILED if refused else None


def _prepared(
    session: Session,
    terminal: Terminal,
    voice: Path,
    settings: PrepareSettings,
    cases: Path | None,
    questions: int,
    no_index: bool,
) -> Prepared:
    from ragkit.cli.pipeline_of import pipeline_of
    from ragkit.cli.progress import counting
    from ragkit.tune.prepare import prepare as made
    from ragkit.tune.prepare import refusals_of
    from ragkit.tune.sample import REFUSAL, load_samples
    from ragkit_eval.cases import load_cases

    samples = load_samples(voice)
    held = _guarded(load_cases(cases)) if cases else []
    with ExitStack() as stack:
        rag = None if no_index else pipeline_of(stack.enter_context(session.open()))
        drafted = _drafted(rag, terminal, questions, settings.seed) if rag and not held else []
        if rag and settings.refusals and not any(one.kind == REFUSAL for one in samples):
            without = [one for one in drafted if not one.answers][::2]
            drafted = [one for one in drafted if one not in without]
            samples += refusals_of(without, samples)
        with counting(terminal, "Preparing") as progress:
            return made(
                samples,
                rag,
                settings,
                cases=held,
                questions=drafted,
                similarities=_similarities(rag) if rag else None,
                progress=progress,
            )


def _guarded(cases: Sequence[Case]) -> list[Guarded]:
    from ragkit.tune.leakage import Guarded

    return [
        Guarded(
            id=case.id,
            question=case.question,
            answers=case.answers,
            quotes=tuple(evidence.quote for evidence in case.evidence),
        )
        for case in cases
    ]


def _drafted(rag: Pipeline, terminal: Terminal, n: int, seed: int) -> list[Guarded]:
    """Return questions that rules draft from the documents; none if they can draft none."""
    from ragkit.cli.progress import counting
    from ragkit_eval.questions.draft import draft

    if not n:
        return []
    with counting(terminal, "Drafting questions") as progress:
        try:
            return _guarded(draft(rag, n, seed=seed, progress=progress))
        except UsageError as exc:
            terminal.note(f"No questions were drafted for the gates: {exc}")
            return []


def _similarities(rag: Pipeline) -> Similarities:
    def compare(texts: Sequence[str], others: Sequence[str]) -> Sequence[Sequence[float]]:
        if not texts:
            return []
        embed = rag.embedder.embed_query
        known = [embed(other) for other in others]
        return [[float(vector @ other) for other in known] for vector in map(embed, texts)]

    return compare


def _tell(terminal: Terminal, made: Prepared, out: Path, *, refused: bool) -> None:
    places: dict[tuple[str, str], int] = {}
    for finding in made.findings:
        key = (finding.place, finding.kind)
        places[key] = places.get(key, 0) + 1
    if terminal.json:
        found = [
            {"place": place, "kind": kind, "count": count}
            for (place, kind), count in places.items()
        ]
        written = None if refused else str(out)
        terminal.document({"out": written, **made.manifest, "findings": found})
        return
    if places:
        terminal.title("Personal data and secrets")
        for (place, kind), count in list(places.items())[:_SHOWN]:
            times = f" ({count} times)" if count > 1 else ""
            terminal.say(f"{one_line(place)}: {kind}{times}", indent=2, hang=4)
        if len(places) > _SHOWN:
            terminal.say(f"and {len(places) - _SHOWN:,} more places; --json lists them", indent=2)
    if refused:
        terminal.say()
        terminal.say(
            "Nothing was written. Take them out, or give --redact to replace each by its kind, or "
            "--allow-personal-data to keep them."
        )
        return
    _tell_counts(terminal, made, out)


def _tell_counts(terminal: Terminal, made: Prepared, out: Path) -> None:
    manifest = made.manifest
    kinds, shares, probes = manifest["kinds"], manifest["shares"], manifest["probes"]
    if not (isinstance(kinds, dict) and isinstance(shares, dict) and isinstance(probes, dict)):
        raise TypeError("the manifest is not as it was made")
    terminal.title(f"{len(made.train)} examples to learn, {len(made.held_out)} held out: {out}")
    for kind, count in kinds.items():
        terminal.say(f"{kind.replace('_', ' ')}: {count} ({shares[kind]:.0%})", indent=2)
    if made.removed:
        rules: dict[str, int] = {}
        for leak in made.removed:
            rules[leak.rule] = rules.get(leak.rule, 0) + 1
        said = ", ".join(f"{count} by the rule {rule!r}" for rule, count in rules.items())
        terminal.say(f"{len(made.removed)} samples left out, since they leak cases: {said}")
    for reason, ids in made.dropped.items():
        terminal.say(f"{len(ids)} samples not used: {reason}")
    terminal.say(
        "probes for the gates: "
        + (", ".join(f"{count} {kind}" for kind, count in probes.items()) or "none")
    )
