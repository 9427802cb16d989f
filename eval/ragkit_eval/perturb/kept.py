"""What a question must keep in any wording: its numbers, codes, names and quotations."""

from __future__ import annotations

import hashlib
import re

from ragkit.question import NUMBER

WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_KEPT = re.compile(
    r"[\"\u201c\u2018][^\"\u201d\u2019]{1,80}[\"\u201d\u2019]"  # quoted
    r"|\S*\d\S*"  # numbers, codes, times, amounts
    r"|\S*[@/\\_]\S*"  # addresses and paths
    r"|(?<![^\W_])[^\W\d_]*[A-Z][^\W\d_]*(?:[-'\u2019][^\W\d_]+)*"  # names, acronyms
)
_OPENING = re.compile(r"(?:^|[.?!]\s+)$")
_FACTS = re.compile(r"\d+(?:[.,:/-]\d+)*")


def spans(question: str) -> list[tuple[int, int]]:
    """Return the stretches that no wording may change, in order.

    A capital at the beginning of a sentence makes no name of a word that has no other capital.
    """
    found = []
    for match in _KEPT.finditer(question):
        text = match.group()
        opens = _OPENING.search(question[: match.start()]) is not None
        if opens and text.isalpha() and text[1:].islower():
            continue
        if text != "I":
            found.append(match.span())
    return found


def free_words(question: str) -> list[re.Match[str]]:
    """Return the words that a wording may change."""
    taken = spans(question)
    return [
        word
        for word in WORD.finditer(question)
        if not any(start < word.end() and word.start() < end for start, end in taken)
        and not NUMBER.fullmatch(word.group())
    ]


def keeps(question: str, other: str) -> bool:
    """Return whether a wording has all that must be kept, whatever the case, and no number more."""
    folded = other.casefold()
    if any(
        question[start:end].strip("?.!,").casefold() not in folded for start, end in spans(question)
    ):
        return False
    return sorted(_FACTS.findall(question)) == sorted(_FACTS.findall(other))


def draw(key: str) -> int:
    """Return a large number that a key always gives."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8])
