"""What answers take: time, tokens, cost, and whether the same question gets the same answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Milliseconds of an answer: the median, and what 95 in 100 stay within."""

    p50: float
    p95: float


def latency(milliseconds: Sequence[float]) -> Latency | None:
    """Return the median and the 95th percentile by nearest rank; None without answers."""
    if not milliseconds:
        return None
    ranked = sorted(milliseconds)
    return Latency(
        p50=ranked[ceil(0.5 * len(ranked)) - 1], p95=ranked[ceil(0.95 * len(ranked)) - 1]
    )


def total_cost(costs: Sequence[float | None]) -> float | None:
    """Return the sum of the costs; None if one is unknown, so that no bill is shown too low."""
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) and known else None


def determinism(answers: Sequence[Sequence[str]]) -> float | None:
    """Return the share of repeated questions whose answers are all the same text.

    Args:
        answers: For each question the answers it got, white space aside; those asked once do
            not count.

    Returns:
        A value in [0, 1]; None if no question was repeated.
    """
    repeated = [{" ".join(text.split()) for text in texts} for texts in answers if len(texts) > 1]
    return sum(len(texts) == 1 for texts in repeated) / len(repeated) if repeated else None
