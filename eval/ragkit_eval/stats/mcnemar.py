"""McNemar's exact test: two arms, right or wrong on the same cases."""

from __future__ import annotations

from math import comb


def mcnemar_p_value(gained: int, lost: int) -> float:
    """Return how likely a split as uneven as this is if the arms do not differ.

    Args:
        gained: Cases that only the first arm has right, 0 or more.
        lost: Cases that only the second has right.

    Returns:
        The exact two-sided p-value in (0, 1]; 1 where the arms never differ.

    Source:
        McNemar, Psychometrika 12(2), 1947, as the exact binomial test of the discordant pairs.
    """
    if gained < 0 or lost < 0:
        raise ValueError(f"counts are 0 or more, not {gained} and {lost}")
    differing, fewer = gained + lost, min(gained, lost)
    tail = sum(comb(differing, count) for count in range(fewer + 1))
    return min(1.0, float(2 * tail / 2**differing))
