"""How measured answers look to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from ragkit.cli.terminal import Terminal, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ragkit_eval.answers import AnswerReport
    from ragkit_eval.groundedness import GroundednessReport
    from ragkit_eval.retrieval import Difference, RetrievalRun
    from ragkit_eval.share import Share
    from ragkit_eval.stats.scored import Scored

_MEANINGS = {
    "hit_rate@5": "answerable: evidence among the first 5 passages",
    "search_hit_rate@5": "the same for a search alone",
    "contains_answer": "answerable: an accepted answer is shown",
    "refused": "answerable: no answer is given",
    "abstained": "unanswerable: no answer is given",
    "citations_verified": "citations that quote the stored text exactly",
    "citation_precision": "citations in a document known to hold the answer",
}
_MEANS = {
    "exact_match": "answerable: exact match",
    "f1": "answerable: F1",
    "content_f1": "answerable: F1 of content words",
    "overall_exact_match": "all: exact match, as in SQuAD 2.0",
    "overall_f1": "all: F1, as in SQuAD 2.0",
}
_ABSTENTION = {
    "precision": "abstention: precision",
    "recall": "abstention: recall",
    "f1": "abstention: F1",
    "aurc": "area under risk and coverage, lower is better",
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
    table = _table("measure", "value", "95 % interval")
    for meanings, scored in ((_MEANS, report.means), (_ABSTENTION, report.abstention)):
        for name, meaning in meanings.items():
            table.add_row(meaning, _value(scored[name]), _interval(scored[name]))
    terminal.out.print(table)
    if not any(outcome.case.kind for outcome in report.outcomes):
        return
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


def print_retrieval_runs(terminal: Terminal, runs: Sequence[RetrievalRun]) -> None:
    """Print a row for each mode, with 95 % intervals beneath the values."""
    first = runs[0]
    terminal.say(
        f"{one_line(first.dataset)}: {len(first.query_ms)} queries over {first.documents} "
        f"documents, indexed in {first.index_s:.1f} s"
    )
    terminal.say()
    names = list(first.scores)
    table = _table("mode", *names, "ms, p50", "ms, p95")
    for run in runs:
        times = run.to_json()["query_ms"]
        assert isinstance(times, dict)
        table.add_row(
            run.mode,
            *(f"{run.mean(name):.3f}" for name in names),
            f"{times['p50']:.0f}",
            f"{times['p95']:.0f}",
        )
        table.add_row("", *("{:.3f} to {:.3f}".format(*run.ci95(name)) for name in names), "", "")
    terminal.out.print(table)


def print_differences(terminal: Terminal, differences: Sequence[Difference]) -> None:
    """Print how the saved run and this one differ, and how likely that is by chance."""
    terminal.say()
    table = _table("mode", "measure", "before", "now", "difference", "p", "better", "worse")
    for row in differences:
        table.add_row(
            row.mode,
            row.measure,
            f"{row.before:.3f}",
            f"{row.now:.3f}",
            f"{row.now - row.before:+.3f}",
            f"{row.p_value:.4f}",
            str(row.better),
            str(row.worse),
        )
    terminal.out.print(table)


def print_groundedness(terminal: Terminal, report: GroundednessReport) -> None:
    """Print a row for all claims and one for each set, with 95 % intervals beneath."""
    rows = [report, *report.sets] if len(report.sets) != 1 else [report]
    table = _table("claims", "of them supported", "balanced accuracy", "AUROC")
    for row in rows:
        labels = sum(judged.claim.supported for judged in row.rows)
        name = one_line(row.set) or ("(no set)" if row is not report else "all")
        table.add_row(
            Text(f"{name}: {len(row.rows)}"),
            str(labels),
            _number(row.balanced_accuracy),
            _number(row.auroc),
        )
        intervals = (row.ci95["balanced_accuracy"], row.ci95["auroc"])
        table.add_row("", "", *(_range(interval) for interval in intervals))
    terminal.out.print(table)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _range(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else "{:.3f} to {:.3f}".format(*interval)


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first, overflow="fold")
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _value(share: Share | Scored) -> str:
    return _number(share.value)


def _interval(share: Share | Scored) -> str:
    return _range(share.ci95)
