"""How the verdicts of judges look to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from ragkit.cli.terminal import Terminal, harmless, one_line

if TYPE_CHECKING:
    from pathlib import Path

    from ragkit_eval.judges.judged import Judged
    from ragkit_eval.judges.pairwise import Pairwise


def print_judged(terminal: Terminal, judged: Judged, file: Path) -> None:
    """Print the banners first, then the pairs, ragas' measures, the agreement and the bill."""
    for banner in judged.banners:
        terminal.say(Text(harmless(banner), style="bold red"))
    for pair in judged.pairs:
        _print_pair(terminal, pair, judged.seed)
    if judged.rows:
        _print_measures(terminal, judged)
    for name, one in judged.calibration.items():
        share, kappa = one.share.value, one.kappa
        if share is not None:
            ends = "" if one.ci95 is None else f" ({one.ci95[0]:.2f} to {one.ci95[1]:.2f})"
            beyond = "no kappa" if kappa is None else f"kappa {kappa:.2f}{ends}"
            terminal.say(
                f"{one_line(name)}: agrees with {one.share.of} labels of people in {share:.0%}, "
                f"{beyond}"
            )
    if judged.bill is not None:
        bill, cost = judged.bill, judged.bill.cost(judged.prices)
        terminal.say(
            f"{bill.calls} calls, {bill.cached} replies kept from before, {bill.prompt_tokens:,} "
            f"tokens read, {bill.completion_tokens:,} written"
            + ("" if cost is None else f", cost {cost:.4f}")
        )
    terminal.say()
    terminal.say(f"Written to {file}, and summed up in report.json.")


def _print_pair(terminal: Terminal, pair: Pairwise, seed: int) -> None:
    held = pair.to_json(seed)
    terminal.title(one_line(f"{pair.first} against {pair.second}"))
    rate, ends = held["win_rate"], held["ci95"]
    if rate is None:
        terminal.say(f"no verdict on any of {held['of']} cases: {_statuses(held['statuses'])}")
        return
    interval = "" if ends is None else f" ({ends[0]:.2f} to {ends[1]:.2f})"
    wins = held["wins"]
    terminal.say(
        f"{one_line(pair.first)} wins {rate:.3f}{interval}, p {held['p_value']:.4f}: "
        f"{wins['first']} won, {wins['tie']} tied, {wins['second']} lost, of {held['of']} cases"
    )
    if held["position_bias"] is not None:
        terminal.say(
            f"The judge chose the same place in both orders in {held['position_bias']:.0%} of the "
            "cases; these count as ties."
        )
    if held["statuses"]:
        terminal.say(f"without a verdict: {_statuses(held['statuses'])}")


def _print_measures(terminal: Terminal, judged: Judged) -> None:
    figures = judged.figures()
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("ragas", overflow="fold")
    for arm in figures:
        table.add_column(Text(one_line(arm)), justify="right", overflow="fold")
    for name in next(iter(figures.values())):
        held = [arm[name] for arm in figures.values()]
        table.add_row(
            name,
            *(
                figure.status.replace("_", " ")
                if figure.value is None
                else f"{figure.value:.3f} ({figure.n} of {figure.of})"
                for figure in held
            ),
        )
    terminal.say()
    terminal.out.print(table)


def _statuses(statuses: dict[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in statuses.items())
