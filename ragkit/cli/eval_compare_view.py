"""How a comparison of two runs looks to a person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from ragkit.cli.terminal import Terminal, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragkit_eval.compare import ComparedArm, Comparison, Setting
    from ragkit_eval.saved import Shared

_LONGEST = 300


def print_comparison(terminal: Terminal, found: Comparison) -> None:
    """Print what changed, for each pair of arms: the cases, the measures, the settings."""
    from ragkit_eval.compare import Change

    _print_cases(terminal, found.shared)
    for what, names in (("only before", found.missing_arms), ("only after", found.new_arms)):
        if names and found.before is not found.after:
            terminal.say(f"arms {what}: {', '.join(map(one_line, names))}", hang=2)
    _print_settings(terminal, found.settings)
    for arm in found.arms:
        terminal.title(one_line(arm.name))
        terminal.say(one_line(arm.verdict))
        _print_settings(terminal, arm.settings)
        if arm.unanswered:
            terminal.say(f"{len(arm.unanswered)} shared cases were answered by one of the two only")
        for change, style in ((Change.REGRESSED, "red"), (Change.FIXED, "green")):
            for case in arm.of(change):
                shown = one_line(case.question) or "(the question is not recorded)"
                terminal.say(
                    Text(f"{change.value} {one_line(case.id)}: ", style=style).append(
                        shown, style=""
                    ),
                    hang=2,
                )
                terminal.say(_said(case.before, case.said_before), indent=2, hang=2)
                terminal.say(_said(case.after, case.said_after), indent=2, hang=2)
        for case in arm.of(Change.STILL_FAILING):
            terminal.say(
                f"still failing {one_line(case.id)}: {one_line(case.question)} "
                f"({case.before}, {case.after})",
                hang=2,
            )
        _print_measures(terminal, arm)


def _print_cases(terminal: Terminal, shared: Shared) -> None:
    if shared.same:
        terminal.say(f"{len(shared.ids)} cases, the same in both runs")
        return
    terminal.say(
        f"The runs are not of the same cases. Compared: {len(shared.ids)} that are in both, "
        f"unchanged. Left out: {len(shared.changed)} changed, {len(shared.only_first)} of the "
        f"first run only, {len(shared.only_second)} of the second only."
    )
    if shared.moved:
        terminal.say(
            f"Of those compared, {len(shared.moved)} have other evidence now: measures of "
            "retrieval may differ by that alone."
        )


def _print_settings(terminal: Terminal, settings: Sequence[Setting]) -> None:
    for setting in settings:
        terminal.say(
            f"changed {one_line(setting.name)}: {_value(setting.before)} to "
            f"{_value(setting.after)}",
            hang=2,
        )


def _print_measures(terminal: Terminal, arm: ComparedArm) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column("by", overflow="fold")
    for name in ("before", "after", "change", "95 % interval", "p (Holm)", "cases"):
        table.add_column(name, justify="right", overflow="fold")
    for measure in arm.measures:
        found = measure.contrast
        if found is None or measure.before is None or measure.after is None:
            continue
        interval = found.ci95
        table.add_row(
            Text(one_line(measure.name)),
            f"{measure.before:.3f}",
            f"{measure.after:.3f}",
            f"{found.difference:+.3f}",
            "" if interval is None else f"{interval[0]:+.2f} to {interval[1]:+.2f}",
            f"{measure.p_holm:.4f}",
            str(found.cases),
        )
    whole = {name: pair for name, pair in arm.figures.items() if pair[0] != pair[1]}
    if whole:
        table.add_section()
        for name, (before, after) in whole.items():
            shown = ["none" if value is None else f"{value:.3f}" for value in (before, after)]
            table.add_row(Text(one_line(name)), *shown, "", "", "", "")
    terminal.say()
    terminal.out.print(table)
    if whole:
        terminal.say("Rows without a test are of all answers that each arm gave, together.")


def _said(outcome: str, text: str | None) -> str:
    if text is None:
        return outcome
    said = one_line(text)
    return f"{outcome}: {said if len(said) <= _LONGEST else said[:_LONGEST] + ' ...'}"


def _value(value: Any) -> str:
    if value is None:
        return "not set"
    return one_line(value if isinstance(value, str) and value else json.dumps(value))
