"""Exact match and token F1: does the answer say the same words as an accepted one?"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = frozenset(string.punctuation)


def exact_match(answer: str, accepted: Sequence[str]) -> float:
    """Return 1 if the answer is one of the accepted ones, else 0.

    Case, punctuation, articles and white space do not count. Without accepted answers, only the
    empty answer is right.

    Source:
        Rajpurkar et al., ACL 2018 (SQuAD 2.0): `compute_exact` of the official evaluation
        script, the best over the accepted answers.
    """
    given = normalised(answer)
    return float(any(given == normalised(text) for text in accepted or ("",)))


def token_f1(answer: str, accepted: Sequence[str]) -> float:
    """Return the harmonic mean of the shares of words in common, the best over the accepted.

    Words are compared as by `exact_match`, with their number of occurrences. Where either text
    has no words, the value is 1 if both have none.

    Returns:
        A value in [0, 1].

    Source:
        Rajpurkar et al., ACL 2018: `compute_f1` of the official evaluation script.
    """
    given = normalised(answer).split()
    return max(_overlap(given, normalised(text).split()) for text in accepted or ("",))


def normalised(text: str) -> str:
    """Return the text in lower case, without punctuation, articles and repeated white space."""
    plain = "".join(char for char in text.lower() if char not in _PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split())


def _overlap(given: Sequence[str], wanted: Sequence[str]) -> float:
    if not given or not wanted:
        return float(given == wanted)
    common = (Counter(given) & Counter(wanted)).total()
    return 2 * common / (len(given) + len(wanted))
