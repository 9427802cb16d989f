"""`ragkit tune tone --provider openai`: the options, the question before sending, the result."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ragkit.cli.terminal import Terminal
from ragkit_ingest.errors import UsageError

if TYPE_CHECKING:
    from ragkit.tune.hosted import HostedPlan, HostedResult, HostedTuning


_POLL_S, _NEAR_POLL_S = 10.0, 1.0


class Provider(StrEnum):
    """Where a model is tuned."""

    LOCAL = "local"
    OPENAI = "openai"


ModelOption = Annotated[
    str,
    typer.Option("--model", metavar="NAME", help="With --provider openai: the base there."),
]
BaseUrlOption = Annotated[
    str | None,
    typer.Option(
        "--base-url",
        metavar="URL",
        show_default=False,
        help="With --provider openai: an endpoint of the same shape, such as that of ragkit tune "
        "serve. Default: OpenAI's.",
    ),
]
SuffixOption = Annotated[
    str,
    typer.Option(
        "--suffix", metavar="TEXT", help="With --provider openai: for the tuned model's name."
    ),
]
PriceOption = Annotated[
    float | None,
    typer.Option(
        "--price",
        min=0.0,
        metavar="PRICE",
        show_default=False,
        help="With --provider openai: of a million trained tokens, for the estimate.",
    ),
]
YesOption = Annotated[
    bool, typer.Option("--yes", help="With --provider openai: send without asking.")
]
FollowOption = Annotated[
    str | None,
    typer.Option(
        "--follow",
        metavar="JOB",
        show_default=False,
        help="With --provider openai: only follow this job to its end.",
    ),
]
CancelOption = Annotated[
    str | None,
    typer.Option(
        "--cancel",
        metavar="JOB",
        show_default=False,
        help="With --provider openai: only cancel this job.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedOptions:
    """What was given for a service.

    Attributes:
        model: The base.
        base_url: The endpoint; None for OpenAI's.
        suffix: For the tuned model's name.
        price: Of a million trained tokens.
        yes: Whether to send without asking.
        follow: A job to follow.
        cancel: A job to cancel.
    """

    model: str
    base_url: str | None
    suffix: str
    price: float | None
    yes: bool
    follow: str | None
    cancel: str | None

    def check_unused(self) -> None:
        """Refuse them where nothing is sent.

        Raises:
            UsageError: If one was given.
        """
        given = {
            "--model": self.model,
            "--base-url": self.base_url,
            "--suffix": self.suffix,
            "--price": self.price,
            "--follow": self.follow,
            "--cancel": self.cancel,
        }
        odd = [name for name, value in given.items() if value]
        if odd:
            raise UsageError(f"{odd[0]} is for a service; add --provider openai, or leave it out")


def tune_there(terminal: Terminal, data: Path, options: HostedOptions, *, epochs: int) -> None:
    """Send a training set to a service, follow the job, and say how its model is used.

    Raises:
        UsageError: If something is missing, or nobody agreed to send it.
        TuneError: If the service fails or refuses, or the job fails.
    """
    from ragkit.tune.hosted import OPENAI, HostedSettings, HostedTuning, on_this_machine

    job = options.follow or options.cancel
    if not options.model and not job:
        raise UsageError("give the base at the service as --model NAME")
    url = options.base_url or OPENAI
    settings = HostedSettings(
        data=data,
        model=options.model or str(job),
        url=url,
        suffix=options.suffix,
        epochs=epochs,
        price=options.price,
        poll_s=_NEAR_POLL_S if on_this_machine(url) else _POLL_S,
    )
    with closing(HostedTuning(settings, on_note=terminal.note)) as tuning:
        if options.cancel:
            status = tuning.cancel(options.cancel)
            _tell(
                terminal, {"job": options.cancel, "status": status}, f"{options.cancel}: {status}"
            )
        elif options.follow:
            _show(terminal, tuning.resume(options.follow))
        else:
            _show(terminal, tuning.run(_agreed(terminal, tuning, yes=options.yes)))


def _agreed(terminal: Terminal, tuning: HostedTuning, *, yes: bool) -> HostedPlan:
    """Show what would be sent and what it costs; return it if that is wanted."""
    plan = tuning.plan()
    for note in plan.notes:
        terminal.note(note)
    if plan.known:
        terminal.note(f"This was begun before as {plan.known}; nothing is sent again.")
        return plan
    terminal.note(_said(plan))
    if yes:
        return plan
    if not (sys.stdin is not None and sys.stdin.isatty()):
        raise UsageError(
            f"nobody was there to agree that this is sent to {plan.host}; add --yes to send it"
        )
    typer.confirm(f"Send it to {plan.host}?", abort=True, err=True)
    return plan


def _said(plan: HostedPlan) -> str:
    examples = plan.training.examples + (plan.held_out.examples if plan.held_out else 0)
    where = f"{plan.host}, this machine" if plan.here else plan.host
    leaves = "" if plan.here else " They hold text of your documents, which leaves this machine."
    cost = "what it costs is not known here (--price)"
    if plan.cost is not None:
        cost = f"about {plan.cost:,.2f} at the price of a million tokens that is known or given"
    return (
        f"{examples} examples ({plan.size_bytes:,} bytes) go to {where}.{leaves} About "
        f"{plan.tokens:,} tokens are trained in {plan.epochs} epochs: {cost}."
    )


def _show(terminal: Terminal, result: HostedResult) -> None:
    lines = [f"Tuned: {result.model}"]
    if result.trained_tokens is not None:
        lines.append(f"{result.trained_tokens:,} tokens were trained.")
    lines += [f"Checkpoint: {name}" for name in result.checkpoints]
    lines.append(f"Use it: {result.options}")
    _tell(terminal, result.to_json(), *lines)


def _tell(terminal: Terminal, payload: dict[str, object], *lines: str) -> None:
    if terminal.json:
        terminal.document(payload)
        return
    for line in lines:
        terminal.say(line)
