"""How numbers and names read in a report, the same in every place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

MINUS = "\u2212"
LABELS = {
    "correct": "right",
    "crag": "CRAG score",
    "contains_answer": "contains an accepted answer",
    "exact_match": "exact match",
    "token_f1": "token F1",
    "content_f1": "content F1",
    "content_recall": "content recall",
    "key_fact_recall": "key-fact recall",
    "hit@5": "hit@5",
    "span_recall@5": "span recall@5",
    "doc_recall@5": "document recall@5",
    "doc_mrr@5": "document MRR@5",
    "doc_ndcg@5": "document nDCG@5",
    "abstention_f1": "abstention F1",
    "aurc": "AURC",
    "coverage@95": "coverage at 95 % precision",
    "ece": "ECE",
}
"""What measures are called; others by their own name."""
OUTCOMES = ("correct", "abstained", "wrong", "failed")
OUTCOME_LABELS = {
    "correct": "right",
    "abstained": "withheld",
    "wrong": "wrong",
    "failed": "failed",
}


def label(name: str) -> str:
    """Return what a measure is called."""
    return LABELS.get(name, name.replace("_", " "))


def arm_label(name: str) -> str:
    """Return what an arm is called: its name as words."""
    words = name.replace("_", " ").split() or [name]
    return " ".join("RAG" if word == "rag" else word for word in words)


def sentence_start(text: str) -> str:
    """Return the text with its first letter large, the rest as it is."""
    return text[:1].upper() + text[1:]


def counted(count: int, one: str, more: str = "") -> str:
    """Return a count with its noun: "1 case", "1,204 cases"."""
    return f"{count:,} {one if count == 1 else more or one + 's'}"


def percent(value: float) -> str:
    """Return a share as per cent without digits: "75 %"; never 0 or 100 unless it is."""
    whole = (_exact(value) * 100).quantize(Decimal(1), ROUND_HALF_EVEN)
    if whole == 0 and value > 0:
        return "<1 %"
    if whole == 100 and value < 1:
        return ">99 %"
    return f"{whole} %".replace("-", MINUS)


def percent_range(low: float, high: float) -> str:
    """Return an interval of shares as per cent, rounded outwards: "60 to 87"."""
    return f"{_points(low, ROUND_FLOOR, 0)} to {_points(high, ROUND_CEILING, 0)}"


def decimal(value: float) -> str:
    """Return a number with three digits, aligned with others: "0.754"."""
    return f"{value:.3f}".replace("-", MINUS)


def decimal_range(low: float, high: float) -> str:
    """Return an interval with two digits: "0.60 to 0.87"."""
    return f"{low:.2f} to {high:.2f}".replace("-", MINUS)


def number(value: float) -> str:
    """Return a count or an amount: whole above 100, else with up to three digits that count."""
    text = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
    return text.replace("-", MINUS)


def points(value: float) -> str:
    """Return a difference of shares, without its sign, in points: "12", "0.4"."""
    size = abs(_exact(value)) * 100
    digits = 0 if size >= 1 or size == 0 else 1 if size >= Decimal("0.05") else 2
    return str(size.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN))


def points_up(value: float) -> str:
    """Return a size in points that is not less than the value: "11"."""
    return _points(abs(value), ROUND_CEILING, 0).lstrip("+")


def points_range(low: float, high: float, *, signed: bool = False) -> str:
    """Return an interval of a difference in points, rounded outwards.

    Rounding never moves an end onto zero or beyond it: digits are added until both ends keep
    their sign. An end that needs more than two digits is said to be zero, outwards.

    Args:
        low: Lower end, as a share.
        high: Upper end.
        signed: Whether positive numbers get a plus sign.
    """
    digits = max(_digits(low, ROUND_FLOOR), _digits(high, ROUND_CEILING))
    ends = (_points(low, ROUND_FLOOR, digits), _points(high, ROUND_CEILING, digits))
    shown = [f"+{end}" if signed and end[0] not in f"0{MINUS}" else end for end in ends]
    return f"{shown[0]} to {shown[1]}"


def signed_points(value: float) -> str:
    """Return a difference in points with its sign: "+12", "-0.4", "0"."""
    size = points(value)
    if value == 0:
        return size
    return f"{'+' if value > 0 else MINUS}{size}"


def p_value(value: float) -> str:
    """Return how a p-value reads: "p = .003", "p < .001"."""
    if value < 0.001:
        return "p < .001"
    if value < 0.05 <= round(value, 3):
        return "p < .05"
    digits = 3 if value < 0.0995 else 2
    text = f"{value:.{digits}f}"
    return f"p = {text if text.startswith('1') else text[1:]}"


def listed(names: Sequence[str]) -> str:
    """Return names as a list of prose: "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def milliseconds(value: float) -> str:
    """Return a duration: "340 ms", "1.2 s"."""
    return f"{value:,.0f} ms" if value < 1000 else f"{value / 1000:,.1f} s"


def cut(text: str, most: int) -> str:
    """Return the text, at most so long, saying how much was cut off."""
    if len(text) <= most:
        return text
    return f"{text[:most]} \u2026 [{len(text) - most:,} more characters]"


def _exact(value: float) -> Decimal:
    if not math.isfinite(value):
        raise ValueError(f"a figure must be finite, not {value}")
    return Decimal(str(value))


def _points(value: float, rounding: str, digits: int) -> str:
    rounded = (_exact(value) * 100).quantize(Decimal(1).scaleb(-digits), rounding)
    return f"{rounded if rounded else abs(rounded)}".replace("-", MINUS)


def _digits(value: float, rounding: str) -> int:
    """Return how many digits, 0 to 2, keep the sign of an end."""
    for digits in (0, 1):
        rounded = (_exact(value) * 100).quantize(Decimal(1).scaleb(-digits), rounding)
        if bool(rounded) == bool(value):
            return digits
    return 2 if value else 0
