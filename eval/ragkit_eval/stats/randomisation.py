"""The paired randomisation test: could the difference of two runs be chance?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_AT_ONCE = 1000
_EXACT_UP_TO = 14


def paired_p_value(
    first: Sequence[float], second: Sequence[float], *, samples: int = 10_000, seed: int = 0
) -> float:
    """Return how often a difference of the means this large arises if the two do not differ.

    Under that hypothesis each pair may be swapped. All ways to swap are tried where they are few,
    else `samples` of them at random; then the observed one is counted as well, so that the
    p-value is never 0.

    Args:
        first: One value a case.
        second: The other run's values of the same cases, in the same order.
        samples: How many ways to swap are tried, 100 or more.
        seed: The same seed gives the same p-value.

    Returns:
        The two-sided p-value in (0, 1]; 1 without any difference.

    Raises:
        ValueError: If the runs have different numbers of cases.

    Source:
        Fisher, "The Design of Experiments", 1935; Smucker, Allan and Carterette, CIKM 2007, who
        recommend it for comparing retrieval systems; Phipson and Smyth, 2010 (never 0).
    """
    if len(first) != len(second):
        raise ValueError(f"the runs have {len(first)} and {len(second)} cases; pair them first")
    if samples < 100:
        raise ValueError(f"samples must be 100 or more, not {samples}")
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    differences = differences[differences != 0.0]
    if not len(differences):
        return 1.0
    observed = abs(differences.sum())
    bound = observed - 1e-9 * np.abs(differences).sum()  # sums in another order round differently
    if len(differences) <= _EXACT_UP_TO:
        ways = np.arange(2 ** len(differences))[:, None] >> np.arange(len(differences)) & 1
        return float((np.abs((1 - 2 * ways) @ differences) >= bound).mean())
    random = np.random.default_rng(seed)
    extreme = 0
    for start in range(0, samples, _AT_ONCE):
        shape = (min(_AT_ONCE, samples - start), len(differences))
        signs = 1 - 2 * random.integers(0, 2, shape, dtype=np.int8)
        extreme += int((np.abs(signs @ differences) >= bound).sum())
    return (extreme + 1) / (samples + 1)
