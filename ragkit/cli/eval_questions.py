"""`ragkit eval questions`: drafts cases from the index, and has a person review them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.cli.option import (
    EmbedderOption,
    GeneratorOption,
    GeneratorUrlOption,
    IndexOption,
    JsonOption,
)
from ragkit.cli.session import Session, session_of
from ragkit.cli.terminal import Terminal, one_line
from ragkit_ingest.errors import UsageError

if TYPE_CHECKING:
    from ragkit_eval.cases import Case


def questions(
    context: typer.Context,
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="The cases, as JSON Lines.")],
    index: IndexOption = None,
    json: JsonOption = False,
    embedder: EmbedderOption = None,
    n: Annotated[int, typer.Option("-n", min=1, metavar="N", help="How many to draft.")] = 50,
    review: Annotated[
        bool,
        typer.Option(
            "--review",
            help="Then accept, edit or reject each one; if FILE is there, go on with it.",
        ),
    ] = False,
    csv: Annotated[
        str | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            show_default=False,
            help="Write a sheet to review them in; if it is there, take its decisions over.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", min=0, metavar="S", help="Another seed, other questions.")
    ] = 0,
    unanswerable: Annotated[
        float,
        typer.Option(
            "--unanswerable",
            min=0.0,
            max=1.0,
            metavar="SHARE",
            help="Share of questions that the documents do not answer.",
        ),
    ] = 0.3,
    force: Annotated[
        bool, typer.Option("--force", help="Draft anew, though FILE is there.")
    ] = False,
    generator: GeneratorOption = None,
    generator_url: GeneratorUrlOption = None,
) -> None:
    """Draft questions from the indexed documents, with where each answer stands.

    Rules draft them; a chat model does as well if one is the generator.
    """
    from ragkit_eval.cases import load_cases, save_cases

    session = session_of(context, index=index, json=json, embedder=embedder)
    terminal = session.terminal()
    file = Path(out)
    if file.exists() and not force:
        if not (review or csv):
            raise UsageError(
                f"{file} is there already; give --review or --csv to go on with it, or --force to "
                "draft anew"
            )
        cases = load_cases(file)
    else:
        cases = _drafted(session, terminal, n, seed, unanswerable, generator, generator_url)
        save_cases(cases, file)
    if csv:
        cases = _by_sheet(terminal, cases, Path(csv), file)
    if review:
        cases = _reviewed(terminal, cases, file)
    _tell(terminal, cases, file)


def _drafted(
    session: Session,
    terminal: Terminal,
    n: int,
    seed: int,
    unanswerable: float,
    generator: str | None,
    generator_url: str | None,
) -> list[Case]:
    from random import Random

    from ragkit.cli.pipeline_of import pipeline_of
    from ragkit.cli.progress import counting
    from ragkit_eval.questions.draft import draft
    from ragkit_eval.questions.model import modelled

    with session.open(generator=generator, generator_url=generator_url) as opened:
        rag = pipeline_of(opened)
        extra = []
        if rag.chat_model is not None:
            with counting(terminal, "Asking the model") as progress:
                extra = list(
                    modelled(
                        rag.chat_model,
                        rag.index,
                        n,
                        Random(seed),  # noqa: S311
                        progress,
                    )
                )
            if not extra:
                terminal.note("The model drafted nothing that it quotes word for word.")
        with counting(terminal, "Drafting") as progress:
            return draft(
                rag, n, seed=seed, unanswerable=unanswerable, extra=extra, progress=progress
            )


def _by_sheet(terminal: Terminal, cases: list[Case], sheet: Path, file: Path) -> list[Case]:
    from ragkit_eval.cases import save_cases
    from ragkit_eval.questions.sheet import decided, save_sheet

    if not sheet.exists():
        save_sheet(cases, sheet)
        terminal.note(
            f"Written to {sheet}: put accept or reject into its first column, then run this again."
        )
        return cases
    kept = decided(cases, sheet)
    if not kept:
        raise UsageError(f"{sheet} rejects every case; {file} was left as it is")
    save_cases(kept, file)
    return kept


def _reviewed(terminal: Terminal, cases: list[Case], file: Path) -> list[Case]:
    from ragkit_eval.cases import save_cases
    from ragkit_eval.questions.review import review

    messages = terminal.messages()

    def show(case: Case, number: int, of: int) -> None:
        quality = "" if case.quality is None else f", quality {case.quality:.2f}"
        messages.say()
        messages.say(f"{number} of {of}  {one_line(case.kind)}{quality}")
        messages.say(one_line(case.question), indent=2)
        for answer in case.answers:
            messages.say(f"answer: {one_line(answer)}", indent=2, hang=8)
        for evidence in case.evidence:
            messages.say(f"{one_line(evidence.path)}: {one_line(evidence.quote)}", indent=2, hang=2)
        if not case.answerable:
            messages.say("answer: none, the documents do not say", indent=2)
        messages.flush()

    def ask(prompt: str, default: str) -> str:
        messages.note(f"{prompt}{f'({one_line(default)}) ' if default else ''}")
        return input() or default

    done = review(cases, show, ask, lambda kept: save_cases(kept, file) if kept else None)
    messages.say()
    messages.say(f"{done.accepted} accepted, {done.rejected} rejected, {done.open} left to review")
    return list(done.cases)


def _tell(terminal: Terminal, cases: list[Case], file: Path) -> None:
    from ragkit_eval.cases import digest

    kinds: dict[str, int] = {}
    for case in cases:
        kinds[case.kind] = kinds.get(case.kind, 0) + 1
    answerable = sum(case.answerable for case in cases)
    reviewed = sum(case.reviewed for case in cases)
    if terminal.json:
        terminal.document(
            {
                "out": str(file),
                "digest": digest(cases),
                "cases": len(cases),
                "answerable": answerable,
                "reviewed": reviewed,
                "kinds": dict(sorted(kinds.items())),
            }
        )
        return
    terminal.say(
        f"{len(cases)} questions in {file}: {answerable} answerable, {len(cases) - answerable} "
        f"not, {reviewed} reviewed"
    )
    terminal.say(", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())), indent=2)
    terminal.say(f"Next: ragkit eval run {file} --out report")
