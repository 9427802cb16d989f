"""`ragkit eval`: how good the answers are, on questions whose answers are known."""

from __future__ import annotations

from contextlib import ExitStack
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ragkit.cli import (
    eval_compare,
    eval_demo,
    eval_gate,
    eval_import,
    eval_judge,
    eval_questions,
    eval_report,
    eval_run,
    eval_validate,
)
from ragkit.cli.failure import EXIT_FAILED
from ragkit.cli.option import (
    EmbedderOption,
    Half,
    IndexOption,
    JsonOption,
    MinConfidenceOption,
)
from ragkit.cli.session import Session, session_of

app = typer.Typer(
    help="Measure retrieval, answers and abstention on questions whose answers are known.",
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Modes(StrEnum):
    """Which ways to find passages are measured."""

    HYBRID = "hybrid"
    DENSE = "dense"
    LEXICAL = "lexical"
    ALL = "all"


@app.callback()
def every_evaluation() -> None:
    """Measure retrieval, answers and abstention on questions whose answers are known."""


app.command("questions")(eval_questions.questions)
app.command("import")(eval_import.import_cases)
app.command("run")(eval_run.run)
app.command("report")(eval_report.report)
app.command("compare")(eval_compare.compare)
app.command("gate")(eval_gate.gate)
app.command("judge")(eval_judge.judge)
app.command("validate-metrics")(eval_validate.validate)
app.command("demo")(eval_demo.demo)


@app.command("answers")
def answers(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="Questions as JSON Lines, such as examples/questions.jsonl."
        ),
    ],
    docs: Annotated[
        str | None,
        typer.Option(
            "--docs",
            metavar="CORPUS",
            show_default=False,
            help="Index this corpus.jsonl in BEIR's layout first, and ask it.",
        ),
    ] = None,
    index: IndexOption = None,
    json: JsonOption = False,
    embedder: EmbedderOption = None,
    half: Annotated[
        Half,
        typer.Option(
            "--half",
            help="Every second case, or document if these are known: even from the first.",
        ),
    ] = Half.ALL,
    min_confidence: MinConfidenceOption = None,
) -> None:
    """Ask the index every question of a file, and count what came of it.

    With --docs the corpus is indexed in a temporary folder, unless --index or $RAGKIT_INDEX names
    one to keep.
    """
    from ragkit.cli.progress import counting, ingest_progress
    from ragkit.config import Config
    from ragkit_eval.answers import evaluate
    from ragkit_eval.beir import corpus
    from ragkit_eval.cases import half as halved
    from ragkit_eval.cases import load_cases
    from ragkit_eval.retrieval import index_corpus
    from ragkit_ingest.errors import UsageError

    session = session_of(context, index=index, json=json, embedder=embedder)
    terminal = session.terminal()
    cases = halved(load_cases(Path(file)), half.value)
    if not cases:
        raise UsageError(f"the {half.value} half of {file} is empty; all its questions are in one")
    threshold = Config.load().min_confidence if min_confidence is None else min_confidence
    with ExitStack() as stack:
        place = _place(session, stack) if docs else None
        rag = stack.enter_context(session.open(index=place, min_confidence=0.0))
        if docs:
            documents = corpus(Path(docs))
            with ingest_progress(terminal) as progress:
                index_corpus(rag, documents, Path(docs).resolve().parent.name, progress)
        with counting(terminal, "Asking") as counted:
            report = evaluate(rag, cases, counted, threshold=threshold)
    if terminal.json:
        terminal.document(
            {
                "file": file,
                "half": half.value,
                "min_confidence": threshold,
                **report.to_json(),
            }
        )
    else:
        from ragkit.cli.eval_view import print_answer_report

        print_answer_report(terminal, report)
    for outcome in report.failed:
        terminal.note(f"The question {outcome.case.id} failed: {outcome.failure}", style="red")
    raise typer.Exit(EXIT_FAILED if report.failed else 0)


@app.command("retrieval")
def retrieval(
    context: typer.Context,
    folder: Annotated[
        str,
        typer.Argument(
            metavar="DIR", help="A BEIR folder: corpus.jsonl, queries.jsonl, qrels/test.tsv."
        ),
    ],
    index: IndexOption = None,
    json: JsonOption = False,
    embedder: EmbedderOption = None,
    mode: Annotated[
        Modes, typer.Option("--mode", help="How passages are found; all for a row each.")
    ] = Modes.HYBRID,
    split: Annotated[
        str, typer.Option("--split", metavar="NAME", help="Which judgements: qrels/NAME.tsv.")
    ] = "test",
    save: Annotated[
        str | None,
        typer.Option("--save", metavar="FILE", help="Write every query's scores to a file."),
    ] = None,
    compare: Annotated[
        str | None,
        typer.Option("--compare", metavar="FILE", help="Test the difference to a saved run."),
    ] = None,
) -> None:
    """Index a corpus, run its queries, and score the rankings; BEIR's layout and measures.

    The corpus is indexed in a temporary folder, unless --index or $RAGKIT_INDEX names one to keep.
    """
    from ragkit.cli.progress import counting, ingest_progress
    from ragkit_eval import retrieval as measured
    from ragkit_eval.beir import load

    session = session_of(context, index=index, json=json, embedder=embedder)
    terminal = session.terminal()
    earlier = measured.saved(Path(compare)) if compare else []
    dataset = load(Path(folder), split)
    modes = ["hybrid", "dense", "lexical"] if mode is Modes.ALL else [mode.value]
    with ExitStack() as stack:
        rag = stack.enter_context(session.open(index=_place(session, stack)))
        with ingest_progress(terminal) as progress:
            indexed = measured.index(rag, dataset, progress)
        runs = []
        for name in modes:
            with counting(terminal, f"Searching, {name}") as counted:
                runs.append(measured.run(rag, dataset, name, indexed=indexed, progress=counted))
    if save:
        measured.save(runs, Path(save))
    compared = measured.differences(earlier, runs) if earlier else []
    if terminal.json:
        document = runs[0].to_json()
        if len(runs) > 1:
            document["runs"] = [run.to_json() for run in runs]
        if compared:
            document["compared"] = [difference.to_json() for difference in compared]
        terminal.document(document)
        return
    from ragkit.cli.eval_view import print_differences, print_retrieval_runs

    print_retrieval_runs(terminal, runs)
    if compared:
        print_differences(terminal, compared)


@app.command("groundedness")
def groundedness(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help='Claims as JSON Lines: {"context", "claim", "label"}, "set" if any.',
        ),
    ],
    json: JsonOption = False,
    embedder: EmbedderOption = None,
    half: Annotated[
        Half,
        typer.Option(
            "--half", help="Every second context: even from the first, odd from the next."
        ),
    ] = Half.ALL,
    save: Annotated[
        str | None,
        typer.Option("--save", metavar="FILE", help="Write every claim's score to a file."),
    ] = None,
) -> None:
    """Judge claims whose label is known, as the sentences of an answer are judged.

    Needs no index.
    """
    from ragkit.cli.eval_view import print_groundedness
    from ragkit.cli.progress import counting
    from ragkit_eval import groundedness as measured
    from ragkit_eval.claims import half as halved
    from ragkit_eval.claims import load_claims
    from ragkit_ingest.errors import UsageError

    session = session_of(context, index=None, json=json, embedder=embedder)
    terminal = session.terminal()
    claims = halved(load_claims(Path(file)), half.value)
    if not claims:
        raise UsageError(
            f"the {half.value} half of {file} is empty; all its claims share a context"
        )
    with session.open() as rag, counting(terminal, "Judging") as progress:
        report = measured.evaluate(claims, rag.embedder, progress)
    if save:
        measured.save(report, Path(save))
    if terminal.json:
        terminal.document({"file": file, "half": half.value, **report.to_json()})
    else:
        print_groundedness(terminal, report)


def _place(session: Session, stack: ExitStack) -> str:
    """Return the index that was named, else a folder that goes when the stack closes."""
    import os
    from tempfile import TemporaryDirectory

    named = session.index_option or os.environ.get("RAGKIT_INDEX")
    return named or stack.enter_context(TemporaryDirectory(prefix="ragkit-eval-"))
