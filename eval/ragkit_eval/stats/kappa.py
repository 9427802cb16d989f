"""Cohen's kappa: how far two raters agree beyond chance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence


def cohen_kappa(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    weights: Sequence[float] | None = None,
) -> float | None:
    """Return the agreement beyond chance.

    Args:
        first: A rater's category of each case.
        second: The other's, of the same cases.
        weights: How often each case counts, 0 or more; None for once.

    Returns:
        A value in [-1, 1], 0 for what chance gives; None without cases, or if both raters put
        everything into one and the same category, which says nothing.

    Raises:
        ValueError: If the lengths differ.

    Source:
        Cohen, Educational and Psychological Measurement 20(1), 1960.
    """
    often = [1.0] * len(first) if weights is None else weights
    if not len(first) == len(second) == len(often):
        raise ValueError(f"{len(first)}, {len(second)} and {len(often)} ratings are no pairs")
    total = sum(often)
    if total <= 0:
        return None
    mine: defaultdict[Hashable, float] = defaultdict(float)
    theirs: defaultdict[Hashable, float] = defaultdict(float)
    agreed = 0.0
    for one, other, weight in zip(first, second, often, strict=True):
        mine[one] += weight
        theirs[other] += weight
        agreed += weight * (one == other)
    chance = sum(mine[name] * theirs[name] for name in mine) / total**2
    if chance > 1 - 1e-12:
        return None
    return (agreed / total - chance) / (1 - chance)
