"""A figure over cases with its interval, whatever the figure is made of."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ragkit_eval.stats.bootstrap import clustered_ci95

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A figure over cases.

    Attributes:
        value: None if no case has one.
        ci95: Its 95 % interval; None without a value.
    """

    value: float | None
    ci95: tuple[float, float] | None


def scored(
    items: Sequence[_Item],
    sources: Sequence[Hashable],
    statistic: Callable[[Sequence[_Item]], float | None],
    *,
    samples: int = 1000,
) -> Scored:
    """Return a statistic of the items, and its interval by drawing whole sources again.

    Args:
        items: Cases, or pairs of what two systems made of them.
        sources: What each item belongs to, such as its document, in the same order.
        statistic: Of items, of which some may repeat; None where it has no value.
        samples: How often the sources are drawn, 100 or more.
    """

    def drawn(weights: Sequence[float]) -> float | None:
        return statistic(
            [item for item, weight in zip(items, weights, strict=True) for _ in range(int(weight))]
        )

    return Scored(value=statistic(items), ci95=clustered_ci95(drawn, sources, samples=samples))
