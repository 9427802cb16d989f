"""All figures of all arms, and all differences, in digits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ragkit_eval.report.block import Section, figure_cell, table
from ragkit_eval.report.element import Child, Element, h
from ragkit_eval.report.estimate import Estimate, of_measure, ran
from ragkit_eval.report.verdict import is_shown
from ragkit_eval.report.wording import (
    MINUS,
    arm_label,
    counted,
    decimal,
    decimal_range,
    label,
    number,
    p_value,
)

_COUNTS = ("prompt_tokens", "completion_tokens", "cost")
_UNANSWERABLE = "unanswerable"
_TESTS = {"mcnemar": "McNemar", "permutation": "permutation"}


def differences_section(report: Mapping[str, Any]) -> Section:
    """Return every declared difference with its interval, its test, and what would be found."""
    held = report["differences"]
    if not held:
        return Section(
            name="differences",
            title="Differences",
            body=(h("p", "No declared pair of arms ran.", class_="none"),),
        )
    heads: list[Child] = [
        *("difference", "by", "value", "Holm p", "shown"),
        *("would be found", "cases"),
    ]
    return Section(
        name="differences",
        title="Differences",
        lead="First minus second with its 95 % interval, paired over the cases that both have a "
        "value for, documents kept together. The pairs were declared before the run; p-values are "
        "adjusted for all of them.",
        body=(table("Declared differences", heads, [*map(_difference, held)]),),
    )


def figures_section(report: Mapping[str, Any]) -> Section:
    """Return a row a measure, a column an arm."""
    arms = ran(report)
    names = list(dict.fromkeys(name for arm in arms for name in arm["figures"]))
    meanings: Mapping[str, str] = report.get("measures") or {}
    rows = [
        h(
            "tr",
            h(
                "th",
                label(name),
                h("small", meanings[name]) if name in meanings else None,
                h("small", "of answerable questions") if _answerable_only(arms, name) else None,
                scope="row",
            ),
            *(_cell(of_measure(arm, name), name) for arm in arms),
        )
        for name in names
    ]
    heads: list[Child] = ["measure", *(h("bdi", arm_label(arm["name"])) for arm in arms)]
    return Section(
        name="figures",
        title="All figures",
        lead="Beneath each value its 95 % interval and of how many cases it is. Where there is no "
        "value, the reason stands in its place; the reasons of cases without one are counted.",
        body=(table("Every measure of every arm", heads, rows, kind="every"),),
    )


def _answerable_only(arms: Sequence[Mapping[str, Any]], name: str) -> bool:
    return any(_UNANSWERABLE in of_measure(arm, name).statuses for arm in arms)


def _difference(one: Mapping[str, Any]) -> Element:
    ends, found = one["ci95"], one["detectable"]
    return h(
        "tr",
        h(
            "th",
            h("bdi", arm_label(one["first"])),
            f" {MINUS} ",
            h("bdi", arm_label(one["second"])),
            scope="row",
        ),
        h("td", label(one["measure"])),
        h(
            "td",
            h("b", signed(one["difference"])),
            h("small", _range(ends) if ends else "no interval"),
            class_="number",
        ),
        h(
            "td",
            p_value(one["p_holm"]).removeprefix("p = ").removeprefix("p "),
            h("small", _TESTS.get(one["test"], one["test"])),
            class_="number",
        ),
        h("td", h("b", "yes") if is_shown(one) else "no", class_="number"),
        h("td", "unknown" if found is None else f"{found:.3f}", class_="number"),
        h(
            "td",
            f"{one['cases']:,}",
            h("small", counted(one["clusters"], "document")),
            class_="number",
        ),
    )


def signed(value: float) -> str:
    """Return a difference with its sign and three digits."""
    return "0.000" if round(value, 3) == 0 else f"{value:+.3f}".replace("-", MINUS)


def _range(ends: tuple[float, float]) -> str:
    return f"{signed(ends[0])} to {signed(ends[1])}"


def _cell(found: Estimate, name: str) -> Element:
    if name in _COUNTS and found.value is not None:
        of = h("small", f"{found.n} of {found.of}")
        return h("td", h("b", number(found.value)), of, class_="number")
    if found.value is None or not found.statuses:
        return figure_cell(found, counted=True)
    reasons = ", ".join(
        f"{count} {why.replace('_', ' ')}"
        for why, count in found.statuses.items()
        if why != _UNANSWERABLE
    )
    ends = (
        None
        if found.low is None or found.high is None
        else h("small", decimal_range(found.low, found.high))
    )
    return h(
        "td",
        h("b", decimal(found.value)),
        ends,
        h("small", f"{found.n} of {found.of}"),
        h("small", reasons) if reasons else None,
        class_="number",
    )
