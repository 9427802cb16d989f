"""How long to wait before a request is tried again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits that double, unless the server says how long to wait.

    Attributes:
        tries: Requests in all, 1 or more.
        first_s: The first wait in seconds; each later one is twice as long.
        longest_s: Longest wait in seconds. A server that asks for more is not waited for.
        sleep: Waits.
        clock: Seconds since 1970, to read dates with.
    """

    tries: int = 5
    first_s: float = 0.5
    longest_s: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        if self.tries < 1:
            raise ValueError(f"tries must be 1 or more, not {self.tries}")

    def wait_s(self, failed: int, headers: Mapping[str, str]) -> float | None:
        """Return how long to wait before the next try, in seconds; None for no next try.

        Args:
            failed: Tries that failed so far, 1 or more.
            headers: Of the last answer, names in lower case; empty if there was none.
        """
        if failed >= self.tries:
            return None
        asked = retry_after_s(headers, self.clock())
        if asked is None:
            return min(self.first_s * 2.0 ** (failed - 1), self.longest_s)
        return asked if asked <= self.longest_s else None


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that a server asks to wait, 0 or more; None if it does not say.

    Args:
        headers: Of its answer, names in lower case.
        now: Seconds since 1970.

    Source:
        RFC 9110, section 10.2.3: seconds or an HTTP date; `retry-after-ms` is OpenAI's own.
    """
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after", "").strip()
    seconds = _number(value)
    if seconds is not None or not value:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except ValueError:
        return None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
