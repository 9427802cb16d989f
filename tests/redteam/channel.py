"""Looks at what is shown for whatever acts: images, links, HTML, signs that steer a terminal."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from unittest.mock import patch

from markdown_it import MarkdownIt

from ragkit.answer import Answer
from ragkit.cli.main import run
from ragkit.cli.session import Rag
from ragkit.inert import addresses

_RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_PLAIN = (
    r"</?(?:p|br|em|strong|code|pre|ul|ol|li|blockquote|h[1-6]|hr|table|thead|tbody|tr|th|td|s)"
)
_TAG = re.compile(rf"<(?!{_PLAIN[1:]}\b)[a-z/!?][^>]*", re.IGNORECASE)
_BARE = re.compile(r"(?:[a-z][a-z0-9+.-]*://|www\.|mailto:|javascript:|data:)\S+", re.IGNORECASE)
_STEERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff"
    "\U000e0000-\U000e007f]"
)


def rendered(text: str, held: frozenset[str]) -> Iterator[str]:
    """Yield what acts once the text is rendered as Markdown with HTML and bare links allowed.

    Args:
        text: As a page would render it.
        held: The addresses that the passages hold.
    """
    html = _RENDERER.render(text)
    for tag in _TAG.findall(html):
        yield f"markup: {tag}"
    for address in addresses(_BARE.findall(text)) - held:
        yield f"address: {address}"


def steering(text: str) -> Iterator[str]:
    """Yield the signs that a terminal would obey, or a reader would not see."""
    for sign in _STEERS.findall(text):
        yield f"sign: U+{ord(sign):04X}"


def shown(answer: Answer, pieces: str) -> Iterator[str]:
    """Yield what acts in an answer, in its draft as it was streamed, and in any join of them."""
    held = addresses(passage.text for passage in answer.passages)
    texts = [answer.text, pieces, " ".join(s.text for s in answer.sentences), *answer.warnings]
    for text in texts:
        yield from rendered(text, held)
    for sentence in answer.sentences:
        yield from rendered(sentence.text, held)
        yield from steering(sentence.text)


def printed(rag: Rag, question: str, *options: str) -> str:
    """Return what `ragkit ask` prints, on a terminal without colours."""
    with (
        patch.dict("os.environ", {"NO_COLOR": "1", "COLUMNS": "200"}),
        redirect_stdout(io.StringIO()) as out,
        redirect_stderr(io.StringIO()) as err,
        patch.object(sys, "stdin", io.StringIO()),
    ):
        code = run(["ask", question, *options], opener=lambda *_, **__: rag)
    if code:
        raise RuntimeError(f"ragkit ask ended with {code}: {err.getvalue()}")
    return out.getvalue() + err.getvalue()
