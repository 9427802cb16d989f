"""Content F1: does the answer say the same content words, whatever their form, as a reference?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from ragkit_ingest.lexical import content_words


def content_f1(answer: str, accepted: Sequence[str]) -> float | None:
    """Return the harmonic mean of the shares of stemmed content words in common.

    Words are those of lexical search: lower case, stemmed, without those that carry no topic;
    each counts as often as it occurs in both. The best over the accepted answers is returned; a
    whole reference text is one accepted answer.

    Returns:
        A value in [0, 1]; None without an accepted answer that has words.

    Source:
        The F1 of Rajpurkar et al., EMNLP 2016, over the stems of Porter, "Snowball", 2001.
    """
    references = [words for text in accepted if (words := _words(text))]
    if not references:
        return None
    given = _words(answer)
    return max(_f1(given, wanted) for wanted in references)


def content_recall(answer: str, accepted: Sequence[str]) -> float | None:
    """Return the share of a reference's stemmed content words that the answer says.

    The words and the choice among the accepted are those of `content_f1`. Unlike it, an answer in
    a whole sentence loses nothing beside a reference of two words.

    Returns:
        A value in [0, 1]; None without an accepted answer that has words.
    """
    references = [words for text in accepted if (words := _words(text))]
    if not references:
        return None
    given = Counter(_words(answer))
    return max((given & Counter(wanted)).total() / len(wanted) for wanted in references)


def _f1(given: Sequence[str], wanted: Sequence[str]) -> float:
    common = (Counter(given) & Counter(wanted)).total()
    return 2 * common / (len(given) + len(wanted))


@lru_cache(maxsize=20_000)
def _words(text: str) -> tuple[str, ...]:
    return tuple(content_words(text))
