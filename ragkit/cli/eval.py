"""`ragkit eval`: how good the answers are, on questions whose answers are known."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ragkit.cli.failure import EXIT_FAILED
from ragkit.cli.option import IndexOption, JsonOption
from ragkit.cli.session import session_of

app = typer.Typer(
    help="Measure retrieval, answers and abstention on questions whose answers are known.",
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Half(StrEnum):
    """Which cases of a file are asked."""

    ALL = "all"
    EVEN = "even"
    ODD = "odd"


@app.callback()
def every_evaluation() -> None:
    """Measure retrieval, answers and abstention on questions whose answers are known."""


@app.command("answers")
def answers(
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="Questions as JSON Lines, such as examples/questions.jsonl."
        ),
    ],
    index: IndexOption = None,
    json: JsonOption = False,
    half: Annotated[
        Half,
        typer.Option("--half", help="Every second case: even from the first, odd from the second."),
    ] = Half.ALL,
) -> None:
    """Ask the index every question of a file, and count what came of it."""
    from ragkit.cli.progress import counting
    from ragkit_eval.answers import evaluate
    from ragkit_eval.cases import half as halved
    from ragkit_eval.cases import load_cases

    session = session_of(context, index=index, json=json)
    terminal = session.terminal()
    cases = halved(load_cases(Path(file)), half.value)
    with session.open() as rag, counting(terminal, "Asking") as progress:
        report = evaluate(rag, cases, progress)
    if terminal.json:
        terminal.document({"file": file, "half": half.value, **report.to_json()})
    else:
        from ragkit.cli.eval_view import print_answer_report

        print_answer_report(terminal, report)
    for outcome in report.failed:
        terminal.note(f"The question {outcome.case.id} failed: {outcome.failure}", style="red")
    raise typer.Exit(EXIT_FAILED if report.failed else 0)
