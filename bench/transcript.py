"""Replays the questions of a conversation through `ragkit chat` and writes what the terminal shows.

    python -m bench.transcript [--questions FILE] [--index DIR] [--out FILE] [--width N]

The file holds one line a turn, as typed: questions, and commands such as `/why`. Without an index
one is made of the example company, in a temporary folder. With `--out`, the transcript replaces
what stands between the two marks in that Markdown file; else it is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ragkit.cli.talk import PROMPT, Talk
from ragkit.cli.terminal import Terminal
from ragkit.config import Config
from ragkit.pipeline import Pipeline

ROOT = Path(__file__).parents[1]
QUESTIONS = ROOT / "bench" / "transcript.txt"
COMPANY = ROOT / "examples" / "company"
BEGIN, END = "<!-- transcript -->", "<!-- end of transcript -->"
WIDTH = 88
_TIME = re.compile(r" in \d+ ms\.")


def transcript(index: Path, lines: list[str], *, width: int = WIDTH) -> str:
    """Return what a terminal of that width shows of a chat with these lines typed in.

    What differs from run to run, the milliseconds that `/why` shows, is left out.
    """
    shown = io.StringIO()
    previous = {name: os.environ.get(name) for name in ("COLUMNS", "NO_COLOR")}
    os.environ.update(COLUMNS=str(width), NO_COLOR="1")
    try:
        with (
            contextlib.redirect_stdout(shown),
            contextlib.redirect_stderr(shown),
            Pipeline(index, config=Config()) as rag,
        ):
            Talk(rag, Terminal()).run(_typed(lines))
    finally:
        for name, value in previous.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    text = _TIME.sub(".", shown.getvalue())
    return "\n".join(line.rstrip() for line in text.splitlines()).strip() + "\n"


def _typed(lines: list[str]) -> Iterator[str]:
    for line in lines:
        sys.stdout.write(f"{PROMPT}{line}\n")
        yield line


def read_questions(file: Path) -> list[str]:
    """Return the lines to type."""
    return [line.strip() for line in file.read_text("utf-8").splitlines() if line.strip()]


def replaced(page: str, text: str) -> str:
    """Return the page with the transcript between its marks.

    Raises:
        ValueError: If the page has no marks.
    """
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page needs the lines {BEGIN} and {END}")
    return f"{head}{BEGIN}\n```text\n{text}```\n{END}{tail}"


def main() -> None:
    """Replay and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=Path, default=QUESTIONS)
    parser.add_argument("--index", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--width", type=int, default=WIDTH)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        index = chosen.index or Path(folder) / "index"
        if chosen.index is None:
            with Pipeline(index, config=Config()) as rag:
                rag.ingest(COMPANY)
        text = transcript(index, read_questions(chosen.questions), width=chosen.width)
    if chosen.out is None:
        sys.stdout.write(text)
    else:
        chosen.out.write_text(replaced(chosen.out.read_text("utf-8"), text), "utf-8")


if __name__ == "__main__":
    main()
