"""The figures of a report as Markdown, for docs/retrieve-or-fine-tune.md.

`python -m ragkit_eval.demo.page DIR/report.json` prints the tables. With `--without-rows FILE` it
writes the report without its rows as well, which is small enough to be kept beside code.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ragkit_eval.cases import write_whole
from ragkit_eval.demo.contender import CONTENDERS

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


def _main(arguments: Sequence[str]) -> None:
    report = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    if arguments[1:2] == ["--without-rows"]:
        held = {**report, "rows": []}
        text = json.dumps(held, ensure_ascii=False, indent=1, allow_nan=False)
        write_whole(Path(arguments[2]), text + "\n")
    print(tables(report))


if __name__ == "__main__":
    _main(sys.argv[1:])
