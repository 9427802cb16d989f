"""`ragkit eval report`: a run's folder as a page, or as Markdown."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from ragkit.cli.option import JsonOption
from ragkit.cli.session import session_of
from ragkit_ingest.errors import UsageError


def report(
    context: typer.Context,
    folder: Annotated[str, typer.Argument(metavar="DIR", help="The folder of `ragkit eval run`.")],
    json: JsonOption = False,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="FILE",
            show_default=False,
            help="Write this file alone, .html or .md. Default: report.html and report.md in DIR.",
        ),
    ] = None,
) -> None:
    """Make the report of a run again, from what its folder holds.

    The page shows cases, answers and passages if cases.jsonl and answers.jsonl are there.
    """
    from ragkit_eval.cases import write_whole
    from ragkit_eval.report.markdown import markdown
    from ragkit_eval.report.page import page
    from ragkit_eval.report.schema import check
    from ragkit_eval.saved import load_run

    if out and Path(out).suffix not in (".html", ".md"):
        raise UsageError(f"--out {out} must end in .html or .md")
    run = load_run(Path(folder))
    check(run.report, str(run.file))
    beside = run.file.with_name
    files = [Path(out)] if out else [beside("report.html"), beside("report.md")]
    answers = list(run.answers().values())
    cases = list((run.cases or {}).values())
    for file in files:
        text = (
            markdown(run.report)
            if file.suffix == ".md"
            else page(run.report, answers, cases, _timings(beside("timings.json")))
        )
        write_whole(file, text)
    terminal = session_of(context, index=None, json=json).terminal()
    names = [str(file) for file in files]
    if terminal.json:
        terminal.document({"written": names})
    else:
        terminal.say(f"Written: {', '.join(names)}")


def _timings(file: Path) -> Mapping[str, Any]:
    """Return what timings.json holds; nothing if it is not there."""
    try:
        held = jsonlib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as exc:
        raise UsageError(
            f"{file} cannot be read ({exc}); without it the report has no times"
        ) from exc
    if not isinstance(held, dict):
        raise UsageError(f"{file} is no object with named fields; remove it, or run again")
    return held
