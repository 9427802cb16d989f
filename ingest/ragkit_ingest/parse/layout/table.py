"""Tables: ruled grids first, then rows of aligned cells."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ragkit_ingest.parse.layout.page import Rule, Segment, Word, segments
from ragkit_ingest.parse.row import Cell

_TOUCH = 3.0
_MARKER = re.compile(r"^(?:[•▪◦‣\u2013\u2014*·●○■□➢✓-]|\(?(?:\d{1,3}|[a-z]|[ivxl]+)[.)]|\[\d+\])$")


@dataclass(frozen=True, slots=True)
class Grid:
    """A recognised table.

    Attributes:
        rows: Top to bottom, each with one cell a column; an empty cell has no text.
        x0: Left edge, in points.
        x1: Right edge.
        top: Upper edge.
        bottom: Lower edge.
        size: Font size of its text.
        edges: The x of each column's left edge.
        ruled: Whether it was drawn with lines.
    """

    rows: tuple[tuple[Cell, ...], ...]
    x0: float
    x1: float
    top: float
    bottom: float
    size: float
    edges: tuple[float, ...]
    ruled: bool


def ruled_grids(
    words: Sequence[Word], horizontal: Sequence[Rule], vertical: Sequence[Rule]
) -> tuple[list[Grid], list[Word]]:
    """Return the tables drawn with lines, and the words outside them."""
    grids: list[Grid] = []
    rest = list(words)
    for rows, columns in _lattices(horizontal, vertical):
        xs, ys = _levels([c.at for c in columns]), _levels([r.at for r in rows])
        if len(xs) < 3 or len(ys) < 3:
            continue
        inside = [word for word in rest if _within(word, xs, ys)]
        grid = _fill(inside, xs, ys, columns, rows)
        if grid is not None:
            grids.append(grid)
            taken = {id(word) for word in inside}
            rest = [word for word in rest if id(word) not in taken]
    return grids, rest


def _lattices(
    horizontal: Sequence[Rule], vertical: Sequence[Rule]
) -> list[tuple[list[Rule], list[Rule]]]:
    """Return the groups of rules that touch one another."""
    if len(horizontal) < 3 or len(vertical) < 3 or len(horizontal) * len(vertical) > 250_000:
        return []
    groups = list(range(len(horizontal) + len(vertical)))

    def root(index: int) -> int:
        while groups[index] != index:
            groups[index] = groups[groups[index]]
            index = groups[index]
        return index

    for h, row in enumerate(horizontal):
        for v, column in enumerate(vertical, start=len(horizontal)):
            if (
                row.start - _TOUCH <= column.at <= row.end + _TOUCH
                and column.start - _TOUCH <= row.at <= column.end + _TOUCH
            ):
                groups[root(v)] = root(h)
    lattices: dict[int, tuple[list[Rule], list[Rule]]] = {}
    for index, rule in enumerate((*horizontal, *vertical)):
        pair = lattices.setdefault(root(index), ([], []))
        pair[index >= len(horizontal)].append(rule)
    return [pair for pair in lattices.values() if len(pair[0]) >= 3 and len(pair[1]) >= 3]


def _levels(values: Sequence[float]) -> list[float]:
    levels: list[float] = []
    for value in sorted(values):
        if not levels or value - levels[-1] > _TOUCH:
            levels.append(value)
    return levels


def _within(word: Word, xs: Sequence[float], ys: Sequence[float]) -> bool:
    x, y = (word.x0 + word.x1) / 2, word.baseline + 0.3 * word.size
    return xs[0] <= x <= xs[-1] and ys[0] <= y <= ys[-1]


def _fill(
    words: Sequence[Word],
    xs: Sequence[float],
    ys: Sequence[float],
    columns: Sequence[Rule],
    rows: Sequence[Rule],
) -> Grid | None:
    places: dict[tuple[int, int], list[Word]] = {}
    for word in words:
        x = min(word.x0 + 0.5 * word.size, (word.x0 + word.x1) / 2)
        y = word.baseline + 0.3 * word.size
        column = _open_edge(_slot(xs, x), xs, columns, y)
        row = _open_edge(_slot(ys, y), ys, rows, x, upward=True)
        places.setdefault((row, column), []).append(word)
    if len({column for _, column in places}) < 2 or len({row for row, _ in places}) < 2:
        return None
    if any(_holds_a_layout(cell) for cell in places.values()):
        return None
    used = sorted({column for _, column in places})
    table = tuple(
        tuple(_cell(places.get((row, column), ())) for column in used)
        for row in sorted({row for row, _ in places}, reverse=True)
    )
    return Grid(
        rows=table,
        x0=xs[0],
        x1=xs[-1],
        top=ys[-1],
        bottom=ys[0],
        size=median(word.size for word in words),
        edges=tuple(xs[column] for column in used),
        ruled=True,
    )


def _holds_a_layout(words: Sequence[Word]) -> bool:
    """Whether a cell has columns of its own: then the lines are a page frame, not a table."""
    baselines = [round(segment.baseline) for segment in segments(words)]
    return sum(baselines.count(line) > 1 for line in set(baselines)) >= 3


def _slot(levels: Sequence[float], value: float) -> int:
    return max(index for index, level in enumerate(levels[:-1]) if level <= value or index == 0)


def _open_edge(
    slot: int, levels: Sequence[float], rules: Sequence[Rule], at: float, *, upward: bool = False
) -> int:
    """Return the slot that holds the text of a merged cell: its first column, its top row."""
    step = 1 if upward else -1
    while 0 <= slot + step < len(levels) - 1:
        edge = levels[slot + 1] if upward else levels[slot]
        if any(
            abs(rule.at - edge) <= _TOUCH and rule.start - 1 <= at <= rule.end + 1 for rule in rules
        ):
            break
        slot += step
    return slot


def _cell(words: Sequence[Word]) -> Cell:
    if not words:
        return Cell("", bold=False)
    lines = segments(words)
    text = join_cell([line.text for line in lines])
    return Cell(text, bold=all(line.bold for line in lines))


def join_cell(lines: Sequence[str]) -> str:
    """Return the lines of a cell as one text, words broken at a line's end made whole."""
    text = ""
    for line in lines:
        if text.endswith(("\u00ad", "\ufffe")):
            text = text[:-1] + line
        else:
            text = f"{text} {line}" if text else line
    return text


def aligned_grid(rows: Sequence[Sequence[Segment]], horizontal: Sequence[Rule] = ()) -> Grid | None:
    """Return the table that these rows of segments form, or None if they form none.

    Args:
        rows: Consecutive lines, top to bottom, each left to right.
        horizontal: Horizontal rules of the page, which part rows with several lines.
    """
    full = [row for row in rows if len(row) >= 2]
    widest = max((len(row) for row in full), default=0)
    if widest < 2 or len(full) < (3 if widest == 2 else 2):
        return None
    spans = _columns(full)
    if len(spans) < 2 or not _plausible(full, spans):
        return None
    every = [segment for row in rows for segment in row]
    grid = Grid(
        rows=_logical_rows(rows, spans, horizontal),
        x0=min(segment.x0 for segment in every),
        x1=max(segment.x1 for segment in every),
        top=max(segment.top for segment in every),
        bottom=min(segment.bottom for segment in every),
        size=median(segment.size for segment in every),
        edges=tuple(start for start, _ in spans),
        ruled=False,
    )
    return grid if len(grid.rows) >= 2 else None


def _columns(rows: Sequence[Sequence[Segment]]) -> list[tuple[float, float]]:
    """Return the x spans of the columns, by the rows that have the most common cell count."""
    counts = [len(row) for row in rows]
    usual = max(set(counts), key=lambda count: (counts.count(count) * count, count))
    spans: list[tuple[float, float]] = []
    chosen = [s for row in rows if len(row) == usual for s in row]
    for segment in sorted(chosen, key=lambda segment: segment.x0):
        if spans and segment.x0 <= spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], max(spans[-1][1], segment.x1))
        else:
            spans.append((segment.x0, segment.x1))
    return spans


def _plausible(rows: Sequence[Sequence[Segment]], spans: Sequence[tuple[float, float]]) -> bool:
    cells: list[list[Segment]] = [[] for _ in spans]
    clashes = 0
    for row in rows:
        places = [_column_at(segment, spans) for segment in row]
        clashes += len(set(places)) < len(places)
        for place, segment in zip(places, row, strict=True):
            cells[place].append(segment)
    if clashes > 0.2 * len(rows):
        return False
    first = [segment.text for segment in cells[0]]
    if sum(bool(_MARKER.match(text)) for text in first) > 0.5 * len(first):
        return False
    return all(_is_aligned(column) for column in cells if len(column) > 1)


def _is_aligned(column: Sequence[Segment]) -> bool:
    for edge in (
        [segment.x0 for segment in column],
        [segment.x1 for segment in column],
        [(segment.x0 + segment.x1) / 2 for segment in column],
    ):
        middle = median(edge)
        if sum(abs(value - middle) <= 4 for value in edge) >= 0.6 * len(edge):
            return True
    return False


def _column_at(segment: Segment, spans: Sequence[tuple[float, float]]) -> int:
    def distance(index: int) -> tuple[float, float]:
        start, end = spans[index]
        overlap = min(end, segment.x1) - max(start, segment.x0)
        return (-min(overlap, 0.0), abs(start - segment.x0))

    return min(range(len(spans)), key=distance)


def _logical_rows(
    rows: Sequence[Sequence[Segment]],
    spans: Sequence[tuple[float, float]],
    horizontal: Sequence[Rule],
) -> tuple[tuple[Cell, ...], ...]:
    bars = _bars(rows, horizontal)
    part_rows = len(bars) >= 3 and len(rows) <= 3 * len(bars)
    table: list[list[list[Segment]]] = []
    previous: Sequence[Segment] = ()
    for row in rows:
        places = [_column_at(segment, spans) for segment in row]
        if not table or not _continues(previous, row, places, bars, part_rows):
            table.append([[] for _ in spans])
        for place, segment in zip(places, row, strict=True):
            table[-1][place].append(segment)
        previous = row
    return tuple(
        tuple(
            Cell(join_cell([s.text for s in cell]), bold=bool(cell) and all(s.bold for s in cell))
            for cell in row
        )
        for row in table
    )


def _bars(rows: Sequence[Sequence[Segment]], horizontal: Sequence[Rule]) -> list[float]:
    top, bottom = rows[0][0].top, rows[-1][0].bottom
    return [rule.at for rule in horizontal if bottom < rule.at < top]


def _continues(
    previous: Sequence[Segment],
    row: Sequence[Segment],
    places: Sequence[int],
    bars: Sequence[float],
    part_rows: bool,
) -> bool:
    """Whether a line goes on with the cells of the line above it."""
    above, here = previous[0].baseline, row[0].baseline
    if any(here < bar < above for bar in bars):
        return False
    if part_rows:
        return True
    tight = above - here <= 1.4 * row[0].size
    return tight and 0 not in places
