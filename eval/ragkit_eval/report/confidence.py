"""Risk and coverage: if only the surest answers were given, how many would be wrong?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ragkit_eval.report.block import Section, arm_head, figure_cell, table
from ragkit_eval.report.drawing import figure, grid
from ragkit_eval.report.element import Element, h
from ragkit_eval.report.estimate import of_measure, ran
from ragkit_eval.report.scale import LETTER, Scale, ceiling, stacked
from ragkit_eval.report.wording import arm_label, percent

_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_STEPS = {0.1: 0.02, 0.2: 0.05, 0.5: 0.1, 1.0: 0.25}
"""Between the lines of a scale that ends there."""
_Curve = Sequence[Sequence[float]]
LEAST_ANSWERS = 5
"""A line begins there: the risk of fewer answers is noise."""


def confidence_section(report: Mapping[str, Any]) -> Section:
    """Return the curve of each arm that says how sure it is."""
    title = "When only the surest answers are given"
    arms = [arm for arm in ran(report) if arm.get("risk_coverage")]
    if not arms:
        return Section(
            name="confidence",
            title=title,
            body=(h("p", "No arm that ran says how sure it is.", class_="none"),),
        )
    curves = {arm["name"]: _steady(arm) for arm in arms}
    rows = [
        h(
            "tr",
            arm_head(arm["name"]),
            h("td", _sample(number), class_="number"),
            figure_cell(of_measure(arm, "aurc"), counted=True),
            figure_cell(of_measure(arm, "coverage@95")),
            figure_cell(of_measure(arm, "ece")),
        )
        for number, arm in enumerate(arms)
    ]
    heads = ["arm", "line", "AURC (less is better)", "coverage at 95 % precision", "ECE"]
    return Section(
        name="confidence",
        title=title,
        lead="From left to right more answers are given, the surest first; the line is the share "
        "of them that is wrong. Answers withheld are not counted. A flat line means that the "
        f"confidence says nothing. Lines begin at {LEAST_ANSWERS} answers.",
        body=(_curves(curves), table("Area, coverage, calibration", heads, rows)),
    )


def _curves(curves: Mapping[str, _Curve]) -> Element:
    most = ceiling(max(risk for curve in curves.values() for _, risk in curve))
    description = ". ".join(
        f"{arm_label(name)}: {percent(curve[-1][1])} wrong when all are given, "
        f"{percent(_at(curve, 0.5))} when the surest half is"
        for name, curve in curves.items()
    )

    def draw(width: int) -> tuple[int, list[Element]]:
        height = 340 if width > 400 else 300
        names = [arm_label(name) for name in curves]
        room = LETTER * max(map(len, names)) + 14 if width > 400 else 12
        x = Scale(low=0, high=1, start=44, end=width - min(room, 200))
        y = Scale(low=0, high=most, start=height - 44, end=24)
        steps = round(most / _STEPS[most])
        marks = grid(x, y, _TICKS, [_STEPS[most] * step for step in range(steps + 1)])
        marks.append(h("text", "\u2191 wrong among those given", x=4, y=12, class_="axis"))
        marks.append(
            h("text", "answers given \u2192", x=x.end, y=height - 6, text_anchor="end",
              class_="axis")
        )  # fmt: skip
        for number, curve in enumerate(curves.values()):
            path = "".join(
                f"{'L' if at else 'M'}{x(coverage):.1f} {y(risk):.1f}"
                for at, (coverage, risk) in enumerate(curve)
            )
            if len(curve) == 1:
                path += "h1"
            marks.append(h("path", d=path, class_=f"curve s{number % 8}"))
        if width > 400:
            ends = [y(curve[-1][1]) for curve in curves.values()]
            for name, place, number in zip(
                names, stacked(ends, 16, y.end, y.start), range(len(names)), strict=True
            ):
                marks.append(h("text", name, x=x.end + 8, y=place + 4, class_=f"t{number % 8}"))
        return height, marks

    return figure("confidence-plot", "Risk by coverage", description, draw)


def _steady(arm: Mapping[str, Any]) -> _Curve:
    """Return the curve from `LEAST_ANSWERS` on, or all of it if there are no more."""
    curve: _Curve = arm["risk_coverage"]
    given = of_measure(arm, "aurc").n
    return [point for point in curve if point[0] * given >= LEAST_ANSWERS - 0.5] or curve


def _at(curve: _Curve, coverage: float) -> float:
    return min(curve, key=lambda point: abs(point[0] - coverage))[1]


def _sample(number: int) -> Element:
    line = h("line", x1=0, x2=36, y1=5, y2=5, class_=f"curve s{number % 8}")
    return h("svg", line, width=36, height=10, aria_hidden="true", class_="swatch")
