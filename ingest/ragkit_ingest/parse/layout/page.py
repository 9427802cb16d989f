"""What a page is before it is read: words and ruled lines, placed in points.

The x axis points right and the y axis up, as in PDF; text that stands upright for the reader
runs along x. `Segment` is the unit of layout: words of one line without a wide gap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

_GAP = 1.0
_WIDE = 1.8
_SUPERSCRIPT = 0.85


@dataclass(frozen=True, slots=True)
class Word:
    """Characters without white space between them.

    Attributes:
        text: One character or more.
        x0: Left edge, in points.
        x1: Right edge.
        baseline: The y on which the characters stand.
        size: Font size in points, as drawn.
        bold: Whether the font is bold.
    """

    text: str
    x0: float
    x1: float
    baseline: float
    size: float
    bold: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight drawn line, or the edge of a drawn box.

    Attributes:
        at: Its x if it is vertical, else its y.
        start: The lower end along the other axis.
        end: The upper end along the other axis.
    """

    at: float
    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PageText:
    """One page as the reader of the file format found it.

    Attributes:
        label: The page's own name; empty if it has none.
        height: Of the page, in points.
        words: In the file's order.
        horizontal: Horizontal rules.
        vertical: Vertical rules.
        turned: Lines that run in another direction than most of the page.
        lost: How many characters could not be read.
    """

    label: str
    height: float
    words: tuple[Word, ...]
    horizontal: tuple[Rule, ...] = ()
    vertical: tuple[Rule, ...] = ()
    turned: tuple[str, ...] = ()
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Segment:
    """Words on one baseline without a wide gap or a ruled line between them."""

    words: tuple[Word, ...]
    x0: float
    x1: float
    baseline: float
    size: float

    @property
    def top(self) -> float:
        """The y of the upper edge of its letters."""
        return self.baseline + 0.75 * self.size

    @property
    def bottom(self) -> float:
        """The y of the lower edge of its letters."""
        return self.baseline - 0.22 * self.size

    @property
    def text(self) -> str:
        """The words, joined by a space unless they touch."""
        parts = [self.words[0].text]
        for left, right in pairwise(self.words):
            touching = right.x0 - left.x1 <= 0.08 * self.size and right.size != left.size
            if not touching and not left.text.endswith("\ufffe"):
                parts.append(" ")
            parts.append(right.text)
        return "".join(parts)

    @property
    def bold(self) -> bool:
        """Whether nearly all its characters are bold."""
        heavy = sum(len(word.text) for word in self.words if word.bold)
        return heavy >= 0.9 * sum(len(word.text) for word in self.words)


def make_segment(words: Sequence[Word]) -> Segment:
    """Return the segment of these words, which share a line, in any order."""
    ordered = tuple(sorted(words, key=lambda word: word.x0))
    main = max(ordered, key=lambda word: (word.size, len(word.text)))
    return Segment(
        words=ordered,
        x0=ordered[0].x0,
        x1=max(word.x1 for word in ordered),
        baseline=main.baseline,
        size=main.size,
    )


def segments(words: Sequence[Word], vertical: Sequence[Rule] = ()) -> list[Segment]:
    """Return the words as segments, from the top of the page to its foot, left to right.

    Args:
        words: In any order.
        vertical: Vertical rules, which words of one segment never straddle.
    """
    found: list[Segment] = []
    for line in _baselines(words):
        line.sort(key=lambda word: word.x0)
        crossed = _crossed(line[0], vertical)
        start = 0
        for index in range(1, len(line)):
            if _parted(line, index, crossed):
                found.append(make_segment(line[start:index]))
                start = index
        found.append(make_segment(line[start:]))
    return found


def _crossed(word: Word, vertical: Sequence[Rule]) -> list[float]:
    """Return the x of the vertical rules that pass through a word's line."""
    y = word.baseline + 0.3 * word.size
    return [rule.at for rule in vertical if rule.start <= y <= rule.end]


def _parted(line: Sequence[Word], index: int, crossed: Sequence[float]) -> bool:
    """Whether a cell or a column ends before the word at the index."""
    left, right = line[index - 1], line[index]
    gap = right.x0 - left.x1
    size = max(left.size, right.size)
    if gap > _WIDE * size or (gap > _GAP * size and not _is_justified(line, index, gap)):
        return True
    return gap > 0 and any(left.x1 - 1 <= at <= right.x0 + 1 for at in crossed)


def _is_justified(line: Sequence[Word], index: int, gap: float) -> bool:
    """Whether a gap is as wide as the ones beside it, as in a stretched line of prose."""
    if not (line[index - 1].text[-1].isalpha() and line[index].text[0].isalpha()):
        return False
    beside = [
        line[place].x0 - line[place - 1].x1
        for place in (index - 1, index + 1)
        if 0 < place < len(line)
    ]
    return any(abs(other - gap) <= 0.05 * line[index].size for other in beside)


def _baselines(words: Sequence[Word]) -> list[list[Word]]:
    """Group words into lines; raised and lowered small words join the line they touch."""
    if not words:
        return []
    usual = median(word.size for word in words)
    large = [word for word in words if word.size >= _SUPERSCRIPT * usual]
    small = [word for word in words if word.size < _SUPERSCRIPT * usual]
    lines = _stack(large)
    alone = [word for word in small if not _attach(word, lines)]
    lines += _stack(alone)
    lines.sort(key=lambda line: -line[0].baseline)
    return lines


def _stack(words: Sequence[Word]) -> list[list[Word]]:
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda word: -word.baseline):
        if lines and lines[-1][0].baseline - word.baseline <= 0.25 * word.size:
            lines[-1].append(word)
        else:
            lines.append([word])
    return lines


def _attach(word: Word, lines: list[list[Word]]) -> bool:
    for line in lines:
        size = line[0].size
        rise = word.baseline - line[0].baseline
        if not -0.35 * size <= rise <= 0.6 * size or word.size > _SUPERSCRIPT * size:
            continue
        if any(-0.1 * size <= word.x0 - other.x1 <= 0.35 * size for other in line):
            line.append(word)
            return True
    return False
