"""Content F1: does the answer say the same content words, whatever their form, as a reference?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from ragkit_ingest.lexical import content_words


def content_f1(answer: str, accepted: Sequence[str], question: str = "") -> float | None:
    """Return the harmonic mean of the shares of stemmed content words in common.

    Words are those of lexical search: lower case, stemmed, without those that carry no topic;
    each counts as often as it occurs in both. Words of the question count for nothing: whoever
    repeats them has not yet answered. Where an accepted answer has no others ("Tea or coffee?"),
    all count. The best over the accepted answers is returned; a whole reference text is one.

    Args:
        answer: As shown.
        accepted: Any of these is right.
        question: What was asked; empty to count all words.

    Returns:
        A value in [0, 1]; None without an accepted answer that has words.

    Source:
        The F1 of Rajpurkar et al., EMNLP 2016, over the stems of Porter, "Snowball", 2001.
        `ragkit eval validate-metrics` says how it agrees with people, with and without the words
        of the question.
    """
    pairs = _pairs(answer, accepted, question)
    return max((_f1(given, wanted) for given, wanted in pairs), default=None)


def content_recall(answer: str, accepted: Sequence[str], question: str = "") -> float | None:
    """Return the share of a reference's stemmed content words that the answer says.

    The arguments, the words and the choice among the accepted are those of `content_f1`. Unlike
    it, an answer in a whole sentence loses nothing beside a reference of two words.

    Returns:
        A value in [0, 1]; None without an accepted answer that has words.
    """
    pairs = _pairs(answer, accepted, question)
    return max(
        ((Counter(given) & Counter(wanted)).total() / len(wanted) for given, wanted in pairs),
        default=None,
    )


def _pairs(
    answer: str, accepted: Sequence[str], question: str
) -> list[tuple[Sequence[str], Sequence[str]]]:
    """Return the words of the answer and of each accepted one that are compared."""
    said, asked = _words(answer), frozenset(_words(question))
    found: list[tuple[Sequence[str], Sequence[str]]] = []
    for words in filter(None, map(_words, accepted)):
        new = [word for word in words if word not in asked]
        found.append(([word for word in said if word not in asked], new) if new else (said, words))
    return found


def _f1(given: Sequence[str], wanted: Sequence[str]) -> float:
    common = (Counter(given) & Counter(wanted)).total()
    return 2 * common / (len(given) + len(wanted))


@lru_cache(maxsize=20_000)
def _words(text: str) -> tuple[str, ...]:
    return tuple(content_words(text))
