"""Logistic regression with a ridge, fitted by Newton's method: small, exact and the same each time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

_STEPS = 100
_TOLERANCE = 1e-10


def fit_logistic(
    features: ArrayLike,
    targets: Sequence[float],
    *,
    weights: Sequence[float] | None = None,
    ridge: float,
) -> tuple[float, NDArray[np.float64]]:
    """Return the intercept and the weights of a logistic model.

    What is smallest at them: the weighted log loss plus `ridge` / 2 times the sum of the squared
    weights. The intercept is not shrunk.

    Args:
        features: Of shape (cases, features); of one scale, since the ridge treats them alike.
        targets: In [0, 1], one a case.
        weights: How much each case counts, 0 or more; by default 1.
        ridge: Above 0.

    Returns:
        The intercept, and an array of shape (features,).

    Raises:
        ValueError: If the shapes differ, or ridge is not above 0.

    Source:
        le Cessie and van Houwelingen, Applied Statistics 41(1), 1992.
    """
    given = np.asarray(features, np.float64)
    wanted = np.asarray(targets, np.float64)
    counts = np.ones(len(wanted)) if weights is None else np.asarray(weights, np.float64)
    if given.ndim != 2 or not len(given) == len(wanted) == len(counts):
        raise ValueError(
            f"features of shape {given.shape}, {len(wanted)} targets and {len(counts)} weights "
            "do not go together"
        )
    if not ridge > 0:
        raise ValueError(f"ridge must be above 0, not {ridge}")
    design = np.hstack([np.ones((len(given), 1)), given])
    shrink = np.full(design.shape[1], float(ridge))
    shrink[0] = 1e-9  # so that targets of one kind alone have a solution too
    found = np.zeros(design.shape[1])
    loss = _loss(design, wanted, counts, shrink, found)
    for _ in range(_STEPS):
        margin = design @ found
        chance = 0.5 * (1 + np.tanh(0.5 * margin))
        slope = design.T @ (counts * (chance - wanted)) + shrink * found
        bend = (design.T * (counts * chance * (1 - chance))) @ design + np.diag(shrink)
        step = np.linalg.solve(bend, slope)
        size = 1.0
        while (tried := _loss(design, wanted, counts, shrink, found - size * step)) > loss:
            size /= 2
            if size < 1e-6:
                return float(found[0]), found[1:]
        found = found - size * step
        if loss - tried <= _TOLERANCE * (1 + abs(loss)):
            break
        loss = tried
    return float(found[0]), found[1:]


def _loss(
    design: NDArray[np.float64],
    wanted: NDArray[np.float64],
    counts: NDArray[np.float64],
    shrink: NDArray[np.float64],
    found: NDArray[np.float64],
) -> float:
    margin = design @ found
    each = np.logaddexp(0.0, margin) - wanted * margin
    return float(counts @ each + 0.5 * (shrink * found) @ found)
