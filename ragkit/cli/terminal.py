"""What reaches a person or a program: text made harmless for a terminal, JSON on stdout.

Nothing of a document is trusted here. Its escape sequences are shown, not obeyed, and its
square brackets are text, not markup. Rich is imported when something is printed, not before:
`ragkit --help` and `--json` do without it.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

LINE_WIDTH = 96
"""The longest line of running text, in terminal cells; a narrower terminal wins."""

_WORD = re.compile(r"\s*\S+\s*")
_CONTROLS = [code for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"]
_DIRECTION_MARKS = [0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_SHOWN = {code: f"\\x{code:02x}" for code in _CONTROLS} | {
    code: f"\\u{code:04x}" for code in _DIRECTION_MARKS
}
_JSON_ESCAPES = {code: f"\\u{code:04x}" for code in (*_CONTROLS, *_DIRECTION_MARKS) if code >= 0x7F}


def harmless(text: str) -> str:
    r"""Return the text with control and direction characters spelt out, as in `\x1b`."""
    return text.translate(_SHOWN)


def one_line(text: str) -> str:
    """Return the text, harmless, with every run of white space as one space."""
    return harmless(" ".join(text.split()))


def to_json(payload: Mapping[str, object], *, indent: int | None = 2) -> str:
    """Return the payload as JSON that any terminal and any encoding of stdout can take."""
    ascii_only = not (sys.stdout.encoding or "").lower().startswith("utf")
    text = json.dumps(payload, ensure_ascii=ascii_only, indent=indent, allow_nan=False)
    return text.translate(_JSON_ESCAPES)


class Terminal:
    """Standard output and standard error, as the commands use them.

    Attributes:
        json: Whether stdout is for JSON alone.
    """

    def __init__(self, *, json: bool = False) -> None:
        self.json = json

    @cached_property
    def out(self) -> Console:
        """Where answers go."""
        return _console(stderr=False)

    @cached_property
    def err(self) -> Console:
        """Where messages and progress go."""
        return _console(stderr=True)

    @property
    def width(self) -> int:
        """Cells in a line of running text."""
        return max(20, min(self.out.width, LINE_WIDTH))

    def messages(self) -> Terminal:
        """Return where text for people goes: stdout, but stderr when that is for JSON alone."""
        if not self.json:
            return self
        aside = Terminal()
        aside.out = aside.err
        return aside

    def document(self, payload: Mapping[str, object]) -> None:
        """Print one JSON document."""
        print(to_json(payload))

    def line(self, *, payload: Mapping[str, object]) -> None:
        """Print one JSON document on one line, at once."""
        print(to_json(payload, indent=None), flush=True)

    def flush(self) -> None:
        """Let what was said be read at once, also where stdout is a pipe."""
        self.out.file.flush()

    def say(self, text: str | Text = "", *, indent: int = 0, hang: int = 0) -> None:
        """Print running text, wrapped between words.

        Args:
            text: Plain text of ours or of a document; `Text` where a part of it has a style.
            indent: Spaces before each line.
            hang: Further spaces before every line but the first.
        """
        from rich.text import Text

        body = Text(harmless(text)) if isinstance(text, str) else text
        for number, line in enumerate(self._wrapped(body, self.width - indent, hang)):
            margin = " " * (indent + (hang if number else 0)) if line.plain.strip() else ""
            line.rstrip()
            self.out.print(Text(margin).append_text(line), soft_wrap=True)

    def _wrapped(self, body: Text, room: int, hang: int) -> list[Text]:
        from rich.text import Text

        body = body.copy()
        body.expand_tabs(8)
        lines: list[Text] = []
        for paragraph in body.split("\n", allow_blank=True) or [Text("")]:
            widths = (max(10, room - (hang if lines else 0)), max(10, room - hang))
            lines += paragraph.divide(_breaks(paragraph.plain, *widths))
        return lines

    def title(self, text: str) -> None:
        """Print a short heading after an empty line."""
        from rich.text import Text

        self.say()
        self.say(Text(harmless(text), style="bold"))

    def note(self, text: str, *, style: str = "") -> None:
        """Print a message on stderr, as one line however long."""
        from rich.text import Text

        self.err.print(Text(harmless(text), style=style), soft_wrap=True)


def _breaks(line: str, first: int, later: int) -> list[int]:
    """Return where a line is divided, so that its parts are as wide as wished.

    A word that is too long for any line, as Chinese without spaces is one, is cut; but not one of
    ASCII alone: that is a path or an address, which is to be copied whole.
    """
    from rich.cells import cell_len, chop_cells

    breaks: list[int] = []
    room, used = first, 0
    for word in _WORD.finditer(line):
        width = cell_len(word.group().rstrip())
        if used and used + width > room:
            breaks.append(word.start())
            room, used = later, 0
        if width > room and not word.group().isascii():
            pieces = chop_cells(word.group(), later)
            breaks += accumulate((len(piece) for piece in pieces[:-1]), initial=word.start())
            room, used = later, cell_len(pieces[-1])
        else:
            used += cell_len(word.group())
    return [place for place in dict.fromkeys(breaks) if place]


def prepare_streams() -> None:
    """Make sure that no character, and no closed stream, ends a command with a traceback."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # started with the stream closed, as in `ragkit status >&-`
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if sys.stdin is not None and hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(errors="replace")


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    plain = bool(os.environ.get("NO_COLOR"))
    return Console(
        stderr=stderr,
        highlight=False,
        markup=False,
        emoji=False,
        color_system=None if plain else "auto",
    )
