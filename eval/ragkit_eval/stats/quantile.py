"""Quantiles of the normal and of Student's distribution."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist


@lru_cache(maxsize=1000)
def student(probability: float, degrees: int) -> float:
    """Return the quantile of Student's t distribution, to 1e-6 or better.

    Args:
        probability: In [.5, 1).
        degrees: Degrees of freedom, 1 or more.

    Source:
        The distribution function by Simpson's rule over x = tan(angle) * sqrt(degrees), where the
        density becomes cos(angle) to the power of degrees - 1; then bisection.
    """
    if not 0.5 <= probability < 1 or degrees < 1:
        raise ValueError(f"there is no quantile {probability} of {degrees} degrees of freedom")
    constant = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2))
    constant /= math.sqrt(math.pi)
    low, high = 0.0, math.pi / 2
    for _ in range(50):
        middle = (low + high) / 2
        if 0.5 + constant * _integral(middle, degrees) < probability:
            low = middle
        else:
            high = middle
    return math.tan((low + high) / 2) * math.sqrt(degrees)


def normal(probability: float) -> float:
    """Return the quantile of the standard normal distribution."""
    return NormalDist().inv_cdf(probability)


def _integral(end: float, degrees: int) -> float:
    steps = 200
    width = end / steps
    total = 1.0 + max(0.0, math.cos(end)) ** (degrees - 1)
    for index in range(1, steps):
        total += (4 if index % 2 else 2) * math.cos(index * width) ** (degrees - 1)
    return total * width / 3
