"""After documents were edited: how many answers are the new ones, and how many the old?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ragkit_eval.report.block import Section, arm_head, not_measured, share_cell, table
from ragkit_eval.report.element import Child, Element, h
from ragkit_eval.report.estimate import estimate, ran
from ragkit_eval.report.wording import number

_SHARES = ("fresh", "stale", "other")
_HEADS = ("arm", "edits", "fresh: the new answer", "stale: the old answer", "other")


def freshness_section(report: Mapping[str, Any], timings: Mapping[str, Any]) -> Section:
    """Return the shares of each arm that was asked after edits, and how long it took."""
    arms = [arm for arm in ran(report) if arm.get("freshness")]
    if not arms:
        return not_measured("freshness", "Freshness", "--freshness N")
    rows = [
        h(
            "tr",
            arm_head(arm["name"]),
            h("td", str(arm["freshness"]["edits"]), class_="number"),
            *(share_cell(estimate(arm["freshness"][name])) for name in _SHARES),
        )
        for arm in arms
    ]
    heads: list[Child] = list(_HEADS)
    return Section(
        name="freshness",
        title="Freshness",
        lead="Documents were edited, synced and asked again. Fresh answers hold what the document "
        "says now, stale ones what it said before.",
        body=(
            table("Answers after edits, with 95 % intervals", heads, rows),
            *_seconds(timings.get("freshness")),
        ),
    )


def _seconds(held: object) -> list[Element]:
    """Return the times of the edits: numbers by name, whatever the depth of the names."""
    if not isinstance(held, Mapping):
        return []
    rows = [
        h("tr", h("th", name, scope="row"), h("td", number(value), class_="number"))
        for name, value in _flat(held, ())
    ]
    return [table("Seconds, of this run alone", ["what", "value"], rows)]


def _flat(held: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    for name, value in held.items():
        path = (*above, str(name).replace("_", " "))
        if isinstance(value, Mapping):
            yield from _flat(value, path)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield ", ".join(path), value
