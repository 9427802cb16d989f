"""Does a recorded text say that there is no answer? By its words, for arms that do not say so."""

from __future__ import annotations

import re

_REFUSING = re.compile(
    r"\b(?:(?:i|we) (?:do not|don'?t|cannot|can'?t|could not|couldn'?t) "
    r"(?:know|say|tell|answer|find|determine)"
    r"|(?:i am|i'?m|we are) (?:not (?:sure|able)|unable)"
    r"|(?:the )?(?:documents?|passages?|context|text|information provided|provided \w+)"
    r" (?:do(?:es)? not|don'?t|doesn'?t) (?:say|mention|contain|provide|specify|state|answer|hold)"
    r"|(?:is|are) not (?:mentioned|stated|specified|provided|given) in the"
    r"|no (?:information|answer|mention) (?:is|was|about|on|in|of|for|available|found)"
    r"|unanswerable|not answerable|no answer)\b",
    re.IGNORECASE,
)
_FIRST = 200


def refuses(text: str) -> bool:
    """Return whether a text says, at its beginning, that the question cannot be answered.

    An empty text does. A text that goes on to answer is taken for a refusal as well if it begins
    like one; arms that know better record `abstained` themselves.
    """
    return not text.strip() or _REFUSING.search(text.replace("\u2019", "'")[:_FIRST]) is not None
