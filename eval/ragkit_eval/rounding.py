"""Figures as reports hold them: four digits, and null where there is none."""

from __future__ import annotations


def rounded(value: float | None) -> float | None:
    """Return the value to four digits."""
    return None if value is None else round(value, 4)


def rounded_pair(pair: tuple[float, float] | None) -> list[float] | None:
    """Return an interval, both ends to four digits."""
    return None if pair is None else [round(value, 4) for value in pair]
