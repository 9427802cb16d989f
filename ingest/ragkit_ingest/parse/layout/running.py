"""Running headers, footers and page numbers: told by their place and their repetition."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from ragkit_ingest.parse.layout.page import Segment

_ZONE = 0.2
_STRICT_ZONE = 0.1
_LINES = 3
_NUMBERS = re.compile(r"\d+|\b[ivxlc]+\b", re.IGNORECASE)
_PAGE_NUMBER = re.compile(
    r"^\W*(?:(?:page|seite|p\.?|pagina|página)\s*)?#\W*(?:(?:of|von|de|sur)?\s*#)?\W*$",
    re.IGNORECASE,
)


def without_running_lines(
    pages: Sequence[Sequence[Segment]], heights: Sequence[float]
) -> tuple[list[list[Segment]], list[str]]:
    """Return the pages' segments without what repeats in their margins, and what that was.

    A running line must repeat on three pages close to one another, or, in a document of two, at
    the very same height on both and close to the edge. It may say what no other line does (a
    document's number, its date), so its wording on its first page is returned; page numbers are
    not.

    Args:
        pages: Segments of each page, top to bottom.
        heights: Heights of the pages, in points.
    """
    if len(pages) < 2:
        return [list(page) for page in pages], []
    zone = _ZONE if len(pages) > 2 else _STRICT_ZONE
    seen: defaultdict[tuple[str, bool], list[tuple[int, Segment]]] = defaultdict(list)
    for number, (page, height) in enumerate(zip(pages, heights, strict=True)):
        for segment, upper in _margin(page, height, zone):
            seen[mask(segment.text), upper].append((number, segment))
    doomed: set[int] = set()
    wordings: list[str] = []
    for (masked, _), places in seen.items():
        if _runs([number for number, _ in places], len(pages)) and _steady(
            [segment for _, segment in places], 6.0 if len(pages) > 2 else 1.0
        ):
            doomed |= {id(segment) for _, segment in places}
            if not _PAGE_NUMBER.match(masked):
                wordings.append(places[0][1].text)
    rest = [[segment for segment in page if id(segment) not in doomed] for page in pages]
    return rest, wordings


def mask(text: str) -> str:
    """Return the text with every number replaced by "#", so that page numbers compare equal."""
    return _NUMBERS.sub("#", text).casefold()


def _margin(page: Sequence[Segment], height: float, zone: float) -> list[tuple[Segment, bool]]:
    baselines = sorted({round(segment.baseline) for segment in page})
    if not baselines:
        return []
    low = min(baselines[:_LINES][-1], zone * height)
    high = max(baselines[-_LINES:][0], (1 - zone) * height)
    return [
        (segment, segment.baseline > height / 2)
        for segment in page
        if segment.baseline <= low + 1 or segment.baseline >= high - 1
    ]


def _runs(numbers: Sequence[int], total: int) -> bool:
    """Whether the pages are three or more, in steps of one or two somewhere, or both of two."""
    pages = sorted(set(numbers))
    if total == 2:
        return len(pages) == 2
    return any(pages[index + 2] - pages[index] <= 4 for index in range(len(pages) - 2))


def _steady(segments: Sequence[Segment], tolerance: float) -> bool:
    """Whether most of them stand at the same height, to a tolerance in points."""
    heights = sorted(segment.baseline for segment in segments)
    middle = heights[len(heights) // 2]
    return sum(abs(height - middle) <= tolerance for height in heights) >= 0.6 * len(heights)
