"""How measured answers look to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from ragkit.cli.terminal import Terminal, one_line

if TYPE_CHECKING:
    from ragkit_eval.answers import AnswerReport
    from ragkit_eval.share import Share

_MEANINGS = {
    "hit_rate@5": "answerable: evidence among the first 5 passages",
    "search_hit_rate@5": "the same for a search alone",
    "contains_answer": "answerable: an accepted answer is shown",
    "refused": "answerable: no answer is given",
    "abstained": "unanswerable: no answer is given",
    "citations_verified": "citations that quote the stored text exactly",
}


def print_answer_report(terminal: Terminal, report: AnswerReport) -> None:
    """Print what was measured with its 95 % intervals, then the table by kind."""
    failed = f", {len(report.failed)} failed" if report.failed else ""
    terminal.say(
        f"{len(report.outcomes)} questions: {len(report.answerable)} answerable, "
        f"{len(report.unanswerable)} unanswerable{failed}"
    )
    terminal.say()
    shares = report.shares
    table = _table("measure", "share", "95 % interval", "of")
    for name, meaning in _MEANINGS.items():
        table.add_row(meaning, _value(shares[name]), _interval(shares[name]), str(shares[name].of))
    terminal.out.print(table)
    terminal.say()
    kinds = _table("kind", "cases", "hit", "answer shown", "abstained")
    for row in report.kinds:
        kinds.add_row(
            Text(one_line(row.kind) or "(none)"),
            str(row.cases),
            _value(row.hit_rate),
            _value(row.contains_answer),
            _value(row.abstained),
        )
    terminal.out.print(kinds)


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _value(share: Share) -> str:
    return "" if share.value is None else f"{share.value:.3f}"


def _interval(share: Share) -> str:
    return "" if share.ci95 is None else "{:.3f} to {:.3f}".format(*share.ci95)
