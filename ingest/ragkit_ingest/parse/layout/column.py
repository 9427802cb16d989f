"""Reading order: columns of prose are read one after the other, tables are not columns.

A gutter is a vertical strip that no line crosses for a stretch of the page, with prose on both
sides. Lines that cross it (a title, a wide figure's caption) and long horizontal rules end the
stretch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median

from ragkit_ingest.parse.layout.page import Rule, Segment
from ragkit_ingest.parse.layout.table import Grid

Item = Segment | Grid
_LINES = 3
_CHARS = 16
_FILL = 0.5
_DEPTH = 6


@dataclass(frozen=True, slots=True)
class _Band:
    left: list[Item]
    right: list[Item]
    top: float
    bottom: float

    @property
    def lines(self) -> int:
        return len(self.left) + len(self.right)


def reading_order(
    items: Sequence[Item], horizontal: Sequence[Rule] = (), depth: int = 0
) -> list[list[Item]]:
    """Return the items as columns, in the order in which a person reads them.

    Args:
        items: Segments and ruled tables of one page.
        horizontal: Horizontal rules of the page.
        depth: How many cuts were made already.
    """
    if not items:
        return []
    band = _best_band(items, horizontal) if depth < _DEPTH else None
    if band is None:
        return [sorted(items, key=lambda item: (-item.top, item.x0))]
    inside = {id(item) for item in (*band.left, *band.right)}
    rest = [item for item in items if id(item) not in inside]
    middle = (band.top + band.bottom) / 2
    above = [item for item in rest if (item.top + item.bottom) / 2 >= middle]
    below = [item for item in rest if (item.top + item.bottom) / 2 < middle]
    parts = (above, band.left, band.right, below)
    return [
        column for part in parts if part for column in reading_order(part, horizontal, depth + 1)
    ]


def _best_band(items: Sequence[Item], horizontal: Sequence[Rule]) -> _Band | None:
    starts = Counter(round(item.x0 / 3) for item in items)
    leftmost = min(item.x0 for item in items)
    best: _Band | None = None
    for bin_, count in starts.most_common(16):
        gutter = bin_ * 3 - 3.0
        if count < _LINES or gutter <= leftmost + 20:
            continue
        for band in _bands(items, horizontal, gutter):
            if (best is None or band.lines > best.lines) and _is_prose(band):
                best = band
    return best


def _bands(items: Sequence[Item], horizontal: Sequence[Rule], gutter: float) -> list[_Band]:
    """Return the stretches of the page in which nothing crosses the gutter."""
    stops = [item.bottom for item in items if item.x0 < gutter - 1 and item.x1 > gutter - 3]
    stops += [rule.at for rule in horizontal if rule.start < gutter - 15 and rule.end > gutter + 15]
    edges = sorted({*stops, float("-inf")}, reverse=True)
    crossing = {id(item) for item in items if item.x0 < gutter - 1 and item.x1 > gutter - 3}
    waiting = sorted(
        (item for item in items if id(item) not in crossing), key=lambda item: -item.top
    )
    bands: list[_Band] = []
    index = 0
    for edge in edges:
        first = index
        while index < len(waiting) and waiting[index].bottom >= edge - 1:
            index += 1
        if index - first >= 2 * _LINES:
            bands.append(_trimmed(waiting[first:index], gutter))
    return bands


def _trimmed(items: Sequence[Item], gutter: float) -> _Band:
    """Return the band without the lines above or below that stand apart on one side only."""
    left = [item for item in items if item.x1 <= gutter]
    right = [item for item in items if item.x1 > gutter]
    if not left or not right:
        return _Band(left, right, 0.0, 0.0)
    top = min(left[0].top, right[0].top)
    bottom = max(left[-1].bottom, right[-1].bottom)
    left, right = _joined(left, top, bottom), _joined(right, top, bottom)
    every = [*left, *right]
    if not every:
        return _Band([], [], 0.0, 0.0)
    return _Band(left, right, max(i.top for i in every), min(i.bottom for i in every))


def _joined(items: Sequence[Item], top: float, bottom: float) -> list[Item]:
    core = [i for i, item in enumerate(items) if item.bottom < top and item.top > bottom]
    if not core:
        return []
    first, last = core[0], core[-1]
    while first > 0 and items[first - 1].bottom - items[first].top < 1.2 * items[first].size:
        first -= 1
    while (
        last + 1 < len(items)
        and items[last].bottom - items[last + 1].top < 1.2 * items[last + 1].size
    ):
        last += 1
    return list(items[first : last + 1])


def _is_prose(band: _Band) -> bool:
    if min(len(band.left), len(band.right)) < _LINES:
        return False
    tall = min(_height(band.left), _height(band.right))
    shared = min(band.left[0].top, band.right[0].top) - max(
        band.left[-1].bottom, band.right[-1].bottom
    )
    return shared >= 0.5 * tall and _reads_as_prose(band.left) and _reads_as_prose(band.right)


def _height(items: Sequence[Item]) -> float:
    return items[0].top - items[-1].bottom


def _reads_as_prose(items: Sequence[Item]) -> bool:
    """Whether most lines are one stretch of text that fills the column's width."""
    lines: dict[int, list[Segment]] = {}
    for item in items:
        if isinstance(item, Segment):
            lines.setdefault(round(item.baseline / 3), []).append(item)
    if len(lines) < _LINES:
        return False
    start = min(segment.x0 for line in lines.values() for segment in line)
    end = max(segment.x1 for line in lines.values() for segment in line)
    whole = [line for line in lines.values() if len(line) == 1]
    if 2 * len(whole) < len(lines):
        return False
    characters = mean(sum(len(word.text) for word in line[0].words) for line in whole)
    filled = median(line[0].x1 - line[0].x0 for line in whole)
    return characters >= _CHARS and filled >= _FILL * (end - start)
