"""Changes what a text answers: another number, date, time or name of the same shape.

Pure functions of the text. What is changed is the first of them in the answer: "25 metres" becomes
"32 metres", "3 May 2021" becomes "17 May 2021", "06:30" becomes "11:30".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_CALENDAR = "january february march april may june july august september october november december"
_WEEK = "monday tuesday wednesday thursday friday saturday sunday"
_TWO_TO_TWELVE = "two three four five six seven eight nine ten eleven twelve"
_TWENTY_TO_NINETY = "twenty thirty forty fifty sixty seventy eighty ninety"
_INVENTED = """
    Alderbrook Fernhollow Marshwick Oakhampton Tarnfield Wexbourne Larkstead Pinemoor Ashcombe
    Hollinside Brackenford Quarrydale
"""
_WEEKDAYS = _WEEK.split()
_NUMBERS = _TWO_TO_TWELVE.split()
_TENS = _TWENTY_TO_NINETY.split()
_PLACES = _INVENTED.split()
_MONTH = "|".join(_CALENDAR.split())
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
# A number that is no part of a code, a time, or a longer number.
_BEFORE = r"(?<![^\W_])(?<![-./:,]\b)(?<!\d[.,:/-])(?<![^\W\d_]-)"
_AFTER = r"(?![^\W_])(?![.,:/-]\d)(?!-[^\W\d_])"
_NAME = re.compile(r"(?<![^\W_])[A-Z][a-z]{2,}(?:[-'\u2019][A-Z]?[a-z]+)*(?![^\W_])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alteration:
    """What is written instead of what.

    Attributes:
        old: A stretch of the answer: a number, a date's day, a name.
        new: Of the same shape.
        kind: "date", "time", "number", "weekday" or "name".
    """

    old: str
    new: str
    kind: str

    def of(self, text: str) -> str:
        """Return the text with the first whole occurrence replaced; as it is if there is none."""
        return self._pattern.sub(lambda _: self.new, text, count=1)

    @property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(
            rf"(?<![^\W_])(?<!\d[.,:]){re.escape(self.old)}(?![^\W_])(?![.,:]\d)", re.IGNORECASE
        )


def altered(answer: str, document: str, key: str) -> Alteration | None:
    """Return how to change an answer, to a value that its document does not hold.

    Args:
        answer: As the document says it.
        document: Its whole text.
        key: The same key gives the same change.

    Returns:
        None if the answer holds no number, date, time or name, or every other value is taken.
    """
    for kind, pattern, others in _SHAPES:
        match = pattern.search(answer)
        if match is None:
            continue
        old = match.group("value")
        free = [new for new in others(old) if new != old and not _holds(document, new)]
        if free:
            choice = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4])
            return Alteration(old=old, new=free[choice % len(free)], kind=kind)
        return None
    return None


def _holds(document: str, value: str) -> bool:
    pattern = rf"(?<![^\W_]){re.escape(value)}(?![^\W_])"
    return re.search(pattern, document, re.IGNORECASE) is not None


def _iso_dates(old: str) -> Iterator[str]:
    year, month, _ = old.split("-")
    yield from (f"{year}-{month}-{day:02}" for day in range(1, 29))


def _day_months(old: str) -> Iterator[str]:
    """Return other days of the same month, written alike."""
    found = re.search(r"\d+", old)
    if found is None:
        return
    width = 2 if found.group().startswith("0") else 1
    for day in range(1, 29):
        yield old[: found.start()] + f"{day:0{width}}" + old[found.end() :]


def _times(old: str) -> Iterator[str]:
    hour, minute = old.split(":")
    yield from (f"{other:0{len(hour)}}:{minute}" for other in range(7, 20))


def _years(old: str) -> Iterator[str]:
    yield from (str(int(old) + step) for step in (-7, -6, -4, -3, 2, 3, 4, 6))


def _numbers(old: str) -> Iterator[str]:
    """Return numbers of as many digits and final zeros, between half and twice the value."""
    whole, point, rest = old.partition(".")
    plain, grouped = whole.replace(",", ""), "," in whole
    value, digits = int(plain), len(plain)
    unit = 10 ** min(digits - 1, len(plain) - len(plain.rstrip("0"))) if not point else 1
    least = max(10 ** (digits - 1) if digits > 1 else 2, value // 2)
    most = min(10**digits - 1, 2 * value + 4)
    near = range(-(-least // unit) * unit, most + 1, unit)
    for number in near[:: max(1, len(near) // 40)]:
        yield (f"{number:,}" if grouped else str(number)) + point + rest


def _words_of(words: list[str], reach: int) -> Callable[[str], Iterator[str]]:
    """Return what gives the words near one of the list, written as it is."""

    def others(old: str) -> Iterator[str]:
        place = words.index(old.lower())
        for word in words[max(0, place - reach) : place + reach + 1]:
            yield word.title() if old[0].isupper() else word

    return others


def _names(_: str) -> Iterator[str]:
    yield from _PLACES


_SHAPES: tuple[tuple[str, re.Pattern[str], Callable[[str], Iterator[str]]], ...] = (
    ("date", re.compile(rf"{_BEFORE}(?P<value>\d{{4}}-\d\d-\d\d){_AFTER}"), _iso_dates),
    (
        "date",
        re.compile(
            rf"(?P<value>{_BEFORE}{_DAY}\s(?:{_MONTH})\b|\b(?:{_MONTH})\s{_DAY}{_AFTER})",
            re.IGNORECASE,
        ),
        _day_months,
    ),
    ("time", re.compile(rf"{_BEFORE}(?P<value>\d{{1,2}}:\d\d){_AFTER}"), _times),
    ("date", re.compile(rf"{_BEFORE}(?P<value>(?:19|20)\d\d){_AFTER}"), _years),
    (
        "number",
        re.compile(rf"{_BEFORE}(?P<value>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?){_AFTER}"),
        _numbers,
    ),
    (
        "number",
        re.compile(rf"\b(?P<value>{'|'.join(_NUMBERS)})\b", re.IGNORECASE),
        _words_of(_NUMBERS, 3),
    ),
    (
        "number",
        re.compile(rf"\b(?P<value>{'|'.join(_TENS)})\b", re.IGNORECASE),
        _words_of(_TENS, 2),
    ),
    (
        "weekday",
        re.compile(rf"\b(?P<value>{'|'.join(_WEEKDAYS)})\b", re.IGNORECASE),
        _words_of(_WEEKDAYS, 6),
    ),
    ("name", re.compile(rf"(?P<value>{_NAME.pattern})(?!.*{_NAME.pattern})"), _names),
)


# -- in a file -----------------------------------------------------------------------------------

# What may stand between two words of a text in a file that writes it: marks, tags, character
# references.
_GAP = r"(?:<[^<>]{0,300}>|&[#\w]{1,10};|[\W_]){0,40}?"
_ALIKE = 0.8


def edited(raw: str, quote: str, answer: str, alteration: Alteration) -> str | None:
    """Return a file's text with the answer changed where the quote stands; None if it is not found.

    An answer of several words is changed wherever the file says it, so that the file does not
    contradict itself.

    Args:
        raw: The file's text, with its markup.
        quote: The words around the answer, without markup.
        answer: What to change, in the quote's words.
        alteration: How.
    """
    words = re.findall(r"[^\W_]+", answer)
    if not words:
        return None
    pattern = r"(?<![^\W_])(?<!\d[.,:])" + _GAP.join(map(re.escape, words)) + r"(?![^\W_])"
    found = list(re.finditer(pattern, raw, re.IGNORECASE))
    wanted = set(re.findall(r"[^\W_]+", quote.casefold()))
    shares = [_share(raw, match.span(), quote, wanted) for match in found]
    if not found or max(shares) < _ALIKE:
        return None
    place = shares.index(max(shares))
    chosen = found if len(words) > 1 else [found[place]]
    pieces, end = [], 0
    for match in chosen:
        pieces += [raw[end : match.start()], alteration.of(match.group())]
        end = match.end()
    text = "".join([*pieces, raw[end:]])
    return text if text != raw else None


def _share(raw: str, span: tuple[int, int], quote: str, wanted: set[str]) -> float:
    """Return the share of the quote's words that stand around a place."""
    reach = 2 * len(quote) + 80
    around = raw[max(0, span[0] - reach) : span[1] + reach]
    held = set(re.findall(r"[^\W_]+", around.casefold()))
    return len(wanted & held) / len(wanted) if wanted else 0.0
