"""The same questions in other wordings: how much is lost?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragkit_eval.report.block import Section, arm_head, missing, not_measured, share_cell, table
from ragkit_eval.report.element import Child, Element, h
from ragkit_eval.report.estimate import Estimate, estimate, ran
from ragkit_eval.report.wording import percent, points_range, signed_points

_STEPS = (0.02, 0.05, 0.1, 0.2, 0.4)
"""Where the shades of the map begin, in shares lost."""


def robustness_section(report: Mapping[str, Any]) -> Section:
    """Return the heat map: a row an arm, a column a wording."""
    arms = [arm for arm in ran(report) if arm.get("robustness")]
    if not arms:
        return not_measured("robustness", "Robustness to wording", "--robustness N")
    names = list(dict.fromkeys(name for arm in arms for name in arm["robustness"]))
    wordings = [name for name in names if name != "plain"]
    rows = [
        h(
            "tr",
            arm_head(arm["name"]),
            share_cell(estimate(arm["robustness"].get("plain"))),
            *(_cell(arm["robustness"].get(name)) for name in wordings),
        )
        for arm in arms
    ]
    heads: list[Child] = ["arm", "plain", *(name.replace("_", " ") for name in wordings)]
    return Section(
        name="robustness",
        title="Robustness to wording",
        lead="Share handled rightly when the same questions are asked in other wordings, and the "
        "change to the plain ones in points, with its 95 % interval. The darker, the more is lost.",
        body=(table("What other wordings cost", heads, rows, kind="heat"),),
    )


def _cell(held: Mapping[str, Any] | None) -> Element:
    if held is None:
        return h("td", h("span", "not asked", class_="none"), class_="number")
    value, drop = estimate(held["value"]), estimate(held["drop"])
    if value.value is None:
        return h("td", missing(value), class_="number")
    if drop.value is None:
        return h("td", h("b", percent(value.value)), h("small", missing(drop)), class_="number")
    return h(
        "td",
        h("b", percent(value.value)),
        h("small", signed_points(-drop.value)),
        h("small", _inside(drop)),
        class_=f"number loss{shade(drop.value)}",
    )


def shade(drop: float) -> int:
    """Return how dark a loss is shown: 0 (none) to 5."""
    return sum(drop >= step for step in _STEPS)


def _inside(drop: Estimate) -> str:
    """Return the interval of a loss as that of a change: with the other sign."""
    if drop.low is None or drop.high is None:
        return "no interval"
    return points_range(-drop.high, -drop.low, signed=True)
