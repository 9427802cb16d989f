"""Holm's step-down adjustment for several tests at once."""

from __future__ import annotations

from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the adjusted p-values, in the order given.

    Rejecting where an adjusted value is at most alpha keeps the chance of even one false
    rejection at alpha or below, whatever the tests have to do with each other.

    Args:
        p_values: Each in [0, 1].

    Returns:
        Each in [0, 1] and not below its own p-value.

    Source:
        Holm, Scandinavian Journal of Statistics 6(2), 1979.
    """
    if any(not 0.0 <= value <= 1.0 for value in p_values):
        raise ValueError(f"p-values are between 0 and 1, not {list(p_values)}")
    adjusted = [0.0] * len(p_values)
    reached = 0.0
    for step, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        reached = max(reached, min(1.0, (len(p_values) - step) * p_values[place]))
        adjusted[place] = reached
    return adjusted
