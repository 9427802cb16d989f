"""Fresh processes: what one `ragkit ask` and one `ragkit --help` cost from nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.corpus import an_answerable_question
from bench.process import medians, run_python

_RUNS = 5


def measure(index: Path) -> dict[str, Any]:
    """Return the medians of five fresh processes for each command, which take turns.

    One process of each runs before, untimed, so that bytecode and files are where a second start
    finds them.

    Args:
        index: Of the example company.
    """
    question = an_answerable_question()
    commands = {"ask": ["ask", question, "--index", str(index), "--json"], "help": ["--help"]}
    runs = {
        name: [run_python(["-m", "ragkit.cli.main", *arguments])]
        for name, arguments in commands.items()
    }
    for _ in range(_RUNS):
        for name, arguments in commands.items():
            runs[name].append(run_python(["-m", "ragkit.cli.main", *arguments]))
    return {name: medians(used[1:]) for name, used in runs.items()}
