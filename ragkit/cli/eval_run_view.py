"""How a run looks to a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from ragkit.cli.terminal import Terminal, one_line

if TYPE_CHECKING:
    from pathlib import Path

    from ragkit_eval.run import Run
    from ragkit_eval.summary import Figure

_COLUMNS = {
    "correct": "correct",
    "content_f1": "content F1",
    "hit@5": "hit@5",
    "groundedness": "grounded",
    "citation_recall": "cit. recall",
    "crag": "CRAG",
}
_TONE = {"tone": "tone"}


def print_run(terminal: Terminal, run: Run, folder: Path) -> None:
    """Print a row an arm with 95 % intervals beneath, what did not run, and the differences."""
    from ragkit_eval.summary import figures, outcomes

    answerable = sum(case.answerable for case in run.cases)
    reviewed = sum(case.reviewed for case in run.cases)
    terminal.say(
        f"{len(run.cases)} cases: {answerable} answerable, {len(run.cases) - answerable} "
        f"unanswerable; {reviewed} reviewed by a person"
    )
    terminal.say()
    columns = _COLUMNS if run.tone.status else _COLUMNS | _TONE
    table = _table("arm", *columns.values(), "right/none/wrong")
    for name, rows in run.by_arm().items():
        held, came = figures(rows, seed=run.seed), outcomes(rows)
        counts = f"{came['correct']}/{came['abstained']}/{came['wrong']}"
        table.add_row(Text(one_line(name)), *(_value(held[key]) for key in columns), counts)
        table.add_row("", *(_range(held[key].ci95) for key in columns), "")
    terminal.out.print(table)
    for arm in run.arms:
        if arm.missing:
            terminal.say(f"not run: {arm.name}: {arm.missing}", hang=9)
    for line in _measured_besides(run):
        terminal.say(line, hang=2)
    if run.differences:
        terminal.say()
        _print_differences(terminal, run)
    terminal.say()
    terminal.say(
        f"Written to {folder}: report.html, report.md, report.json, rows.csv, answers.jsonl."
    )


def _measured_besides(run: Run) -> Iterator[str]:
    """Yield a line on the tone, and on what was asked after edits and in other wordings."""
    tone = run.tone.to_json()
    if tone["samples"]:
        against = f"{tone['samples']} samples of the house, {tone['negatives']} texts of "
        against += one_line(", ".join(tone["base"]) or "no arm")
        if tone["auc"] is None:
            yield f"tone: {tone['status'].replace('_', ' ')}: {against}"
        else:
            told = f"AUC {tone['auc']:.2f}, {_range(tone['auc_ci95'])}: {against}"
            yield f"tone: {'unreliable, ' if tone['status'] else ''}{told}"
    for name, parts in run.parts.items():
        if fresh := parts.get("freshness"):
            yield (
                f"freshness: {one_line(name)}: of {fresh['edits']} edits "
                + ", ".join(f"{_share(fresh[kind])} {kind}" for kind in ("fresh", "stale", "other"))
            )
        if robust := parts.get("robustness"):
            drops = (
                f"{kind} {_share(held['drop'], '+.3f')}"
                for kind, held in robust.items()
                if kind != "plain"
            )
            plain = _share(robust["plain"])
            yield f"robustness: {one_line(name)}: {plain} right; lost by {', '.join(drops)}"


def _share(figure: Mapping[str, Any], shape: str = ".3f") -> str:
    value = figure["value"]
    return str(figure["status"]).replace("_", " ") if value is None else format(value, shape)


def _print_differences(terminal: Terminal, run: Run) -> None:
    table = _table("difference", "by", "value", "95 % interval", "p (Holm)", "detectable")
    for row in run.differences:
        found = row.contrast
        table.add_row(
            Text(f"{one_line(row.first)} - {one_line(row.second)}"),
            row.measure,
            f"{found.difference:+.3f}",
            _range(found.ci95),
            f"{row.p_holm:.4f}",
            "" if found.detectable is None else f"{found.detectable:.3f}",
        )
    terminal.out.print(table)


def _value(figure: Figure) -> str:
    return figure.status.replace("_", " ") if figure.value is None else f"{figure.value:.3f}"


def _range(interval: Sequence[float] | None) -> str:
    return "" if interval is None else f"{interval[0]:.2f} to {interval[1]:.2f}"


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right", overflow="fold")
    return table
