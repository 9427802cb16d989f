"""Numbers and dates of a workbook, as its number formats show them.

Thousands are not separated, so that a number is found however its sheet shows it.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

_LITERAL = re.compile(r'"([^"]*)"|\\(.)|\[\$([^\]-]*)[^\]]*\]')
_ASIDE = re.compile(r"\[[^\]]*\]|_.|\*.")
_DECIMALS = re.compile(r"\.([0#?]+)")
_SIGNS = "$\u20ac\u00a3\u00a5"
_MAX_DECIMALS = 12


def shown(value: object, format: str = "General") -> str:
    """Return a cell's value as text: dates in ISO 8601, numbers as their format shows them.

    Args:
        value: As a workbook's reader gives it; None for an empty cell.
        format: The number format, such as `0.00%`.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return number_text(value, format)
    if isinstance(value, date | time | timedelta):
        return _moment(value)
    return str(value)


def number_text(value: float, format: str) -> str:
    """Return a number with the decimals, the percent sign and the unit of its format."""
    section = _section(value, format)
    literals = ["".join(match.groups("")) for match in _LITERAL.finditer(section)]
    bare = _ASIDE.sub("", _LITERAL.sub("", section))
    percent = "%" in bare
    unit = " ".join(text.strip() for text in literals if text.strip(" ()-+,.;:'"))
    unit = unit or "".join(sign for sign in _SIGNS if sign in bare)
    number = _digits(value * 100 if percent else value, bare)
    if percent:
        return f"{number}%"
    if not unit:
        return number
    leads = _LITERAL.search(section)
    before = section.find(unit[0]) if leads is None else leads.start()
    first_digit = re.search(r"[0#?]", section)
    if first_digit is not None and before < first_digit.start():
        return f"{unit}{number}" if unit in _SIGNS else f"{unit} {number}"
    return f"{number} {unit}"


def _section(value: float, format: str) -> str:
    sections = format.split(";")
    if value < 0 and len(sections) > 1:
        # The section for negative numbers may show the sign as brackets; ours is a minus.
        return sections[1]
    return sections[2] if value == 0 and len(sections) > 2 and "0" in sections[2] else sections[0]


def _digits(value: float, bare: str) -> str:
    plain = str(value) if isinstance(value, int) else format(value, ".15g")
    if "E" in bare.upper() or "/" in bare or not re.search(r"[0#?]", bare):
        return plain
    decimals = _DECIMALS.search(bare)
    places = min(len(decimals.group(1)), _MAX_DECIMALS) if decimals else 0
    if abs(value) >= 1e15:
        return plain
    rounded = f"{value:.{places}f}"
    if decimals and "#" in decimals.group(1):
        rounded = rounded.rstrip("0").rstrip(".")
    zeros = re.search(r"(?<![.#?0])0{2,}(?![.0])", bare)
    if zeros and not places and value >= 0:
        rounded = rounded.zfill(len(zeros.group()))
    return "0" if rounded in {"-0", ""} else rounded


def _moment(value: date | time | timedelta) -> str:
    if isinstance(value, datetime):
        if value.time() == time():
            return value.date().isoformat()
        return value.replace(microsecond=0).isoformat(" ").removesuffix(":00")
    if isinstance(value, time):
        return value.replace(microsecond=0).isoformat().removesuffix(":00")
    if isinstance(value, timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02d}" + (f":{seconds:02d}" if seconds else "")
    return value.isoformat()
