"""Risk and coverage: if only the surest answers were given, how many would be wrong?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby


def curve(confidence: Sequence[float], right: Sequence[bool]) -> list[tuple[float, float]]:
    """Return (coverage, risk) for each number of answers given, the surest first.

    Among answers of the same confidence any order is as good as another, so that the risk is the
    mean over all orders.

    Args:
        confidence: One an answer; higher is surer.
        right: Whether it is right, in the same order.

    Returns:
        As many pairs as answers: coverage in (0, 1], risk (the share of wrong ones) in [0, 1].

    Raises:
        ValueError: If the lengths differ.
    """
    if len(confidence) != len(right):
        raise ValueError(f"there are {len(confidence)} confidences and {len(right)} answers")
    ranked = sorted(zip(confidence, right, strict=True), key=lambda pair: -pair[0])
    points: list[tuple[float, float]] = []
    wrong = 0.0
    for _, group in groupby(ranked, key=lambda pair: pair[0]):
        tied = [not is_right for _, is_right in group]
        share = sum(tied) / len(tied)
        for _ in tied:
            wrong += share
            count = len(points) + 1
            points.append((count / len(ranked), min(1.0, wrong / count)))
    return points


def aurc(confidence: Sequence[float], right: Sequence[bool]) -> float | None:
    """Return the area under the risk-coverage curve: the mean risk over all coverages.

    Returns:
        A value in [0, 1], lower is better; the overall share of wrong answers where the
        confidence knows nothing. None without answers.

    Source:
        Geifman and El-Yaniv, NeurIPS 2017 (risk and coverage); Geifman, Uziel and El-Yaniv, ICLR
        2019 (the area, as a mean over the samples).
    """
    points = curve(confidence, right)
    return sum(risk for _, risk in points) / len(points) if points else None


def coverage_at_precision(
    confidence: Sequence[float], right: Sequence[bool], *, precision: float = 0.95
) -> float | None:
    """Return the largest share of answers that can be given with this precision.

    A threshold gives all answers of the same confidence or none of them.

    Args:
        confidence: One an answer; higher is surer.
        right: Whether it is right, in the same order.
        precision: Least share of right ones among those given, in [0, 1].

    Returns:
        A value in [0, 1]; 0 if not even the surest reach it; None without answers.

    Source:
        Geifman and El-Yaniv, NeurIPS 2017: coverage at a guaranteed risk, here as observed.
    """
    if not 0.0 <= precision <= 1.0:
        raise ValueError(f"precision must be between 0 and 1, not {precision}")
    points = curve(confidence, right)
    if not points:
        return None
    ranked = sorted(confidence, reverse=True)
    ends = [
        place
        for place, value in enumerate(ranked)
        if place + 1 == len(ranked) or ranked[place + 1] != value
    ]
    return max(
        (points[at][0] for at in ends if points[at][1] <= 1 - precision + 1e-12), default=0.0
    )
