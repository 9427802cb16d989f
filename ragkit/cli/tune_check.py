"""`ragkit tune check`: what is wrong with a file of training examples, line by line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.cli.failure import EXIT_FAILED
from ragkit.cli.option import JsonOption
from ragkit.cli.session import session_of
from ragkit.cli.terminal import Terminal

if TYPE_CHECKING:
    from ragkit.tune.check import CheckReport, Problem

_SHOWN = 50


def check(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Training examples as chat JSON Lines.")
    ],
    json: JsonOption = False,
    base: Annotated[
        str | None,
        typer.Option(
            "--base",
            metavar="PATH",
            show_default=False,
            help="Count with this model's tokenizer and estimate for its size. Default: estimates.",
        ),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(
            "--max-tokens",
            min=8,
            metavar="N",
            show_default=False,
            help="Most tokens of an example. Default: 65536, as the hosted service takes.",
        ),
    ] = None,
    price: Annotated[
        float | None,
        typer.Option(
            "--price",
            min=0.0,
            metavar="DOLLARS",
            show_default=False,
            help="Of a million trained tokens. Default: prices as published in 2025.",
        ),
    ] = None,
) -> int | None:
    """Check a file of training examples against the rules of chat fine-tuning; no account needed.

    Exit code 1 if the service would refuse it.
    """
    from ragkit.tune.check import MOST_TOKENS, PRICES, check_file

    terminal = session_of(context, index=None, json=json).terminal()
    model = Path(base).expanduser() if base else None
    report = check_file(
        Path(file),
        count_tokens=_counter(model),
        max_tokens=max_tokens or MOST_TOKENS,
        prices=PRICES if price is None else {"at your price": price},
        **_size(model),
    )
    if terminal.json:
        terminal.document(report.to_json())
    else:
        _show(terminal, report)
    return None if report.ok else EXIT_FAILED


def _counter(model: Path | None) -> Callable[[Sequence[str]], list[int]] | None:
    if model is None:
        return None
    from ragkit.tune.base import token_counter

    return token_counter(model)


def _size(model: Path | None) -> dict[str, int]:
    if model is None:
        return {}
    from ragkit.tune.base import parameters

    return {"parameters": parameters(model)}


def _show(terminal: Terminal, report: CheckReport) -> None:
    for title, found in (("Problems", report.problems), ("Worth a look", report.warnings)):
        if found:
            terminal.title(title)
            _list(terminal, found)
    if report.left_out:
        terminal.say(f"and {report.left_out:,} more", indent=2)
    tokens = report.tokens
    about = "" if tokens.counted else "about "
    terminal.title(f"{report.examples:,} examples, {'sound' if report.ok else 'not sound'}")
    terminal.say(
        f"{about}{tokens.total:,} tokens, {tokens.trained:,} of them learnt; the longest example "
        f"has {tokens.longest:,} (line {tokens.longest_line})"
        + ("" if tokens.counted else "; estimated, --base PATH counts")
    )
    shares = [f"{name.replace('_', ' ')} {share:.0%}" for name, share in report.shares.items()]
    terminal.say(f"of the examples: {', '.join(shares)}")
    terminal.say(
        f"{report.duplicates:,} repeated, {report.contradictions:,} with another answer to the "
        "same prompt"
    )
    if report.estimate is not None:
        made = report.estimate
        terminal.say(
            f"hosted, by default {made.epochs} epochs, {made.billed_tokens:,} tokens: "
            + ", ".join(f"{name} ${cost:,.2f}" for name, cost in made.dollars.items())
            + " (estimated; prices change)"
        )
        terminal.say(
            f"here, a model of {made.parameters / 1e9:.2g} billion parameters: "
            + ", ".join(f"{_time(hours)} on a {name}" for name, hours in made.hours.items())
            + " (rough)"
        )


def _list(terminal: Terminal, found: Sequence[Problem]) -> None:
    for problem in found[:_SHOWN]:
        where = f"line {problem.line}" if problem.line else "file"
        terminal.say(f"{where}: {problem.message} ({problem.code})", indent=2, hang=4)
    if len(found) > _SHOWN:
        terminal.say(f"and {len(found) - _SHOWN:,} more; --json lists them", indent=2)


def _time(hours: float) -> str:
    if hours < 1 / 60:
        return "under a minute"
    return f"{hours * 60:,.0f} minutes" if hours < 2 else f"{hours:,.1f} hours"
