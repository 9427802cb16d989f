"""Figures of a report, read back: a value with its interval, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure as it stands in report.json.

    Attributes:
        value: In the unit of its measure; None if there is no figure.
        low: Lower end of its 95 % interval; None if there is none.
        high: Upper end; None if and only if `low` is.
        n: How many cases have a value.
        of: How many cases the arm answered.
        status: Why there is no figure.
        statuses: Why cases have no value, and how many each.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    of: int
    status: str
    statuses: Mapping[str, int]


NO_FIGURE = Estimate(value=None, low=None, high=None, n=0, of=0, status="not_measured", statuses={})
"""What stands where a report has nothing."""


def estimate(figure: Mapping[str, Any] | None) -> Estimate:
    """Return a figure of a report's JSON; of None, `NO_FIGURE`."""
    if figure is None:
        return NO_FIGURE
    low, high = figure["ci95"] or (None, None)
    return Estimate(
        value=figure["value"],
        low=low,
        high=high,
        n=figure["n"],
        of=figure["of"],
        status=figure["status"],
        statuses=figure["statuses"],
    )


def ran(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the arms that ran, in the order of the report."""
    return [arm for arm in report["arms"] if arm["status"] == "run"]


def training_seeds(report: Mapping[str, Any]) -> list[int]:
    """Return the seeds that an experiment trained models with: numbers, or objects with one."""
    return [one["seed"] if isinstance(one, Mapping) else one for one in report.get("seeds") or ()]


def of_measure(arm: Mapping[str, Any], name: str) -> Estimate:
    """Return an arm's figure by a measure."""
    return estimate(arm["figures"].get(name))
