"""Facts by tone, one cross an arm; facts alone where no tone was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ragkit_eval.report.block import Section, arm_head, share_cell, table
from ragkit_eval.report.drawing import figure, grid
from ragkit_eval.report.element import Child, Element, h
from ragkit_eval.report.estimate import Estimate, of_measure, ran
from ragkit_eval.report.interval import Dot, interval_table
from ragkit_eval.report.scale import Box, Scale, labelled
from ragkit_eval.report.wording import arm_label, percent, percent_range

_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_REFUSED = ("unreliable", "no_voice", "too_few_samples")
_Arms = Sequence[Mapping[str, Any]]


def facts_section(report: Mapping[str, Any]) -> Section:
    """Return how many answers of each arm are right, and how they sound."""
    arms = ran(report)
    tone = report.get("tone")
    toned = [arm for arm in arms if of_measure(arm, "tone").value is not None]
    if tone is None or tone["status"] in _REFUSED or not toned:
        return Section(
            name="facts",
            title="Facts",
            lead="Questions that each arm handles rightly: answered with an accepted answer, or "
            "withheld where there is none.",
            body=(_dots(arms, report["cases"]["count"]), h("p", _no_tone(tone), class_="none")),
        )
    return Section(
        name="facts",
        title="Facts by tone",
        lead="To the right: more questions handled rightly. Upwards: more answers in the house's "
        "voice. The arms of each cross are 95 % intervals.",
        body=(
            _scatter(toned),
            _both(arms, tone),
            *_markers(tone),
        ),
    )


def facts_of(arm: Mapping[str, Any]) -> Estimate:
    """Return how many facts an arm has right: an experiment's own figure, else right answers."""
    return of_measure(arm, "facts" if "facts" in arm["figures"] else "correct")


def auc_words(tone: Mapping[str, Any]) -> str:
    """Return how well the tone's classifier tells the voices apart, or what decides instead."""
    if tone.get("auc") is None:
        return tone["status"].replace("_", " ") or "AUC unknown"
    ends = tone.get("auc_ci95")
    inside = f", {ends[0]:.2f} to {ends[1]:.2f}" if ends else ""
    return f"AUC {tone['auc']:.2f}{inside}"


def _dots(arms: _Arms, count: int) -> Element:
    rows = [
        Dot(
            arm=arm["name"],
            found=facts_of(arm),
            under="" if arm["answers"] == count else f"asked {arm['answers']} of {count} cases",
        )
        for arm in arms
    ]
    return interval_table("Share handled rightly, with 95 % intervals", rows, what="right")


def _no_tone(tone: Mapping[str, Any] | None) -> str:
    if tone is None or tone["status"] == "no_voice":
        return (
            "Tone was not measured: it needs samples of the house's voice (ragkit eval run --voice "
            "FILE)."
        )
    if tone["status"] == "unreliable":
        return (
            f"Tone is not shown: the classifier of the house's voice is unreliable "
            f"({auc_words(tone)}; at least 0.80 is asked)."
        )
    return f"Tone was not measured: {(tone['status'] or 'no answers').replace('_', ' ')}."


def _scatter(arms: _Arms) -> Element:
    found = [(arm_label(arm["name"]), facts_of(arm), of_measure(arm, "tone")) for arm in arms]
    shown = [one for one in found if one[1].value is not None]
    description = ". ".join(
        f"{name}: facts {_digits(facts)}, tone {_digits(tone)}" for name, facts, tone in shown
    )

    def draw(width: int) -> tuple[int, list[Element]]:
        height = 440 if width > 400 else 360
        x = Scale(low=0, high=1, start=44, end=width - 12)
        y = Scale(low=0, high=1, start=height - 44, end=24)
        marks = grid(x, y, _TICKS, _TICKS)
        marks.append(
            h("text", "facts: handled rightly \u2192", x=x.end, y=height - 6, text_anchor="end",
              class_="axis")
        )  # fmt: skip
        marks.append(h("text", "\u2191 tone: in the house's voice", x=4, y=12, class_="axis"))
        places = [(x(facts.value or 0), y(tone.value or 0)) for _, facts, tone in shown]
        for number, (_, facts, tone) in enumerate(shown):
            marks += _cross(x, y, facts, tone, f"s{number % 8}")
        inside = Box(x=x.start, y=y.end, width=x.end - x.start, height=y.start - y.end)
        lines = [line for _, facts, tone in shown for line in _lines(x, y, facts, tone)]
        boxes = labelled(places, [name for name, _, _ in shown], inside, lines)
        for number, (place, one, box) in enumerate(zip(places, shown, boxes, strict=True)):
            marks += _label(place, one[0], box, f"t{number % 8}")
        return height, marks

    return figure("facts-plot", "Facts by tone, one cross an arm", description, draw)


def _cross(x: Scale, y: Scale, facts: Estimate, tone: Estimate, series: str) -> list[Element]:
    px, py = x(facts.value or 0), y(tone.value or 0)
    marks = []
    if facts.low is not None and facts.high is not None:
        ends = {"x1": x(facts.low), "x2": x(facts.high)}
        marks.append(h("line", **ends, y1=py, y2=py, class_=f"range {series}"))
    if tone.low is not None and tone.high is not None:
        tops = {"y1": y(tone.low), "y2": y(tone.high)}
        marks.append(h("line", x1=px, x2=px, **tops, class_=f"range {series}"))
    marks.append(h("circle", cx=px, cy=py, r=5, class_=f"dot {series}"))
    return marks


def _lines(x: Scale, y: Scale, facts: Estimate, tone: Estimate) -> list[Box]:
    """Return what the arms of a cross cover."""
    px, py, found = x(facts.value or 0), y(tone.value or 0), []
    if facts.low is not None and facts.high is not None:
        found.append(Box(x=x(facts.low), y=py - 2, width=x(facts.high) - x(facts.low), height=4))
    if tone.low is not None and tone.high is not None:
        found.append(Box(x=px - 2, y=y(tone.high), width=4, height=y(tone.low) - y(tone.high)))
    return found


def _label(place: tuple[float, float], name: str, box: Box, series: str) -> list[Element]:
    px, py = place
    near_x = min(max(px, box.x), box.x + box.width)
    near_y = min(max(py, box.y + 2), box.y + box.height - 2)
    text = h("text", name, x=box.x + 1, y=box.y + 12, class_=series)
    if abs(near_x - px) + abs(near_y - py) <= 16:
        return [text]
    return [h("line", x1=px, y1=py, x2=near_x, y2=near_y, class_="leader"), text]


def _both(arms: _Arms, tone: Mapping[str, Any]) -> Element:
    heads: list[Child] = ["arm", "facts: handled rightly", f"tone ({auc_words(tone)})"]
    rows = [
        h(
            "tr",
            arm_head(arm["name"]),
            share_cell(facts_of(arm), counted=True),
            share_cell(of_measure(arm, "tone"), counted=True),
        )
        for arm in arms
    ]
    return table("Facts and tone, with 95 % intervals", heads, rows)


def _markers(tone: Mapping[str, Any]) -> list[Element]:
    held = tone.get("markers") or []
    if not held:
        return []
    if isinstance(held[0], str):
        return [h("p", "The house's voice: ", h("bdi", "; ".join(held)), ".")]
    rows = [
        h(
            "tr",
            h("th", h("bdi", str(one["name"])), scope="row"),
            h("td", _amount(one["house"]), class_="number"),
            h("td", _amount(one["base"]), class_="number"),
        )
        for one in held[:20]
    ]
    caption = (
        f"What tells the voices apart, in {tone['samples']:,} samples"
        if tone.get("samples")
        else "What tells the voices apart"
    )
    return [table(caption, ["sign", "house", "base model"], rows)]


def _amount(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _digits(found: Estimate) -> str:
    if found.value is None:
        return "none"
    ends = (
        ""
        if found.low is None or found.high is None
        else f" ({percent_range(found.low, found.high)})"
    )
    return f"{percent(found.value)}{ends}"
