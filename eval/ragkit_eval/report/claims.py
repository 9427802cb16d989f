"""What an experiment claimed before it ran, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragkit_eval.report.block import Section, table
from ragkit_eval.report.element import Element, h
from ragkit_eval.report.wording import points_range


def claims_sections(report: Mapping[str, Any]) -> list[Section]:
    """Return a section of the claims of an experiment; none where there are none."""
    held = report.get("claims") or []
    if not held:
        return []
    heads = ["claim", "what came of it", "margin in points"]
    return [
        Section(
            name="claims",
            title="What was claimed before the run",
            lead="A claim holds if the whole 95 % interval of its margin is 0 or more; it is "
            "uncertain if the margin is, but not all of its interval.",
            body=(table("Claims", heads, [*map(_claim, held)], kind="claims"),),
        )
    ]


def _claim(one: Mapping[str, Any]) -> Element:
    ends = one.get("margin_ci95")
    return h(
        "tr",
        h("th", h("bdi", one["says"]), scope="row"),
        h("td", one["verdict"], class_="number"),
        h("td", points_range(*ends, signed=True) if ends else "no interval", class_="number"),
    )
