"""A share of a whole, and how far it can be trusted."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_Z_95 = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many of a number of independent trials succeeded.

    Attributes:
        hits: The successes, 0 to `of`.
        of: The trials, 0 or more.
    """

    hits: int
    of: int

    def __post_init__(self) -> None:
        if not 0 <= self.hits <= self.of:
            raise ValueError(f"a share needs 0 <= hits <= of, not {self.hits} of {self.of}")

    @classmethod
    def among(cls, outcomes: Iterable[bool]) -> Share:
        """Return the share of the outcomes that are true."""
        held = list(outcomes)
        return cls(hits=sum(held), of=len(held))

    @property
    def value(self) -> float | None:
        """The share, in [0, 1]; None if there were no trials."""
        return self.hits / self.of if self.of else None

    @property
    def ci95(self) -> tuple[float, float] | None:
        """The 95 % interval, two values in [0, 1] around `value`; None if there were no trials.

        Source:
            Wilson, Journal of the American Statistical Association 22(158), 1927: the score
            interval, without correction for continuity.
        """
        if not self.of:
            return None
        share, n, z = self.hits / self.of, self.of, _Z_95
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        reach = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        low = 0.0 if self.hits == 0 else middle - reach
        high = 1.0 if self.hits == self.of else middle + reach
        return low, high
