"""Correlation of two series: of their values, and of their ranks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def pearson(
    first: Sequence[float], second: Sequence[float], weights: Sequence[float] | None = None
) -> float | None:
    """Return the linear correlation.

    Args:
        first: A value a case, finite.
        second: Of the same cases.
        weights: How often each case counts, 0 or more; None for once.

    Returns:
        A value in [-1, 1]; None where a series has no two different values.

    Raises:
        ValueError: If the lengths differ.

    Source:
        Pearson, Proceedings of the Royal Society 58, 1895.
    """
    one, other, often = _arrays(first, second, weights)
    total = often.sum()
    if not total:
        return None
    one = one - (often * one).sum() / total
    other = other - (often * other).sum() / total
    spread = float((often * one**2).sum()) * float((often * other**2).sum())
    if spread <= 1e-24:
        return None
    return float(np.clip((often * one * other).sum() / spread**0.5, -1.0, 1.0))


def spearman(
    first: Sequence[float], second: Sequence[float], weights: Sequence[float] | None = None
) -> float | None:
    """Return the correlation of the ranks; equal values share the middle of their ranks.

    The arguments and the range are those of `pearson`.

    Source:
        Spearman, American Journal of Psychology 15(1), 1904.
    """
    one, other, often = _arrays(first, second, weights)
    return pearson(_ranks(one, often).tolist(), _ranks(other, often).tolist(), often.tolist())


_Floats = NDArray[np.float64]


def _arrays(
    first: Sequence[float], second: Sequence[float], weights: Sequence[float] | None
) -> tuple[_Floats, _Floats, _Floats]:
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    often = np.ones(len(one)) if weights is None else np.asarray(weights, np.float64)
    if not len(one) == len(other) == len(often):
        raise ValueError(f"{len(one)}, {len(other)} and {len(often)} values are no pairs")
    return one, other, often


def _ranks(values: _Floats, often: _Floats) -> _Floats:
    """Return the rank that each value has if each case stands there as often as it counts."""
    _, place = np.unique(values, return_inverse=True)
    held = np.bincount(place, often)
    middle: _Floats = np.cumsum(held) - (held - 1) / 2
    return middle[place]
