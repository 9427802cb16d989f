"""The entry point: the commands, and what happens to their errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from ragkit.cli import (
    ask,
    audit,
    chat,
    demo,
    doctor,
    failure,
    ingest,
    reembed,
    search,
    show,
    status,
    verify,
)
from ragkit.cli import eval as evaluation
from ragkit.cli import tune as tuning
from ragkit.cli.option import EmbedderOption, IndexOption, JsonOption
from ragkit.cli.session import OpenPipeline, Session, open_pipeline
from ragkit.cli.terminal import Terminal, prepare_streams

app = typer.Typer(
    name="ragkit",
    help="Ask your own documents and get answers whose every citation can be checked, offline.",
    epilog="Start with: ragkit demo. Exit codes: 0 done, 1 failed, 2 wrong usage, "
    "3 done but some files failed, 4 a gate did not hold.",
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("ingest")(ingest.ingest)
app.command("ask")(ask.ask)
app.command("chat")(chat.chat)
app.command("search")(search.search)
app.command("show")(show.show)
app.command("status")(status.status)
app.command("audit")(audit.audit)
app.command("verify")(verify.verify)
app.command("reembed")(reembed.reembed)
app.command("doctor")(doctor.doctor)
app.command("demo")(demo.demo)
app.add_typer(evaluation.app, name="eval")
app.add_typer(tuning.app, name="tune")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"ragkit {version('ragkit')}")
        except PackageNotFoundError:
            print("ragkit (running from a source tree that is not installed)")
        raise typer.Exit


@app.callback()
def every_command(
    context: typer.Context,
    index: IndexOption = None,
    json: JsonOption = False,
    embedder: EmbedderOption = None,
    version: Annotated[  # noqa: ARG001  (its callback does the work)
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Keep the options that stand before the command."""
    session = context.find_object(Session) or Session(opener=open_pipeline)
    context.obj = session.given(index=index, json=json, embedder=embedder)


def run(arguments: Sequence[str], *, opener: OpenPipeline = open_pipeline) -> int:
    """Run one command and return its exit code; no exception leaves this function.

    Args:
        arguments: As typed after `ragkit`.
        opener: How a pipeline is opened.
    """
    prepare_streams()
    terminal = Terminal(json="--json" in arguments)
    try:
        code = app(
            list(arguments),
            prog_name="ragkit",
            standalone_mode=False,
            obj=Session(opener=opener),
        )
        sys.stdout.flush()
    except SystemExit as exc:  # typer's way out when nobody reads stdout any more
        return exc.code if isinstance(exc.code, int) else failure.EXIT_FAILED
    except BrokenPipeError:
        _leave_stdout()
        return failure.EXIT_FAILED
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted(terminal)
    except Exception as exc:  # noqa: BLE001  (the border: every error becomes a sentence)
        return failure.report(exc, terminal)
    if code == failure.EXIT_INTERRUPTED:  # typer took the Ctrl-C, and said nothing
        return _interrupted(terminal)
    return code if isinstance(code, int) else 0


def _interrupted(terminal: Terminal) -> int:
    terminal.note("ragkit: Interrupted. Nothing that was stored is lost.")
    return failure.EXIT_INTERRUPTED


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run(sys.argv[1:]))


def _leave_stdout() -> None:
    """Point stdout at nothing, so that closing it at exit does not fail a second time."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())


if __name__ == "__main__":
    main()
