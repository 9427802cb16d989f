"""A scale from values to places in a drawing, and labels that do not lie on one another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LETTER = 7.4
"""Width of a letter in labels, in pixels of the drawing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """From a range of values to a range of places; either may run downwards.

    Attributes:
        low: A value.
        high: Another value, not the same.
        start: The place of `low`, in pixels of the drawing.
        end: The place of `high`.
    """

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Return the place of a value; values outside lie on the border."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle of a drawing, in pixels."""

    x: float
    y: float
    width: float
    height: float

    def overlap(self, other: Box) -> float:
        """Return the area that two rectangles share, 0 or more."""
        wide = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        high = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return max(0.0, wide) * max(0.0, high)


def ceiling(value: float) -> float:
    """Return the least of .1, .2, .5 and 1 that is not below a share."""
    return next((step for step in (0.1, 0.2, 0.5) if value <= step), 1.0)


def labelled(
    points: Sequence[tuple[float, float]],
    texts: Sequence[str],
    inside: Box,
    lines: Sequence[Box] = (),
) -> list[Box]:
    """Return where the labels of points may stand: near them, and on nothing if there is room.

    Args:
        points: Their places, one a text.
        texts: What they are called.
        inside: Where labels must lie.
        lines: What else they should not cover.

    Returns:
        A box for each text, in order.
    """
    taken = [Box(x=x - 6, y=y - 6, width=12, height=12) for x, y in points] + [*lines]
    found: list[Box] = []
    for (x, y), text in zip(points, texts, strict=True):
        width = LETTER * len(text) + 2
        best = min(_around(x, y, width, inside), key=lambda box: _cost(box, x, y, taken))
        taken.append(best)
        found.append(best)
    return found


def stacked(places: Sequence[float], step: float, low: float, high: float) -> list[float]:
    """Return places moved apart to a distance of `step` at least, in their order.

    Args:
        places: Where labels would like to stand.
        step: Least distance.
        low: Least place of the first.
        high: Greatest place of the last, which gives way if there is no room.
    """
    order = sorted(range(len(places)), key=lambda at: places[at])
    moved = [0.0] * len(places)
    least = low
    for at in order:
        moved[at] = least = max(least, places[at])
        least += step
    most = max(high, low + step * (len(places) - 1))
    for at in reversed(order):
        moved[at] = most = min(most, moved[at])
        most -= step
    return moved


def _around(x: float, y: float, width: float, inside: Box) -> list[Box]:
    height = 15.0
    boxes = []
    for radius in (10.0, 20.0, 34.0, 50.0, 68.0):
        for turn in range(12):
            angle = turn * math.pi / 6
            across, down = math.cos(angle), math.sin(angle)
            left = x + radius * across - width * (1 - across) / 2
            top = y + radius * down - height / 2
            boxes.append(
                Box(
                    x=min(max(left, inside.x), inside.x + inside.width - width),
                    y=min(max(top, inside.y), inside.y + inside.height - height),
                    width=width,
                    height=height,
                )
            )
    return boxes


def _cost(box: Box, x: float, y: float, taken: Sequence[Box]) -> float:
    """Return how bad a place is: what it covers counts most, then how far it is."""
    near_x = min(max(x, box.x), box.x + box.width)
    near_y = min(max(y, box.y), box.y + box.height)
    return 100 * sum(box.overlap(other) for other in taken) + math.hypot(near_x - x, near_y - y)
