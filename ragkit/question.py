"""What a question asks for: its topic words, the things it names, what its answer must contain.

Pure functions of the text, with rules for English; nothing is known of documents here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from ragkit.quantity import quantities
from ragkit_ingest.lexical import STOPWORDS, content_words, words

TOKEN = re.compile(r"[^\W_]+(?:[-._/'\u2019][^\W_]+)*")
"""A word as people write it, joined names whole: QK-200, e-mail, 2.2."""
_MONTHS = (
    "january|february|march|april|may|june|july|august|september|october|november|december"
    "|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
)
_WEEKDAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
_CALENDAR = re.compile(rf"(?:{_MONTHS}|{_WEEKDAYS})", re.IGNORECASE)
_NUMBER_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fourteen|fifteen|twenty"
    "|thirty|forty|fifty|sixty|ninety|hundred|thousand|half|once|twice|double|daily|weekly"
    "|monthly|quarterly|yearly|annually|hourly"
)
NUMBER = re.compile(rf"\d[\d.,]*|\b(?:{_NUMBER_WORDS})\b", re.IGNORECASE)
TIME = re.compile(
    rf"\b(?:{_MONTHS}|{_WEEKDAYS})\b|\b(?:1[89]|20)\d\d\b|\d\d?[:.]\d\d|\d\s?(?:am|pm)\b"
    rf"|\b(?:\d+|{_NUMBER_WORDS})[\s-](?:working |calendar |full )?"
    r"(?:second|minute|hour|day|week|month|quarter|year)s?\b"
    r"|\b(?:noon|midnight|daily|weekly|monthly|yearly|once|twice)\b",
    re.IGNORECASE,
)
YEAR = re.compile(r"(?<![\w.,-])(?:19|20)\d\d(?![\w-])")
_NAME = re.compile(r"\b[A-Z][\w'\u2019-]+")
_REASON = re.compile(
    r"\b(?:because|since|due to|so that|in order to|to avoid|reason|caused?|owing|cannot)\b",
    re.IGNORECASE,
)
_WHERE = re.compile(
    r"\b(?:at|in|on|near|from|to|behind|next to|under|outside|inside)\s+\w+", re.IGNORECASE
)
_FOCUS = re.compile(
    r"\b(?:what|which)\s+(?:(?:is|are|was|were|did|does|do)\s+)?"
    r"(?:(?:the|a|an|our|my|your|his|her|their|its)\s+)?"
    r"((?:[\w'\u2019-]+\s+){0,3}?[\w'\u2019-]+)\s+"
    r"(?:of|for|in|on|at|is|are|was|were|do|does|did|has|have|had|can|may|must|should|will|would"
    r"|about|to|from|with|between|under|per|that|the|we|i|you)\b"
    r"|\bhow\s+(?:many|much)\s+([\w'\u2019-]+(?:\s+[\w'\u2019-]+)?)"
    r"|\bhow\s+(long|often|far|high|hot|fast|heavy|old|big|large|loud|wide|tall|quickly|soon"
    r"|late|early)\b",
    re.IGNORECASE,
)
_NO_TOPIC = STOPWORDS | {"may", "must"}
# A code: it begins with a letter and holds a digit, with or without a plural s.
_CODE = re.compile(r"([^\W\d_](?=.*\d).*?)(?:(?<=\d)s)?")
_DECIMAL = re.compile(r"\d+(?:\.\d+)*")
_NUMBERED = frozenset(
    {
        "article",
        "batch",
        "chapter",
        "clause",
        "code",
        "contract",
        "error",
        "figure",
        "firmware",
        "form",
        "no",
        "number",
        "order",
        "page",
        "paragraph",
        "room",
        "rule",
        "schedule",
        "section",
        "step",
        "table",
        "version",
    }
)
# Words that are capitalised only because they open a question or a clause in it.
_OPENERS = _NO_TOPIC | {"name", "hi", "hello", "whats", "list"}


# What documents call what a question asks for with "how".
_MEASURED = {
    "heavy": "weight",
    "far": "distance",
    "high": "height",
    "tall": "height",
    "wide": "width",
    "deep": "depth",
    "hot": "temperature",
    "big": "size",
    "large": "size",
    "loud": "noise",
    "fast": "speed",
    "old": "age",
}


class Wanted(StrEnum):
    """What an answer must contain to be one."""

    NUMBER = "number"
    MONEY = "money"
    TIME = "time"
    NAME = "name"
    PLACE = "place"
    REASON = "reason"
    ANY = "any"


_ASKED = tuple(
    (wanted, re.compile(pattern, re.IGNORECASE))
    for wanted, pattern in (
        # Before what it is about: "When does the discount end?" asks for no sum.
        (Wanted.TIME, r"^\W*(?:(?:and|so|but) )?(?:when|since when|until when|by when)\b"),
        (
            Wanted.MONEY,
            r"how much (?:does|do|is|are|will|would|did|was|were|can (?:i|we|you) (?:spend|claim))"
            r"\b|\b(?:costs?|prices?|fees?|rent|rate|salary|budget|allowance|penalty|fine|deposit"
            r"|surcharge|discount)\b",
        ),
        (
            Wanted.TIME,
            r"\bhow (?:long|soon|often|old|early|late|much time)\b"
            r"|what (?:date|day|time|year|month|hours)\b|which (?:date|day|year|month)\b"
            r"|\bdeadline\b",
        ),
        (
            Wanted.NUMBER,
            r"\bhow (?:many|much|far|high|large|big|hot|fast|heavy|tall|wide|loud|deep)\b"
            r"|\b(?:what|which) (?:percentage|share|number|temperature|capacity|weight|pressure"
            r"|voltage|power|size|version|code)\b",
        ),
        (
            Wanted.NAME,
            r"\b(?:who|whom|whose)\b|which (?:person|company|supplier|team|department)\b",
        ),
        (Wanted.PLACE, r"^\W*(?:(?:and|so|but) )?where\b"),
        (Wanted.REASON, r"^\W*(?:(?:and|so|but) )?why\b|what (?:caused|was the (?:cause|reason))"),
    )
)
_PATTERNS = {
    Wanted.NUMBER: NUMBER,
    Wanted.MONEY: NUMBER,
    Wanted.TIME: TIME,
    Wanted.NAME: _NAME,
    Wanted.PLACE: _WHERE,
    Wanted.REASON: _REASON,
}
_MUST_BE_NEW = frozenset({Wanted.NUMBER, Wanted.MONEY, Wanted.TIME, Wanted.NAME})


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """Something a question names with digits: QK-200, clause 14, E05, firmware 4.2.

    Attributes:
        joined: Its letters and digits, in lower case: "qk200"; "4.2" for a bare number.
        before: The analysed word before a bare number ("claus"); empty for others.
        parts: Its analysed words: "qk", "200", "qk200".
    """

    joined: str
    before: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question, analysed.

    Attributes:
        text: As asked.
        words: Its content words as the index analyses them, without repeats, in order.
        wanted: What its answer must contain.
        identifiers: The things it names with digits.
        names: Analysed words that it capitalises, other than at its beginning.
        focus: Analysed words of what is asked for: "width" in "what is the width of...", and
            "weight" in "how heavy...".
        quantities: Kinds of value that are asked for, as `ragkit.quantity` names them.
        years: The years that it says, each once.
    """

    text: str
    words: tuple[str, ...]
    wanted: Wanted
    identifiers: tuple[Identifier, ...] = ()
    names: tuple[str, ...] = ()
    focus: tuple[str, ...] = ()
    quantities: tuple[str, ...] = ()
    years: tuple[str, ...] = ()


def analyse(text: str) -> Question:
    """Return what the question asks for."""
    return Question(
        text=text,
        words=tuple(dict.fromkeys(content_words(text))),
        wanted=_wanted(text),
        identifiers=tuple(identifiers(text)),
        names=tuple(_names(text)),
        focus=tuple(_focus(text)),
        quantities=quantities(text),
        years=tuple(dict.fromkeys(YEAR.findall(text))),
    )


def satisfies(question: Question, text: str) -> bool:
    """Return whether a text contains what the question wants: a number, a name, a time...

    A number, name or time that the question itself says does not count.
    """
    pattern = _PATTERNS.get(question.wanted)
    if pattern is None:
        return True
    if question.wanted not in _MUST_BE_NEW:
        return pattern.search(text) is not None
    asked = set(words(question.text))
    return any(
        any(word not in asked for word in words(_whole_token(text, match)))
        for match in pattern.finditer(text)
        if not (question.wanted is Wanted.NAME and _opens(match))
    )


def holds_identifier(identifier: Identifier, held: Set[str], pairs: Set[tuple[str, str]]) -> bool:
    """Return whether a text, given by its words and pairs of neighbours, names the same thing."""
    joined = identifier.joined
    if identifier.before:
        return (identifier.before, joined) in pairs or identifier.before + joined in held
    pieces = [part for part in identifier.parts if part != joined]
    return joined in held or (len(pieces) > 1 and set(pairwise(pieces)) <= pairs)


def _wanted(text: str) -> Wanted:
    for wanted, pattern in _ASKED:
        if pattern.search(text):
            return wanted
    return Wanted.ANY


def identifiers(text: str) -> list[Identifier]:
    """Return the things that a text names with digits, in order."""
    found = []
    previous = ""
    for match in TOKEN.finditer(text):
        token = match.group()
        if code := _CODE.fullmatch(token):
            name = code.group(1)
            joined = "".join(char for char in name.casefold() if char.isalnum())
            found.append(Identifier(joined=joined, before="", parts=tuple(words(name))))
        elif _DECIMAL.fullmatch(token) and _is_numbered(previous):
            before = words(previous)[-1]
            found.append(Identifier(joined=token, before=before, parts=tuple(words(token))))
        previous = token
    return found


def _is_numbered(before: str) -> bool:
    """Whether a number behind this word is part of a name: "Urn 12", "clause 14"."""
    if not before or before.casefold() in STOPWORDS or _CALENDAR.fullmatch(before):
        return False
    named = before[0].isupper() and before.isalpha()
    return (named or before.casefold() in _NUMBERED) and bool(words(before))


def _names(text: str) -> list[str]:
    found = []
    for match in list(TOKEN.finditer(text))[1:]:
        token = match.group()
        opens = text[: match.start()].rstrip().endswith((".", "?", "!"))
        plain = token[0].isupper() and not any(char.isdigit() for char in token)
        if not plain or opens or token.casefold() in _OPENERS or _CALENDAR.fullmatch(token):
            continue
        found += words(token)[:1]
    return found


def _focus(text: str) -> Sequence[str]:
    match = _FOCUS.search(text)
    if match is None:
        return []
    phrase = next(group for group in match.groups() if group)
    return [
        word
        for token in TOKEN.findall(phrase)
        if token.casefold() not in _NO_TOPIC
        for word in words(_MEASURED.get(token.casefold(), token))
    ]


def _whole_token(text: str, match: re.Match[str]) -> str:
    start, end = match.span()
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace():
        end += 1
    return text[start:end]


def _opens(match: re.Match[str]) -> bool:
    """Whether a capital says nothing: a common word at the beginning of the text."""
    return match.start() == 0 and match.group().casefold() in STOPWORDS
