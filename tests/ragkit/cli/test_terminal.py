"""What is printed: lines of a width, paths that can be copied."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from ragkit.cli.terminal import Terminal


def said(text: str, *, width: int = 40, indent: int = 0, hang: int = 0) -> list[str]:
    terminal = Terminal()
    terminal.out = Console(file=StringIO(), width=width, highlight=False, markup=False)
    terminal.say(text, indent=indent, hang=hang)
    file = terminal.out.file
    assert isinstance(file, StringIO)
    return file.getvalue().splitlines()


WORDS = "The quick brown fox jumps over the lazy dog and then it does so once more."
CHINESE = "敏捷的棕色狐狸跳过了那只懒惰的狗然后它又跳了一次直到天黑为止它才回家睡觉"
PATH = "/home/someone/documents/" + "a-long-name/" * 6 + "report.html"


@pytest.mark.parametrize("width", [20, 33, 40, 200])
@pytest.mark.parametrize("hang", [0, 4])
@pytest.mark.parametrize("text", [WORDS, CHINESE, f"{WORDS} {CHINESE}", f"{CHINESE} {WORDS}"])
def test_lines_are_no_wider_than_the_terminal(text: str, hang: int, width: int) -> None:
    lines = said(text, width=width, indent=2, hang=hang)
    assert max(cell_len(line) for line in lines) <= width
    assert all(line.startswith("  " + " " * hang * bool(i)) for i, line in enumerate(lines))
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_words_are_divided_at_spaces_alone() -> None:
    assert " ".join(line.strip() for line in said(WORDS, width=25)) == WORDS
    assert len(said(WORDS, width=25)) == 4


def test_a_path_stays_whole_to_be_copied() -> None:
    lines = said(f"Written to {PATH}: it is all there.", hang=2)
    assert lines == ["Written to", f"  {PATH}:", "  it is all there."]


def test_lines_of_the_text_stay_lines() -> None:
    assert said("one\n\n  two\tthree\n") == ["one", "", "  two   three", ""]
    assert said("") == [""]


def test_escapes_are_shown() -> None:
    assert said("a\x1b[31mb") == ["a\\x1b[31mb"]
