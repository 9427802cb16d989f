"""The figures of a report as Markdown, for docs/retrieve-or-fine-tune.md.

`python -m ragkit_eval.demo.page DIR/report.json` prints the tables. `--into PAGE` puts them between
the two marks of a page instead, and `--without-rows FILE` also writes the report without its rows,
which is small enough to be kept beside code.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ragkit_eval.cases import write_whole
from ragkit_eval.demo.contender import CONTENDERS
from ragkit_ingest.errors import UsageError

BEGIN = "<!-- figures of the report begin -->"
END = "<!-- figures of the report end -->"
"""What the figures of a page stand between."""

_COLUMNS = {
    "facts": "facts",
    "abstention": "refuses what is not known",
    "edited": "facts after edits",
    "tone": "tone",
    "retention": "earlier skills kept",
}


def tables(report: Mapping[str, Any]) -> str:
    """Return the tables of a report: the arms, the claims, and the figures of each seed."""
    return "\n\n".join([_arms(report), _edits(report), _claims(report), _seeds(report)])


def _arms(report: Mapping[str, Any]) -> str:
    rows = [
        [f"`{arm['name']}`", *(_with_range(arm["figures"][name]) for name in _COLUMNS)]
        for arm in report["arms"]
    ]
    return _table(["arm", *_COLUMNS.values()], rows)


def _edits(report: Mapping[str, Any]) -> str:
    names = ("fresh", "stale", "other")
    rows = [
        [f"`{arm['name']}`", *(_number(arm["freshness"][name]["value"]) for name in names)]
        for arm in report["arms"]
        if arm["name"].startswith(("rag", "fact"))
    ]
    return _table(["after the edits", "new value", "old value", "neither"], rows)


def _claims(report: Mapping[str, Any]) -> str:
    rows = []
    for claim in report["claims"]:
        first, second = claim["values"]
        low, high = claim["margin_ci95"]
        rows.append(
            [
                claim["says"],
                f"{_number(first)} against {_number(second)}",
                f"{claim['margin']:+.3f} ({low:+.3f} to {high:+.3f})",
                claim["verdict"],
            ]
        )
    return _table(["RAG with the model tuned on the mix", "figures", "margin", "verdict"], rows)


def _seeds(report: Mapping[str, Any]) -> str:
    seeds = report["seeds"]
    rows = [
        [
            f"`{contender.name}`",
            *(
                " / ".join(_number(seed["figures"][contender.name][name]) for seed in seeds)
                for name in ("facts", "tone", "edited")
            ),
        ]
        for contender in CONTENDERS
    ]
    return _table(["each seed alone", "facts", "tone", "facts after edits"], rows)


def _with_range(figure: Mapping[str, Any]) -> str:
    if figure["ci95"] is None:
        return _number(figure["value"])
    low, high = figure["ci95"]
    return f"{_number(figure['value'])} ({_number(low)} to {_number(high)})"


def _number(value: float) -> str:
    return f"{value:.2f}".replace("0.", ".", 1) if value < 1 else "1.00"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    ruler = ["---", *("--:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ruler, *rows))


def put_into(page: str, figures: str) -> str:
    """Return a page with its figures replaced: all that stands between `BEGIN` and `END`.

    Raises:
        UsageError: If the page lacks the marks.
    """
    before, begun, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended:
        raise UsageError(f"the page needs the marks {BEGIN} and {END}, each on a line of its own")
    return f"{before}{begun}\n\n{figures}\n\n{ended}{after}"


def _main(arguments: Sequence[str]) -> None:
    parser = ArgumentParser(prog="python -m ragkit_eval.demo.page")
    parser.add_argument("report", type=Path)
    parser.add_argument("--into", type=Path)
    parser.add_argument("--without-rows", type=Path)
    asked = parser.parse_args(arguments)
    report = json.loads(asked.report.read_text(encoding="utf-8"))
    if asked.without_rows:
        text = json.dumps({**report, "rows": []}, ensure_ascii=False, indent=1, allow_nan=False)
        write_whole(asked.without_rows, text + "\n")
    if asked.into:
        write_whole(asked.into, put_into(asked.into.read_text(encoding="utf-8"), tables(report)))
    else:
        print(tables(report))


if __name__ == "__main__":
    _main(sys.argv[1:])
