"""When a file that failed is tried again, if neither it nor what reads it has changed.

The next sync tries it at once; after that the pauses double, from a minute up to a day: most
failures last, and reading a hostile file to its limits takes minutes. A changed file, a changed
parser, or a file that is asked for by name is never made to wait.
"""

from __future__ import annotations

from datetime import UTC, datetime

FIRST_PAUSE_S = 60
LONGEST_PAUSE_S = 86_400


def pause_s(attempts: int) -> int:
    """Return for how many seconds a file rests after it has failed so many times in a row.

    Args:
        attempts: Failures of the same content and recipe, 1 or more.

    Returns:
        0 after the first, then 60, 120, 240 and so on, at most 86,400.

    Raises:
        ValueError: If attempts < 1.
    """
    if attempts < 1:
        raise ValueError(f"a file has failed 1 time or more, not {attempts}")
    doublings = min(attempts - 2, 11)  # the eleventh is more than a day
    return min(FIRST_PAUSE_S << doublings, LONGEST_PAUSE_S) if attempts > 1 else 0


def is_due(retry_at: float, now: float) -> bool:
    """Return whether a file that rests until `retry_at` is due; both in seconds since 1970.

    A moment further away than the longest pause comes from a clock that was wrong.
    """
    return not now < retry_at <= now + LONGEST_PAUSE_S


def moment(epoch_s: float) -> str:
    """Return seconds since 1970 as ISO 8601 in UTC; empty for 0."""
    if not epoch_s:
        return ""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="seconds")
