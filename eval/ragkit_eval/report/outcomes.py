"""How often each arm was right, withheld its answer, was wrong, or failed, as stacked bars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragkit_eval.report.block import Section, arm_head
from ragkit_eval.report.element import Element, h
from ragkit_eval.report.estimate import ran
from ragkit_eval.report.wording import OUTCOME_LABELS, OUTCOMES, percent

_HEIGHT = 26
_ROOM = 0.07
"""Share of the bar that a number needs to stand inside its piece."""
_NARROW_ROOM = 0.36
"""The same on a phone."""


def outcomes_section(report: Mapping[str, Any]) -> Section:
    """Return the bars of questions with an answer, and of those without."""
    arms = ran(report)
    with_answer = {arm["name"]: arm["outcomes_answerable"] for arm in arms}
    without = {
        arm["name"]: {
            name: arm["outcomes"][name] - arm["outcomes_answerable"][name] for name in OUTCOMES
        }
        for arm in arms
    }
    named = [name for name in OUTCOMES if any(arm["outcomes"][name] for arm in arms)]
    return Section(
        name="outcomes",
        title="Right, withheld, wrong",
        lead="A wrong answer costs more than a withheld one. Where the documents hold no answer, "
        "withholding is right.",
        body=(
            _bars("Questions that the documents answer", with_answer, named),
            _bars("Questions that they do not answer", without, named),
        ),
    )


def patterns() -> Element:
    """Return the hatchings that the bars refer to; once a page."""
    hatchings = [
        h(
            "pattern",
            h("rect", width=size, height=size, class_=f"{name}-ground"),
            h("path", d=path, class_=f"{name}-line"),
            id=f"hatch-{name}",
            width=size,
            height=size,
            patternUnits="userSpaceOnUse",
        )
        for name, size, path in (
            ("wrong", 6, "M-1 7L7 -1M-1 1L1 -1M5 7L7 5"),
            ("failed", 6, "M0 0L6 6M6 0L0 6"),
        )
    ]
    return h("svg", h("defs", *hatchings), width=0, height=0, aria_hidden="true", class_="defs")


def _bars(caption: str, counts: Mapping[str, Mapping[str, int]], named: list[str]) -> Element:
    shown = {name: came for name, came in counts.items() if sum(came.values())}
    if not shown:
        return h("p", f"{caption}: none were asked.", class_="none")
    heads = [
        h("th", h("span", _swatch(name), OUTCOME_LABELS[name]), scope="col", class_="number")
        for name in named
    ]
    return h(
        "table",
        h("caption", caption),
        h(
            "thead",
            h(
                "tr",
                h("th", "arm", scope="col"),
                h("th", "share of its cases", scope="col", class_="plot"),
                *heads,
            ),
        ),
        h("tbody", *(_row(name, came, named) for name, came in shown.items())),
        class_="bars",
    )


def _row(arm: str, came: Mapping[str, int], named: list[str]) -> Element:
    total = sum(came.values())
    pieces: list[Element] = []
    at = 0.0
    for name in named:
        share = came[name] / total
        if share:
            pieces += _piece(name, at, share)
        at += share
    drawn = h("svg", *pieces, aria_hidden="true", height=_HEIGHT, width="100%", class_="cell")
    return h(
        "tr",
        arm_head(arm, f"{total} cases"),
        h("td", drawn, class_="plot"),
        *(h("td", str(came[name]), class_="number") for name in named),
    )


def _piece(name: str, at: float, share: float) -> list[Element]:
    rect = h(
        "rect",
        x=f"{at * 100:.2f}%",
        width=f"{share * 100:.2f}%",
        y=3,
        height=_HEIGHT - 6,
        class_=f"piece {name}",
    )
    if share < _ROOM or name == "failed":
        return [rect]
    kind = f"in-{name}{' wide' if share < _NARROW_ROOM else ''}"
    middle = f"{(at + share / 2) * 100:.2f}%"
    return [
        rect,
        h("text", percent(share), x=middle, y=17, text_anchor="middle", class_=kind),
    ]


def _swatch(name: str) -> Element:
    box = h("rect", width=12, height=12, class_=f"piece {name}")
    return h("svg", box, width=12, height=12, aria_hidden="true", class_="swatch")
