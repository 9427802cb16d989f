"""`ragkit eval gate`: must a build fail, because an evaluation is not good enough?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.cli.failure import EXIT_GATE
from ragkit.cli.option import JsonOption
from ragkit.cli.session import session_of
from ragkit.cli.terminal import Terminal, one_line
from ragkit_ingest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragkit_eval.gate import Verdict


def gate(
    context: typer.Context,
    folder: Annotated[
        str, typer.Argument(metavar="DIR", help="The folder of a run, or its report.json.")
    ],
    expressions: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[GATE]...",
            show_default=False,
            help="Such as 'rag.content_f1 >= 0.7'; see docs/evaluation.md.",
        ),
    ] = None,
    gates: Annotated[
        str | None,
        typer.Option("--gates", metavar="FILE", show_default=False, help="More gates, as TOML."),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            metavar="DIR",
            show_default=False,
            help="The run that `baseline` stands for, as in 'rag.correct >= baseline - 0.02'.",
        ),
    ] = None,
    junit: Annotated[
        str | None,
        typer.Option(
            "--junit", metavar="FILE", show_default=False, help="Write JUnit's XML, for a CI."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """End with exit code 4 unless every gate holds.

    A figure that has no value holds no gate.
    """
    from ragkit_eval.gate import SCHEMA, judge, load_gates, parse
    from ragkit_eval.saved import load_run

    terminal = session_of(context, index=None, json=json).terminal()
    wanted = [parse(text) for text in expressions or ()]
    beside = Path(baseline) if baseline else None
    if gates:
        more, named = load_gates(Path(gates))
        wanted += more
        beside = beside or named
    if not wanted:
        raise UsageError("there is no gate to judge; give one, as 'rag.content_f1 >= 0.7'")
    needed = any(one.needs_baseline for one in wanted)
    verdicts = judge(
        wanted, load_run(Path(folder)), load_run(beside) if beside and needed else None
    )
    if junit:
        _write_junit(verdicts, Path(junit))
    held = all(verdict.holds for verdict in verdicts)
    if terminal.json:
        terminal.document(
            {"schema": SCHEMA, "holds": held, "gates": [one.to_json() for one in verdicts]}
        )
    else:
        _print(terminal, verdicts)
    raise typer.Exit(0 if held else EXIT_GATE)


def _write_junit(verdicts: Sequence[Verdict], file: Path) -> None:
    from ragkit_eval.cases import write_whole
    from ragkit_eval.junit import Check, junit

    checks = [
        Check(
            name=one.gate.name,
            failure="" if one.holds else f"{one.gate.text} does not hold: {one.reason}",
            detail=f"{one.gate.text}: {one.reason}{_cases(one)}",
        )
        for one in verdicts
    ]
    write_whole(file, junit("ragkit eval gate", checks))


def _print(terminal: Terminal, verdicts: Sequence[Verdict]) -> None:
    from rich.text import Text

    for one in verdicts:
        said = Text("holds  ", style="green") if one.holds else Text("FAILS  ", style="bold red")
        named = "" if one.gate.name == one.gate.text else f"{one_line(one.gate.name)}: "
        said.append(
            f"{named}{one_line(one.gate.text)}   {one_line(one.reason)}{_cases(one)}", style=""
        )
        terminal.say(said, hang=7)
    failed = sum(not one.holds for one in verdicts)
    terminal.say()
    terminal.say(f"{failed} of {len(verdicts)} gates do not hold" if failed else "every gate holds")


def _cases(verdict: Verdict) -> str:
    return "" if verdict.n is None else f" ({verdict.n} cases)"
