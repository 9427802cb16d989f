"""What the answers took: tokens, cost, time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragkit_eval.report.block import Section, arm_head, missing, table
from ragkit_eval.report.element import Child, Element, h
from ragkit_eval.report.estimate import Estimate, of_measure, ran
from ragkit_eval.report.wording import milliseconds, number, percent

_SUMS = ("prompt_tokens", "completion_tokens", "cost")


def spent_section(report: Mapping[str, Any], timings: Mapping[str, Any]) -> Section:
    """Return a row an arm: sums over all its cases, and the time of an answer if it is known."""
    times: Mapping[str, Any] = timings.get("latency_ms") or {}
    rows = [
        h(
            "tr",
            arm_head(arm["name"], f"{arm['answers']} answers"),
            *(_sum(of_measure(arm, name)) for name in _SUMS),
            _same(of_measure(arm, "determinism")),
            *(_time(times.get(arm["name"]), place) for place in ("p50", "p95")),
        )
        for arm in ran(report)
    ]
    heads: list[Child] = [
        *("arm", "prompt tokens", "written tokens", "cost"),
        *("same when asked again", "time p50", "time p95"),
    ]
    seconds = timings.get("seconds")
    took = (
        [h("p", f"The whole run took {seconds:,.1f} s{_cached(timings)}.", class_="note")]
        if isinstance(seconds, int | float)
        else []
    )
    return Section(
        name="cost",
        title="Cost and time",
        lead="Tokens and cost are sums over all answers; cost is in the currency of the configured "
        "prices. Times are of one answer, as it was first given, on the machine of the run.",
        body=(table("What the answers took", heads, rows), *took),
    )


def _cached(timings: Mapping[str, Any]) -> str:
    kept, answers = timings.get("from_cache"), timings.get("answers")
    return f"; {kept} of {answers} answers were kept from before" if kept and answers else ""


def _sum(found: Estimate) -> Element:
    if found.value is None:
        return h("td", missing(found), class_="number")
    return h("td", number(found.value), class_="number")


def _same(found: Estimate) -> Element:
    if found.value is None:
        return h("td", missing(found), class_="number")
    return h("td", percent(found.value), class_="number")


def _time(stages: Mapping[str, Any] | None, place: str) -> Element:
    held = (stages or {}).get("total")
    if held is None:
        return h("td", h("span", "not timed", class_="none"), class_="number")
    return h("td", milliseconds(held[place]), class_="number")
