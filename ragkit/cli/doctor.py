"""`ragkit doctor`: is the set-up sound?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from ragkit.cli.failure import EXIT_FAILED
from ragkit.cli.option import (
    EmbedderOption,
    GeneratorOption,
    GeneratorUrlOption,
    IndexOption,
    JsonOption,
)
from ragkit.cli.session import session_of
from ragkit.cli.terminal import Terminal, harmless

if TYPE_CHECKING:
    from ragkit.cli.check import Check

_STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(
    context: typer.Context,
    index: IndexOption = None,
    json: JsonOption = False,
    embedder: EmbedderOption = None,
    generator: GeneratorOption = None,
    generator_url: GeneratorUrlOption = None,
) -> None:
    """Check Python, packages, embedder, generator, store, index and disk; report each.

    Nothing is changed. Nothing is sent, except sample texts to an endpoint if one is configured.
    Exit code 1 if a check fails.
    """
    from ragkit.cli.check import Outcome, all_checks

    session = session_of(context, index=index, json=json, embedder=embedder)
    terminal = session.terminal()
    checks = []
    for check in all_checks(session, generator=generator, generator_url=generator_url):
        checks.append(check)
        if not terminal.json:
            _print_check(terminal, check)
    failed = [check.name for check in checks if check.outcome is Outcome.FAIL]
    if terminal.json:
        terminal.document({"sound": not failed, "checks": [check.to_json() for check in checks]})
    else:
        terminal.say()
        terminal.say(f"Not sound: {', '.join(failed)}" if failed else "All sound.")
    raise typer.Exit(EXIT_FAILED if failed else 0)


def _print_check(terminal: Terminal, check: Check) -> None:
    from rich.text import Text

    line = Text().append(f"{check.outcome.value:<5}", style=_STYLES[check.outcome.value])
    line.append(f"{check.name:<13}", style="bold").append(harmless(check.detail))
    terminal.say(line, hang=18)
