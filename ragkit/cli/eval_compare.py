"""`ragkit eval compare`: two runs beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ragkit.cli.option import JsonOption
from ragkit.cli.session import session_of
from ragkit_ingest.errors import UsageError


def compare(
    context: typer.Context,
    before: Annotated[
        str, typer.Argument(metavar="DIR_A", help="The folder of a run, or its report.json.")
    ],
    after: Annotated[
        str | None,
        typer.Argument(
            metavar="[DIR_B]",
            show_default=False,
            help="The later run. Left out: the first again, for --arms A:B of one run.",
        ),
    ] = None,
    arms: Annotated[
        list[str] | None,
        typer.Option(
            "--arms",
            metavar="A:B",
            show_default=False,
            help="Compare the arm A of the first run with B of the second; A alone for one name. "
            "May be repeated. Default: all arms that ran in both.",
        ),
    ] = None,
    measures: Annotated[
        str | None,
        typer.Option(
            "--measures", metavar="M,N", show_default=False, help="Only these. Default: all."
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out", metavar="FILE.md", show_default=False, help="Write it as Markdown too."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show what was fixed and what regressed from one run to another, with tests.

    Runs of other cases are compared over the questions that both have unchanged.
    """
    from ragkit_eval.cases import write_whole
    from ragkit_eval.compare import arm_pairs
    from ragkit_eval.compare import compare as compared
    from ragkit_eval.comparison_page import page
    from ragkit_eval.saved import load_run

    terminal = session_of(context, index=None, json=json).terminal()
    if after is None and not arms:
        raise UsageError(
            "give a second run to compare with, or --arms A:B for two arms of this one"
        )
    first = load_run(Path(before))
    second = first if after is None else load_run(Path(after))
    found = compared(
        first,
        second,
        arms=arm_pairs([name for text in arms or () for name in text.split(",")], first, second),
        measures=[name.strip() for name in (measures or "").split(",") if name.strip()],
    )
    if out:
        write_whole(Path(out), page(found))
    if terminal.json:
        terminal.document(found.to_json())
    else:
        from ragkit.cli.eval_compare_view import print_comparison

        print_comparison(terminal, found)
        if out:
            terminal.say()
            terminal.say(f"Written to {out}.")
