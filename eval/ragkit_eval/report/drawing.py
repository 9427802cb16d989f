"""Drawings that come in two widths, so that letters keep their size on a phone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ragkit_eval.report.element import Element, h
from ragkit_eval.report.scale import Scale
from ragkit_eval.report.wording import percent

WIDE, NARROW = 720, 340


def figure(
    name: str,
    title: str,
    description: str,
    draw: Callable[[int], tuple[int, Sequence[Element]]],
) -> Element:
    """Return a drawing for wide screens and one for narrow ones; a page shows either.

    Args:
        name: Unique in the page.
        title: Read to those who do not see it, and shown above.
        description: What it shows, in digits, for those who do not see it.
        draw: From the width in pixels to the height and what is drawn.
    """
    drawings = []
    for kind, width in (("wide", WIDE), ("narrow", NARROW)):
        height, marks = draw(width)
        ids = f"{name}-{kind}"
        drawings.append(
            h(
                "svg",
                h("title", title, id=f"{ids}-title"),
                h("desc", description, id=f"{ids}-desc"),
                *marks,
                viewBox=f"0 0 {width} {height}",
                role="img",
                aria_labelledby=f"{ids}-title {ids}-desc",
                class_=f"drawing {kind}",
            )
        )
    return h("figure", h("figcaption", title), *drawings)


def grid(x: Scale, y: Scale, ticks: Sequence[float], y_ticks: Sequence[float]) -> list[Element]:
    """Return lines and per-cent labels of both axes; the labels of y stand on their lines."""
    marks: list[Element] = []
    for at in ticks:
        marks.append(h("line", x1=x(at), x2=x(at), y1=y.start, y2=y.end, class_="grid"))
        anchor = "start" if at == ticks[0] else "end" if at == ticks[-1] else "middle"
        marks.append(h("text", percent(at), x=x(at), y=y.start + 17, text_anchor=anchor))
    for at in y_ticks:
        marks.append(h("line", x1=x.start, x2=x.end, y1=y(at), y2=y(at), class_="grid"))
        marks.append(h("text", percent(at), x=x.start - 6, y=y(at) + 4, text_anchor="end"))
    return marks
