"""Words broken at the end of a line are made whole; real hyphens stay."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_BROKEN = re.compile(r"(\w+)[-\u00ad\ufffe\u2010]$")
_HEAD = re.compile(r"^(\w+)")
_HYPHENATED = re.compile(r"\w+(?:[-\u2010]\w+)+")
_WORD = re.compile(r"\w{4,}")
# Parts that keep their hyphen always, and parts that keep it before a word of the document.
_ALWAYS_KEPT = frozenset({"non", "self", "quasi", "well"})
_PREFIX_WORDS = """
    half cross high low long short full first second third one two three four five six seven
    eight nine twenty thirty forty fifty sixty ninety year day month week real time multi semi
    anti post
"""
_PREFIXES = frozenset(_PREFIX_WORDS.split())


class Lexicon:
    """The words of a document, which settle whether a broken word keeps its hyphen.

    Args:
        lines: All lines of the document.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = list(lines)
        self._words: set[str] | None = None
        self._hyphenated: set[str] = set()

    def join(self, lines: Sequence[str]) -> str:
        """Return the lines of one block as one line of text."""
        text = ""
        for line in lines:
            text = self._append(text, line.strip()) if text else line.strip()
        return text.replace("\ufffe", "-")

    def _append(self, text: str, line: str) -> str:
        broken, head = _BROKEN.search(text), _HEAD.match(line)
        if broken is None or head is None:
            return f"{text} {line}"
        if self._keeps_hyphen(broken.group(1), head.group(1)):
            return f"{text[:-1]}-{line}"
        return text[:-1] + line

    def _keeps_hyphen(self, left: str, right: str) -> bool:
        if not right[0].islower() or not left[-1].isalpha():
            return True
        self._learn()
        joined, parted = (left + right).casefold(), f"{left}-{right}".casefold()
        if parted in self._hyphenated:
            return True
        if self._words and joined in self._words:
            return False
        if left.casefold() in _ALWAYS_KEPT:
            return True
        known = self._words or set()
        return left.casefold() in _PREFIXES and right.casefold() in known

    def _learn(self) -> None:
        if self._words is not None:
            return
        self._words = set()
        for line in self._lines:
            lowered = line.casefold()
            self._words.update(_WORD.findall(lowered))
            self._hyphenated.update(
                word.replace("\u2010", "-") for word in _HYPHENATED.findall(lowered)
            )
