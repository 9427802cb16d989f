"""Draws the figures as bars, in an SVG file that needs nothing to be installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from xml.etree import ElementTree

from bench.peers.figures import Figures, Summary, summaries
from bench.peers.system import OURS

_PANELS: tuple[tuple[str, Callable[[Summary], float]], ...] = (
    ("Ingest, KB a CPU second: more is better", lambda s: s.ingest_kb_per_cpu_s),
    ("Cold first answer, s: less is better", lambda s: s.cold_wall_s),
    ("Warm search p95, ms: less is better", lambda s: s.warm_p95_ms),
    ("Peak memory, MB: less is better", lambda s: s.peak_mb),
)
_WIDTH, _LABEL, _BAR, _STEP, _GAP = 720, 150, 460, 22, 28
_OURS, _OTHERS, _INK = "#1f6f8b", "#b8c4cc", "#222222"


def svg(figures: Figures) -> str:
    """Return one panel a figure, one bar a system; each bar is as long as its value says.

    Args:
        figures: What `bench.peers.__main__.measure` returns.
    """
    found = summaries(figures)
    labels = [each.label for each in found.values()]
    panel = _GAP + _STEP * len(labels) + 12
    height = panel * len(_PANELS)
    root = ElementTree.Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH} {height}",
        width=str(_WIDTH),
        height=str(height),
        role="img",
        attrib={"font-family": "sans-serif", "font-size": "13"},
    )
    ElementTree.SubElement(root, "title").text = "ragkit beside other systems"
    ElementTree.SubElement(root, "rect", width="100%", height="100%", fill="white")
    ours = [name == OURS.name for name in found]
    for number, (title, value) in enumerate(_PANELS):
        values = [value(each) for each in found.values()]
        _panel(root, panel * number, title, list(zip(labels, values, ours, strict=True)))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _panel(
    root: ElementTree.Element, top: int, title: str, bars: Sequence[tuple[str, float, bool]]
) -> None:
    _text(root, 8, top + 18, title, weight="bold")
    longest = max(value for _, value, _ in bars)
    for row, (label, value, ours) in enumerate(bars):
        y = top + _GAP + row * _STEP
        length = _BAR * value / longest if longest else 0.0
        fill = _OURS if ours else _OTHERS
        ElementTree.SubElement(
            root,
            "rect",
            x=str(_LABEL),
            y=str(y),
            width=f"{length:.1f}",
            height=str(_STEP - 6),
            fill=fill,
        )
        _text(root, 8, y + 13, label, weight="bold" if ours else "normal")
        _text(root, _LABEL + length + 6, y + 13, f"{value:.1f}")


def _text(
    root: ElementTree.Element, x: float, y: float, text: str, *, weight: str = "normal"
) -> None:
    place = {"x": f"{x:.1f}", "y": f"{y:.1f}", "fill": _INK, "font-weight": weight}
    ElementTree.SubElement(root, "text", place).text = text
