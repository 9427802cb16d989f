"""Pieces that sections are made of: the section itself, tables, notes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ragkit_eval.report.element import Child, Element, h
from ragkit_eval.report.estimate import Estimate
from ragkit_eval.report.wording import (
    arm_label,
    decimal,
    decimal_range,
    percent,
    percent_range,
)

_MOST_COLUMNS = 14
_TOGETHER = re.compile(r"([\d.,<>]+ %|p [=<] [\d.]+|[\u2212+]?[\d.]+ points?\b)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the page.

    Attributes:
        name: Of its anchor.
        title: Its heading.
        lead: What it shows, a sentence or two; empty if the heading says it.
        body: What stands beneath.
    """

    name: str
    title: str
    lead: str = ""
    body: tuple[Element, ...] = ()

    def element(self) -> Element:
        """Return the section as it stands in the page."""
        return h(
            "section",
            h("h2", self.title, id=f"{self.name}-title"),
            h("p", self.lead, class_="lead") if self.lead else None,
            *self.body,
            id=self.name,
            aria_labelledby=f"{self.name}-title",
        )


def not_measured(name: str, title: str, option: str) -> Section:
    """Return a section that says by which option of `ragkit eval run` it is measured."""
    how = h("p", "Not measured. To measure it: ", h("code", f"ragkit eval run {option}"), ".")
    return Section(name=name, title=title, body=(how,))


def breakable(name: str) -> list[Child]:
    """Return a name that may break after underscores, slashes and dots."""
    parts: list[Child] = []
    start = 0
    for at, char in enumerate(name):
        if char in "_/." and at > start:
            parts += [name[start : at + 1], h("wbr")]
            start = at + 1
    return [*parts, name[start:]]


def unbroken(text: str) -> list[Child]:
    """Return a text whose numbers do not part from what they count."""
    return [
        h("span", piece, class_="unbroken") if at % 2 else piece
        for at, piece in enumerate(_TOGETHER.split(text))
        if piece
    ]


def arm_head(name: str, under: str = "") -> Element:
    """Return the head of an arm's row."""
    return h(
        "th",
        h("bdi", arm_label(name)),
        h("small", under) if under else None,
        scope="row",
    )


def table(
    caption: str, heads: Sequence[Child], rows: Sequence[Element], *, kind: str = ""
) -> Element:
    """Return a table of even columns that scrolls by itself where it is too wide.

    Args:
        caption: What it holds.
        heads: Of the columns, the first over the rows' heads.
        rows: `tr` elements.
        kind: A class of its own.
    """
    return h(
        "div",
        h(
            "table",
            h("caption", caption),
            h("thead", h("tr", *(h("th", head, scope="col") for head in heads))),
            h("tbody", *rows),
            class_=f"columns{min(len(heads), _MOST_COLUMNS)} {kind}".strip(),
        ),
        class_="scroll",
        role="region",
        aria_label=caption,
        tabindex="0",
    )


def missing(found: Estimate) -> Element:
    """Return the words in the place of a figure that there is none of."""
    return h("span", found.status.replace("_", " ") or "no value", class_="none")


def facts_list(pairs: Sequence[tuple[str, Child]]) -> Element:
    """Return terms and what they are."""
    return h(
        "dl",
        *(h("div", h("dt", term), h("dd", what)) for term, what in pairs),
        class_="facts",
    )


def share_cell(found: Estimate, *, counted: bool = False) -> Element:
    """Return a cell with a share in per cent, its interval beneath, and its cases if asked for."""
    return _cell(found, percent, percent_range, counted=counted)


def figure_cell(found: Estimate, *, counted: bool = False) -> Element:
    """Return a cell with a figure, its interval beneath, and its cases if asked for."""
    return _cell(found, decimal, decimal_range, counted=counted)


def _cell(
    found: Estimate,
    written: Callable[[float], str],
    range_written: Callable[[float, float], str],
    *,
    counted: bool,
) -> Element:
    if found.value is None:
        return h("td", missing(found), class_="number")
    ends = (
        None
        if found.low is None or found.high is None
        else h("small", range_written(found.low, found.high))
    )
    of = h("small", f"{found.n} of {found.of}") if counted else None
    return h("td", h("b", written(found.value)), ends, of, class_="number")
