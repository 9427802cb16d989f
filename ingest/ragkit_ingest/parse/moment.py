"""Dates as files write them, turned to ISO 8601 strings, which sort."""

from __future__ import annotations

import re
from datetime import date, datetime
from email.utils import parsedate_to_datetime

_PDF = re.compile(
    r"^(?:D:)?(\d{4})(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\d{2})?(?:(Z)|([+-])(\d{2})'?(\d{2})?)?"
)


def iso(value: date) -> str:
    """Return a date or a moment in ISO 8601, to the second."""
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else value.isoformat()


def iso_from_pdf(value: str) -> str:
    """Return a PDF date such as `D:20260131120000+01'00'` in ISO 8601, empty if it is none."""
    match = _PDF.match(value.strip())
    if match is None:
        return ""
    year, month, day, hour, minute, second, zulu, sign, zone_h, zone_m = match.groups()
    zone = "+00:00" if zulu else f"{sign}{zone_h}:{zone_m or '00'}" if sign else ""
    try:
        return datetime.fromisoformat(
            f"{year}-{month or '01'}-{day or '01'}"
            f"T{hour or '00'}:{minute or '00'}:{second or '00'}{zone}"
        ).isoformat()
    except ValueError:
        return ""


def iso_from_mail(value: str) -> str:
    """Return a mail header's date in ISO 8601, empty if it is none."""
    try:
        return iso(parsedate_to_datetime(value))
    except (TypeError, ValueError, IndexError):
        return ""


def iso_from_xml(value: str) -> str:
    """Return a moment such as `2026-01-31T12:00:00.5Z` to the second, empty if it is none."""
    try:
        return iso(datetime.fromisoformat(value.strip()))
    except ValueError:
        return ""
