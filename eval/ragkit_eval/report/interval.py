"""A table with a dot and its 95 % interval in each row, all on one axis from 0 to 100 %.

Places are per cent of the cell, so that lines and letters keep their size on every screen. The
drawing repeats what the row says in digits, and is hidden from screen readers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ragkit_eval.report.block import arm_head, missing
from ragkit_eval.report.element import Element, h
from ragkit_eval.report.estimate import Estimate
from ragkit_eval.report.wording import percent, percent_range

_MIDDLE = "50%"
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A row: an arm with a share.

    Attributes:
        arm: Its name.
        found: Its figure, from 0 to 1.
        under: What else stands with the name.
    """

    arm: str
    found: Estimate
    under: str = ""


def interval_table(caption: str, rows: Sequence[Dot], *, what: str) -> Element:
    """Return the table.

    Args:
        caption: What it shows.
        rows: In order.
        what: Head of the column of digits.
    """
    return h(
        "table",
        h("caption", caption),
        h(
            "thead",
            h(
                "tr",
                h("th", "arm", scope="col"),
                h("th", "0 to 100 %", scope="col", class_="plot"),
                h("th", what, scope="col", class_="number"),
                h("th", "cases", scope="col", class_="number wide"),
            ),
        ),
        h("tbody", *map(_row, rows)),
        h(
            "tfoot",
            h("tr", h("td"), h("td", _axis(), class_="plot"), h("td"), h("td", class_="wide")),
        ),
        class_="dots",
    )


def _row(row: Dot) -> Element:
    found = row.found
    digits = [missing(found)] if found.value is None else [h("b", percent(found.value))]
    if found.low is not None and found.high is not None:
        digits.append(h("small", percent_range(found.low, found.high)))
    elif found.value is not None:
        digits.append(h("small", "no interval"))
    return h(
        "tr",
        arm_head(row.arm, row.under),
        h("td", _drawn(found), class_="plot"),
        h("td", *digits, class_="number"),
        h("td", f"{found.n} of {found.of}", class_="number wide"),
    )


def _drawn(found: Estimate) -> Element:
    marks = [
        h("line", x1=f"{at:.0%}", x2=f"{at:.0%}", y1="0", y2="100%", class_="grid") for at in _TICKS
    ]
    if found.low is not None and found.high is not None:
        ends = {"x1": _place(found.low), "x2": _place(found.high)}
        marks.append(h("line", **ends, y1=_MIDDLE, y2=_MIDDLE, class_="range"))
    if found.value is not None:
        marks.append(h("circle", cx=_place(found.value), cy=_MIDDLE, r=5, class_="dot"))
    return h("svg", *marks, aria_hidden="true", class_="cell whole")


def _axis() -> Element:
    anchors = {0.0: "start", 1.0: "end"}
    labels = [
        h(
            "text",
            f"{at:.0%}".replace("%", " %") if at == 1.0 else f"{at * 100:.0f}",
            x=f"{at:.0%}",
            y=13,
            text_anchor=anchors.get(at, "middle"),
            class_="wide" if at in (0.25, 0.75) else None,
        )
        for at in _TICKS
    ]
    return h("svg", *labels, aria_hidden="true", height=18, width="100%", class_="cell")


def _place(share: float) -> str:
    return f"{min(1.0, max(0.0, share)) * 100:.2f}%"
