"""An answer while it is written: the draft at the terminal, then the verified answer.

The draft is shown in a place that is erased again, so that what stays is what was verified. It is
cut to the window, at its end, however long it gets.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from ragkit.answer import Answer
from ragkit.cli.terminal import Terminal, harmless

if TYPE_CHECKING:
    from collections.abc import Generator

    from rich.text import Text

    from ragkit.cli.session import Rag

_MARGIN_LINES = 3
_REFRESHES_PER_SECOND = 12


class Stopped(KeyboardInterrupt):
    """The writing was stopped by the user.

    Attributes:
        draft: What was written until then; not verified.
    """

    def __init__(self, draft: str) -> None:
        super().__init__("stopped")
        self.draft = draft


def can_stream(terminal: Terminal, rag: Rag) -> bool:
    """Return whether a draft is worth showing: to a person, of a model that takes its time."""
    if terminal.json or not terminal.out.is_terminal or terminal.out.is_dumb_terminal:
        return False
    return rag.generator.name != "extractive"


def answer_of(terminal: Terminal, events: Iterator[str | Answer]) -> Answer:
    """Show the pieces as they come, erase them, and return the answer that ends them.

    Raises:
        Stopped: If Ctrl-C was pressed; the writing is ended, the draft erased.
    """
    from rich.live import Live

    draft = ""
    live = Live(console=terminal.out, transient=True, refresh_per_second=_REFRESHES_PER_SECOND)
    try:
        with closing(_generator(events)) as pieces, live:
            for piece in pieces:
                if isinstance(piece, Answer):
                    return piece
                draft += piece
                live.update(_tail(terminal, draft))
    except KeyboardInterrupt:
        raise Stopped(draft) from None
    raise TypeError("the events ended without an answer")


def _generator(events: Iterator[str | Answer]) -> Generator[str | Answer]:
    """Yield the events; closing this closes what makes them, so that a request is aborted."""
    try:
        yield from events
    finally:
        close = getattr(events, "close", None)
        if close is not None:
            close()


def _tail(terminal: Terminal, draft: str) -> Text:
    from rich.text import Text

    room = max(1, terminal.out.height - _MARGIN_LINES)
    text = Text(harmless(draft), style="dim")
    lines = text.wrap(terminal.out, terminal.width)
    return Text("\n").join(list(lines)[-room:])
