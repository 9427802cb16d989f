"""What a question asks for: its topic words, and what its answer must contain.

Pure functions of the text; nothing is known of documents here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from ragkit_ingest.lexical import content_words

_MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
    "|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
)
_NUMBER_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fourteen|fifteen|twenty"
    "|thirty|forty|fifty|sixty|ninety|hundred|thousand|half|once|twice|double|daily|weekly"
    "|monthly|quarterly|yearly|annually|hourly"
)
_NUMBER = re.compile(rf"\d|\b({_NUMBER_WORDS})\b", re.IGNORECASE)
_MONEY = re.compile(r"[€$£¥]\s?\d|\d[\d.,]*\s?(€|eur\b|euros?\b|usd\b|gbp\b|pounds?\b|cents?\b|%)", re.I)
_TIME = re.compile(
    rf"\b({_MONTHS}|mon|tues|wednes|thurs|fri|satur|sun)(day)?\b|\b(1[89]|20)\d\d\b"
    rf"|\d\d?[:.]\d\d|\d\s?(am|pm)\b|\b(\d+|{_NUMBER_WORDS})[\s-](working |calendar |full )?"
    r"(second|minute|hour|day|week|month|quarter|year)s?\b|\b(noon|midnight|daily|weekly|monthly)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<![.!?]\s)(?<!^)\b[A-Z][\w'-]+|\b[A-Z][a-z'-]+\s[A-Z][a-z'-]+")
_REASON = re.compile(r"\b(because|since|due to|so that|in order to|to avoid|reason|caused?|owing)\b", re.I)
_WHERE = re.compile(r"\b(at|in|on|near|from|to|behind|next to|under|outside|inside)\s+\w+", re.I)


class Wanted(StrEnum):
    """What an answer must contain to be one."""

    NUMBER = "number"
    MONEY = "money"
    TIME = "time"
    NAME = "name"
    PLACE = "place"
    REASON = "reason"
    ANY = "any"


_ASKED = (
    (
        Wanted.MONEY,
        r"how much (does|do|is|are|will|would|did|was|were|can (i|we|you) (spend|claim))\b|"
        r"\b(cost|costs|price|prices|fee|fees|rent|rate|salary|budget|allowance|penalty|fine|deposit|"
        r"surcharge|discount)\b",
    ),
    (
        Wanted.TIME,
        r"^\W*(and |so |but )?(when|since when|until when|by when)\b|\bhow (long|soon|often|old|early|late)"
        r"\b|what (date|day|time|year|month|hours)\b|which (date|day|year|month)\b|\bdeadline\b",
    ),
    (
        Wanted.NUMBER,
        r"\bhow (many|much|far|high|large|big|hot|fast|heavy|tall|wide|loud|deep)\b|"
        r"\b(what|which) (percentage|share|number|temperature|capacity|weight|pressure|voltage|"
        r"power|size|version|code)\b",
    ),
    (Wanted.NAME, r"\b(who|whom|whose)\b|which (person|company|supplier|team|department)\b"),
    (Wanted.PLACE, r"^\W*(and |so |but )?where\b"),
    (Wanted.REASON, r"^\W*(and |so |but )?why\b|what (caused|was the (cause|reason))"),
)
_ASKED_PATTERNS = tuple((wanted, re.compile(pattern, re.I)) for wanted, pattern in _ASKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question, analysed.

    Attributes:
        text: As asked.
        words: Its content words as the index analyses them, without repeats, in order.
        wanted: What its answer must contain.
    """

    text: str
    words: tuple[str, ...]
    wanted: Wanted


def analyse(text: str) -> Question:
    """Return the question's topic words and what its answer must contain."""
    return Question(
        text=text, words=tuple(dict.fromkeys(content_words(text))), wanted=_wanted(text)
    )


def satisfies(wanted: Wanted, text: str) -> bool:
    """Return whether a text contains what is wanted: a number, a name, a time..."""
    match wanted:
        case Wanted.NUMBER:
            return _NUMBER.search(text) is not None
        case Wanted.MONEY:
            return _MONEY.search(text) is not None or _NUMBER.search(text) is not None
        case Wanted.TIME:
            return _TIME.search(text) is not None
        case Wanted.NAME:
            return _NAME.search(text) is not None
        case Wanted.PLACE:
            return _WHERE.search(text) is not None
        case Wanted.REASON:
            return _REASON.search(text) is not None
        case Wanted.ANY:
            return True


def _wanted(text: str) -> Wanted:
    for wanted, pattern in _ASKED_PATTERNS:
        if pattern.search(text):
            return wanted
    return Wanted.ANY
