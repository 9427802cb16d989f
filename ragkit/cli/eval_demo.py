"""`ragkit eval demo`: retrieve, tune, both, or prompt? Measured in an invented world."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from ragkit.cli.option import JsonOption
from ragkit.cli.session import session_of
from ragkit_ingest.errors import UsageError


def demo(
    context: typer.Context,
    out: Annotated[
        str, typer.Option("--out", metavar="DIR", help="The folder for the report's files.")
    ],
    json: JsonOption = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="One seed and a smaller world, in a few minutes.")
    ] = False,
    larger: Annotated[
        bool, typer.Option("--larger", help="A decoder of 25 million weights, on CUDA if present.")
    ] = False,
    seeds: Annotated[
        int | None,
        typer.Option(
            "--seeds",
            min=1,
            max=20,
            metavar="N",
            show_default=False,
            help="Models trained from scratch: 3, with --quick 1.",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            min=1,
            metavar="N",
            show_default=False,
            help="Models trained side by side, one thread each; one a processor.",
        ),
    ] = None,
) -> None:
    """Train small decoders from scratch, tune them, retrieve with ragkit, and compare all arms.

    Needs no model and no network. A run that was interrupted goes on with the models that were
    finished, which are kept in DIR/seeds.
    """
    if quick and larger:
        raise UsageError("--quick and --larger exclude each other; give one of them")
    from ragkit.cli.progress import counting
    from ragkit_eval.demo.experiment import run
    from ragkit_eval.demo.recipe import recipe

    terminal = session_of(context, index=None, json=json, embedder=None).terminal()
    name = "quick" if quick else "larger" if larger else "standard"
    chosen = recipe(name, seeds=seeds, device=_device() if larger else "cpu")
    folder = Path(out)
    count = len(chosen.seeds)
    terminal.note(
        f"Training {count} small {'decoder' if count == 1 else 'decoders'} from scratch; this "
        "takes minutes, and goes on where it was if it is interrupted."
    )
    started = time.perf_counter()
    with counting(terminal, "Training") as progress:
        found, timings = run(folder, chosen, jobs=jobs, progress=progress)
    seconds = round(time.perf_counter() - started, 2)
    found.write(folder, more_timings={**timings, "seconds": seconds})
    if terminal.json:
        report = found.to_json()
        report.pop("rows")
        terminal.document(
            {"out": str(folder), **report, "timings": {**timings, "seconds": seconds}}
        )
    else:
        from ragkit.cli.eval_demo_view import print_demo

        print_demo(terminal, found.to_json(), folder)


def _device() -> str:
    """Return where the larger decoder is trained."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
