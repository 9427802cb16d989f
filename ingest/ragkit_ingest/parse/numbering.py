"""The numbers that Word shows before paragraphs, which are not part of a file's text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_PLACE = re.compile(r"%([1-9])")
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
    (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Level:
    format: str
    text: str
    start: int


@dataclass(slots=True)
class Numbering:
    """Counts the numbered paragraphs of one document, in order.

    Attributes:
        levels: By numbering id, then by depth counted from 0.
        lists: The list that a numbering id belongs to; ids of one list count on together.
    """

    levels: dict[str, dict[int, _Level]] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)
    _counts: dict[str, dict[int, int]] = field(default_factory=dict)

    def next_label(self, number_id: str, depth: int) -> str:
        """Return the label of the next paragraph, such as "4.2" or "(a)"; empty for a bullet."""
        levels = self.levels.get(number_id, {})
        level = levels.get(depth)
        if level is None:
            return ""
        counts = self._counts.setdefault(self.lists[number_id], {})
        for deeper in [key for key in counts if key > depth]:
            del counts[deeper]
        counts[depth] = counts.get(depth, level.start - 1) + 1
        if level.format in {"bullet", "none"}:
            return ""

        def shown(match: re.Match[str]) -> str:
            place = int(match.group(1)) - 1
            other = levels.get(place, level)
            return _number(counts.get(place, other.start), other.format)

        return _PLACE.sub(shown, level.text).strip()


def read_numbering(root: Any) -> Numbering:
    """Return the numbering of a document.

    Args:
        root: The lxml root of `numbering.xml`, or None if the document has none.
    """
    numbering = Numbering()
    if root is None:
        return numbering
    abstract = {
        item.get(f"{_W}abstractNumId"): {
            int(level.get(f"{_W}ilvl") or 0): _level(level) for level in item.iter(f"{_W}lvl")
        }
        for item in root.iter(f"{_W}abstractNum")
    }
    for number in root.iter(f"{_W}num"):
        name = number.get(f"{_W}numId") or ""
        link = number.find(f"{_W}abstractNumId")
        target = link.get(f"{_W}val") if link is not None else ""
        levels = dict(abstract.get(target, {}))
        restarted = _override(number, levels)
        numbering.levels[name] = levels
        numbering.lists[name] = f"num {name}" if restarted else f"abstract {target}"
    return numbering


def _override(number: Any, levels: dict[int, _Level]) -> bool:
    """Apply a numbering's own levels; whether it starts to count anew."""
    restarted = False
    for override in number.iter(f"{_W}lvlOverride"):
        depth = int(override.get(f"{_W}ilvl") or 0)
        own, start = override.find(f"{_W}lvl"), override.find(f"{_W}startOverride")
        if own is not None:
            levels[depth] = _level(own)
        if start is not None and depth in levels:
            level = levels[depth]
            levels[depth] = _Level(level.format, level.text, int(start.get(f"{_W}val") or 1))
            restarted = True
    return restarted


def _level(element: Any) -> _Level:
    def value(tag: str, default: str) -> str:
        found = element.find(f"{_W}{tag}")
        return default if found is None else found.get(f"{_W}val") or default

    start = value("start", "1")
    return _Level(
        value("numFmt", "decimal"), value("lvlText", ""), int(start) if start.isdecimal() else 1
    )


def _number(count: int, format: str) -> str:
    if format in {"lowerLetter", "upperLetter"}:
        letter = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 + 1)
        return letter if format == "lowerLetter" else letter.upper()
    if format in {"lowerRoman", "upperRoman"}:
        roman = _roman(count)
        return roman if format == "lowerRoman" else roman.upper()
    return f"{count:02d}" if format == "decimalZero" else str(count)


def _roman(count: int) -> str:
    text = ""
    for value, letters in _ROMAN:
        while 0 < value <= count < 4000:
            text += letters
            count -= value
    return text or str(count)
