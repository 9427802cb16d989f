"""What a sentence says that must not be changed: its words, numbers, names and negations.

Pure functions of the text, with rules for English. Words are compared by the stems of lexical
search, so that "leaves" and "leave" are one; numbers by value, so that "1,500", "1500" and
"1.5 thousand" are one; dates written "2024-03-31" by year, month and day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ragkit_ingest.lexical import STOPWORDS, words

_ONE_TO_NINE = "one two three four five six seven eight nine"
_UNITS = _ONE_TO_NINE.split()
_TEN_TO_NINETEEN = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TEENS = _TEN_TO_NINETEEN.split()
_TWENTY_TO_NINETY = "twenty thirty forty fifty sixty seventy eighty ninety"
_TENS = _TWENTY_TO_NINETY.split()
_COUNTED = {
    "zero": 0,
    **{word: value for value, word in enumerate([*_UNITS, *_TEENS], start=1)},
    **{word: value for value, word in zip(range(20, 100, 10), _TENS, strict=True)},
    **{
        f"{tens}-{unit}": value + number
        for value, tens in zip(range(20, 100, 10), _TENS, strict=True)
        for number, unit in enumerate(_UNITS, start=1)
    },
    "hundred": 100,
    "dozen": 12,
    "twice": 2,
}
_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_CALENDAR = "january february march april may june july august september october november december"
_MONTHS = _CALENDAR.split()
_SIGNS = {
    "%": "percent",
    "\u20ac": "euro",
    "eur": "euro",
    "$": "dollar",
    "usd": "dollar",
    "\u00a3": "pound",
    "gbp": "pound",
}
_SCALE = "|".join(_SCALES)
_TOKEN = re.compile(
    r"(?P<date>\b\d{4}-\d\d-\d\d\b)"
    rf"|(?P<scaled>\d+(?:[.,]\d+)*\s+(?:{_SCALE})\b)"
    rf"|(?P<joined>\b(?:{'|'.join(_TENS)})-(?:{'|'.join(_UNITS)})\b)"
    r"|\d+(?:[.,:]\d+)*(?![^\W\d_])"
    r"|(?P<percent>\bper\s+cent\b)"
    r"|[^\W\d_]+(?:['\u2019][^\W\d_]+)+|[^\W\d_]+(?!\w)|[^\W_]+|[%\u20ac$\u00a3]",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d[\d.,:]*")
_DENYING = """
    not no never none neither nor without nobody nothing nowhere cannot lack lacks lacked lacking
    fail fails failed absence absent unable hardly scarcely barely
"""
_NEGATIONS = frozenset(_DENYING.split())
# "not only", "no later than", "no more than": these deny nothing. "No. 5" is a number.
_NO_DENIAL = re.compile(
    r"(?:not (?:only|just|merely)\b|no (?:later|more|less|fewer|sooner|earlier|longer) than\b"
    r"|no\. ?\d)",
    re.IGNORECASE,
)
_FOLLOWING = re.compile(r"[\s-]+([^\W\d_]+)")
_UPPER = re.compile(
    r"(?:\bup to|\bat most|\b(?:no|not) (?:more|later|longer) than|\bmaximum(?: of)?|\bunder"
    r"|(?<!no )(?<!not )\b(?:less|fewer) than|\bbelow|\bwithin)\s+\W?$",
    re.IGNORECASE,
)
_LOWER = re.compile(
    r"(?:\bat least|\b(?:no|not) (?:less|fewer|earlier) than|\bminimum(?: of)?|\bover"
    r"|(?<!no )(?<!not )\bmore than|\babove)\s+\W?$",
    re.IGNORECASE,
)
_CLAUSE = frozenset(",;:.()!?\u2013\u2014")
_REACH = 6
_HEDGING = """
    may might could can possibly perhaps probably likely suggest suggests suggested appear appears
    seem seems potentially maybe unclear uncertain presumably reportedly allegedly
"""
_GOING_FAR = """
    all always every entirely only exclusively solely completely must never none no any most best
    worst first last
"""
_OF_ONESELF = "i me my mine myself i'm i've i'd i'll im ive"
HEDGES = frozenset(_HEDGING.split())
"""Words that make a statement less certain."""
EXTREMES = frozenset(_GOING_FAR.split())
"""Words that make a statement stronger."""
PERSONAL = frozenset(_OF_ONESELF.split())
"""Words by which speakers speak of themselves."""

_MEASURING = """
    second minute hour day night week month quarter year euro dollar pound percent meter metre
    kilometer kilometre km cm mm mile inch foot gram kilogram kg mg ton tonne liter litre ml degree
    volt watt kilowatt amp byte kb mb gb tb point
"""


@dataclass(frozen=True, slots=True)
class Word:
    """A word where it stands.

    Attributes:
        text: As written, in lower case.
        stem: What it is compared by: a stem, or a number's value.
        start: Offset of its first character in the text.
        end: Offset after its last character.
        number: Whether it counts or dates something, in figures or spelled out.
        name: Whether it is written as a name: a capital within a sentence, or letters mixed
            with digits.
        code: Whether it is a name of capitals or digits within, such as "VAT" or "E04".
        opening: Whether it has a capital only because a sentence begins with it, for all one
            can see.
        content: Whether it says something of its own, unlike "the", "of", "may" or "not".
        negated: Whether a negation stands up to six words before it, in the same clause.
        negation: Whether it is one.
        dated: Whether it is part of a date in figures, where the order says nothing.
        bound: "upper" for a number behind "up to" or "within", "lower" behind "at least".
    """

    text: str
    stem: str
    start: int
    end: int
    number: bool = False
    name: bool = False
    code: bool = False
    opening: bool = False
    content: bool = False
    negated: bool = False
    negation: bool = False
    dated: bool = False
    bound: str = ""


@lru_cache(maxsize=20_000)
def analysed(text: str) -> tuple[Word, ...]:
    """Return the words of a sentence, in order."""
    return tuple(_words(text))


def _words(text: str) -> Iterator[Word]:
    since = _REACH + 1
    opening = True
    last = 0
    for match in _TOKEN.finditer(text):
        start, end = match.span()
        between = text[last:start]
        if not _CLAUSE.isdisjoint(between):
            since = _REACH + 1
        opening = opening or any(char in between for char in '.!?:\u201c"')
        low = match.group().lower().replace("\u2019", "'")
        negation = (low in _NEGATIONS or low.endswith("n't")) and not _NO_DENIAL.match(text, start)
        negated = since < _REACH
        if match["date"]:
            yield from _date(match.group(), start, negated)
        else:
            yield _word(match, low, opening=opening, negated=negated, negation=negation)
        since = 0 if negation else since + 1
        opening = False
        last = end


def _word(match: re.Match[str], low: str, *, opening: bool, negated: bool, negation: bool) -> Word:
    shown = match.group()
    number = (
        match["scaled"] is not None
        or (low in _COUNTED and (low != "one" or _counts(match)))
        or _NUMBER.fullmatch(shown) is not None
    )
    mixed = not number and any(c.isdigit() for c in shown) and any(c.isalpha() for c in shown)
    month = low == "may" and shown[0].isupper() and not opening
    spoken = (low in STOPWORDS or low in HEDGES or negation) and not month
    capital = shown[0].isupper() and not spoken and not number
    inner = any(char.isupper() for char in shown[1:])
    return Word(
        text=low,
        stem="percent" if match["percent"] else _value(low) if number else _stem(low),
        start=match.start(),
        end=match.end(),
        number=number,
        name=mixed or (capital and (not opening or inner)),
        code=mixed or (capital and inner),
        opening=capital and opening and not inner and not mixed,
        content=not spoken and low not in PERSONAL,
        negated=negated,
        negation=negation,
        bound=_bound(match) if number else "",
    )


def _counts(match: re.Match[str]) -> bool:
    """Return whether a "one" counts what follows: "one month", not "one of them"."""
    following = _FOLLOWING.match(match.string, match.end())
    return following is not None and following[1].lower() not in STOPWORDS | HEDGES


def _bound(match: re.Match[str]) -> str:
    before = match.string[max(0, match.start() - 24) : match.start()]
    if _UPPER.search(before):
        return "upper"
    return "lower" if _LOWER.search(before) else ""


def _date(shown: str, start: int, negated: bool) -> Iterator[Word]:
    year, month, day = shown.split("-")
    known = 1 <= int(month) <= len(_MONTHS)
    month_stem = _stem(_MONTHS[int(month) - 1]) if known else month
    for stem, at, length in ((year, 0, 4), (month_stem, 5, 2), (str(int(day)), 8, 2)):
        yield Word(
            text=shown[at : at + length],
            stem=stem,
            start=start + at,
            end=start + at + length,
            number=True,
            content=True,
            negated=negated,
            dated=True,
        )


def _value(low: str) -> str:
    """Return a number's value as text, the same for every way to write it."""
    figure, _, scale = low.partition(" ")
    if low in _COUNTED:
        return str(_COUNTED[low])
    plain = re.sub(r",(?=\d{3}(?!\d))", "", figure)
    try:
        value = float(plain) * _SCALES.get(scale.strip(), 1)
    except ValueError:  # 9:30, 1.2.3
        return plain
    return f"{value:.12g}"


def _stem(low: str) -> str:
    if low in _SIGNS:
        return _SIGNS[low]
    found = words(low)
    return found[-1] if found else low


MEASURES = frozenset(_stem(word) for word in _MEASURING.split())
"""The stems of words by which people measure time, money and things."""
