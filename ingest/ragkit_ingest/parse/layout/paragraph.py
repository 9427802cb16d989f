"""Lines become paragraphs, headings, list items and table rows.

A column is a list of segments and ruled tables in reading order. Decisions that need the whole
document (what is body text, which sizes are headings) are taken by `classify`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ragkit_ingest.parse.layout.column import Item
from ragkit_ingest.parse.layout.page import Rule, Segment, Word, make_segment
from ragkit_ingest.parse.layout.table import Grid, aligned_grid

_BULLET = re.compile(r"^[•▪◦‣\u2013\u2014*·●○■□➢✓-]\s+(?=\S)")
_NUMBERED = re.compile(r"^(?:\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{2,4})[.)]|\[\d+\])\s+(?=\S)")
_CLAUSE = re.compile(r"^\d{1,3}(?:\.\d{1,3})+\.?\s+(?=\S)")
_SECTION = re.compile(
    r"^(?:(?P<number>\d{1,3}(?:\.\d{1,3})*)\.?|[A-Z]\.|(?:Article|Section|Chapter|Appendix|Annex"
    r"|Schedule|Part)\s+[\dA-Z]+[.:]?)\s+[^\W\d_a-z]"
)
_CONTENTS = re.compile(r"(?:\s?[.\u2026_]){4,}\s*(?:\d+|[ivxlc]+)$")
_CAPTION = re.compile(
    r"^(?:figure|fig\.|table|tab\.|abbildung|abb\.|tabelle|exhibit|listing)\s*\d+", re.IGNORECASE
)
_ENDS = (".", "!", "?", ":", ";")
_BULLETS = str.maketrans(dict.fromkeys("\uf0b7\uf0a7\uf0a8\uf076\uf0d8\u2022\u25cf", "•"))


@dataclass(slots=True)
class Draft:
    """Consecutive lines that belong together, or a table.

    Attributes:
        lines: Top to bottom; empty for a table.
        table: The table, if it is one.
    """

    lines: list[Segment] = field(default_factory=list)
    table: Grid | None = None

    @property
    def size(self) -> float:
        """Font size of the first line."""
        return self.lines[0].size

    @property
    def bold(self) -> bool:
        """Whether every line is bold."""
        return all(line.bold for line in self.lines)

    @property
    def texts(self) -> list[str]:
        """The lines' texts, bullets of every font as the same sign."""
        return [line.text.translate(_BULLETS) for line in self.lines]


@dataclass(frozen=True, slots=True)
class _Shape:
    leading: float
    right: float
    left: float


def continue_columns(columns: Sequence[list[Draft]]) -> list[Draft]:
    """Return the drafts of all columns, a paragraph that runs on into the next column joined."""
    found: list[Draft] = []
    for column in columns:
        rest = column
        if found and column and _runs_on(found[-1], column[0]):
            found[-1].lines += column[0].lines
            rest = column[1:]
        found += rest
    return found


def _runs_on(draft: Draft, following: Draft) -> bool:
    if not draft.lines or not following.lines:
        return False
    last, first = draft.lines[-1], following.lines[0]
    if abs(last.size - first.size) > 0.08 * last.size or last.bold != first.bold:
        return False
    return len(draft.lines) > 1 and not last.text.endswith(_ENDS) and first.text[0].islower()


def drafts(column: Sequence[Item], horizontal: Sequence[Rule] = ()) -> list[Draft]:
    """Return one column's lines grouped into paragraphs and tables, in order."""
    found: list[Draft] = []
    waiting: list[list[Segment]] = []
    for item in [*_rows(column), None]:
        if isinstance(item, list):
            waiting.append(item)
            continue
        found += _flow(waiting, horizontal)
        waiting = []
        if item is not None:
            found.append(Draft(table=item))
    return found


def _rows(column: Sequence[Item]) -> list[list[Segment] | Grid]:
    """Return segments on one line as one row, left to right; tables stand alone."""
    rows: list[list[Segment] | Grid] = []
    for item in sorted(column, key=_line_of):
        last = rows[-1] if rows else None
        if isinstance(item, Grid):
            rows.append(item)
        elif isinstance(last, list) and _same_line(last, item):
            last.append(item)
        else:
            rows.append([item])
    for row in rows:
        if isinstance(row, list):
            row.sort(key=lambda segment: segment.x0)
    return rows


def _line_of(item: Item) -> float:
    return -item.top if isinstance(item, Grid) else -item.baseline


def _same_line(row: Sequence[Segment], segment: Segment) -> bool:
    size = max(segment.size, row[0].size)
    if abs(row[0].baseline - segment.baseline) > 0.4 * size:
        return False
    return all(segment.x0 >= other.x1 - 2 or segment.x1 <= other.x0 + 2 for other in row)


def _flow(rows: Sequence[list[Segment]], horizontal: Sequence[Rule]) -> list[Draft]:
    """Return rows of segments as paragraphs, with the aligned tables among them."""
    found: list[Draft] = []
    prose: list[Segment] = []
    index = 0
    while index < len(rows):
        end = _table_end(rows, index)
        grid = aligned_grid(rows[index:end], horizontal) if end - index > 1 else None
        if grid is None:
            stop = max(end, index + 1)
            prose += [_merge(row) for row in rows[index:stop]]
            index = stop
            continue
        found += _paragraphs(prose)
        prose = []
        found.append(Draft(table=grid))
        index = end
    return found + _paragraphs(prose)


def _table_end(rows: Sequence[list[Segment]], start: int) -> int:
    """Return the index after the last row that could belong to a table starting here."""
    if len(rows[start]) < 2:
        return start
    end = start + 1
    for index in range(start + 1, len(rows)):
        above, row = rows[index - 1], rows[index]
        if above[0].baseline - row[0].baseline > 3.2 * max(above[0].size, row[0].size):
            break
        if len(row) >= 2:
            end = index + 1
        elif not _fits_a_cell(row[0], rows[start:end]):
            break
    while end < len(rows) and _is_tail(rows[end], rows[start:end], rows[end - 1]):
        end += 1
    return end


def _fits_a_cell(segment: Segment, rows: Sequence[Sequence[Segment]]) -> bool:
    """Whether a lone segment stays within one cell's width, as a cell's second line does."""
    return any(
        cell.x0 - 4 <= segment.x0 and segment.x1 <= _room(cell, row)
        for row in rows[-3:]
        if len(row) >= 2
        for cell in row
    )


def _room(cell: Segment, row: Sequence[Segment]) -> float:
    return min((other.x0 for other in row if other.x0 > cell.x1), default=cell.x1 + 12) - 2


def _is_tail(
    row: Sequence[Segment], rows: Sequence[Sequence[Segment]], above: Sequence[Segment]
) -> bool:
    first = min(segment.x0 for line in rows for segment in line)
    return (
        len(row) == 1
        and row[0].x0 > first + 10
        and above[0].baseline - row[0].baseline <= 1.4 * row[0].size
        and _fits_a_cell(row[0], rows)
    )


def _merge(row: Sequence[Segment]) -> Segment:
    return row[0] if len(row) == 1 else make_segment([word for part in row for word in part.words])


def _paragraphs(lines: Sequence[Segment]) -> list[Draft]:
    if not lines:
        return []
    shape = _shape(lines)
    found = [Draft([lines[0]])]
    for above, line in pairwise(lines):
        if _breaks(found[-1], above, line, shape):
            found.append(Draft([line]))
        else:
            found[-1].lines.append(line)
    return found


def _shape(lines: Sequence[Segment]) -> _Shape:
    steps = sorted(
        above.baseline - line.baseline
        for above, line in pairwise(lines)
        if 0.5 * line.size < above.baseline - line.baseline < 2.5 * line.size
    )
    leading = steps[len(steps) // 4] / lines[0].size if steps else 1.2
    ends = sorted(line.x1 for line in lines)
    return _Shape(
        leading=max(leading, 1.0),
        right=ends[min(len(ends) - 1, int(0.9 * len(ends)))],
        left=min(line.x0 for line in lines),
    )


def _breaks(draft: Draft, above: Segment, line: Segment, shape: _Shape) -> bool:
    """Whether `line` begins a new block after `above`, the last line of the draft."""
    gap = above.baseline - line.baseline
    size = max(above.size, line.size)
    if gap < 0.3 * size or gap > 1.3 * max(shape.leading, 1.15) * size:
        return True
    if abs(above.size - line.size) > 0.08 * size or above.bold != line.bold:
        return True
    if _starts_item(line, above, shape) or _CONTENTS.search(above.text):
        return True
    return _breaks_by_edge(draft, above, line, shape)


def _starts_item(line: Segment, above: Segment, shape: _Shape) -> bool:
    text = line.text.translate(_BULLETS)
    if _BULLET.match(text):
        return not text.startswith(("-", "\u2013", "\u2014", "·", "*")) or _ends_early(
            above, line, shape
        )
    if not (_NUMBERED.match(text) or _CLAUSE.match(text)):
        return False
    return _ends_early(above, line, shape) or above.text.endswith((*_ENDS, ",", "and", "or"))


def _ends_early(above: Segment, line: Segment, shape: _Shape) -> bool:
    """Whether the next line's first word would have fitted on the line above."""
    first: Word = line.words[0]
    room = shape.right - above.x1 - 0.3 * line.size
    return room - (first.x1 - first.x0) > 0.5 * line.size


def _breaks_by_edge(draft: Draft, above: Segment, line: Segment, shape: _Shape) -> bool:
    first = draft.lines[0]
    step = line.x0 - above.x0
    if _is_item(first):
        if line.x0 < first.x0 - 1:
            return True
    elif step > 0.8 * line.size and not _is_centred(above, line):
        hanging = len(draft.lines) == 1 and _hangs(first, line)
        return not hanging and (above.text.endswith(_ENDS) or _ends_early(above, line, shape))
    elif -step > 0.8 * line.size and len(draft.lines) > 1 and not _is_centred(above, line):
        return above.text.endswith(_ENDS)
    return _ends_early(above, line, shape) and _is_deliberate(above, line, shape)


def _is_deliberate(above: Segment, line: Segment, shape: _Shape) -> bool:
    if _is_centred(above, line) and line.x0 - shape.left > line.size:
        return False
    short = above.x1 < shape.right - 0.25 * (shape.right - shape.left)
    return above.text.endswith(_ENDS) or (short and not line.text[:1].islower())


def _is_item(line: Segment) -> bool:
    text = line.text.translate(_BULLETS)
    return bool(_BULLET.match(text) or _NUMBERED.match(text) or _CLAUSE.match(text))


def _hangs(first: Segment, line: Segment) -> bool:
    return len(first.words) > 1 and abs(first.words[1].x0 - line.x0) < 0.5 * line.size


def _is_centred(above: Segment, line: Segment) -> bool:
    shift = (above.x0 + above.x1 - line.x0 - line.x1) / 2
    return abs(shift) <= 3 and abs(above.x0 - line.x0) > 3


@dataclass(frozen=True, slots=True)
class Style:
    """What the whole document says about its body text.

    Attributes:
        size: Font size of most characters, in points.
        bold: Whether most characters are bold.
        headings: Levels of the headings found, by size, boldness and depth of numbering.
    """

    size: float
    bold: bool
    headings: Mapping[tuple[float, bool, int], int] = field(default_factory=dict)


def style_of(every: Sequence[Draft]) -> Style:
    """Return the body style of a document and the rank of its headings."""
    weights: Counter[float] = Counter()
    heavy = total = 0
    for draft in every:
        for line in draft.lines:
            characters = sum(len(word.text) for word in line.words)
            weights[round(line.size * 2) / 2] += characters
            total += characters
            heavy += characters * line.bold
    body = Style(size=weights.most_common(1)[0][0] if weights else 10.0, bold=2 * heavy > total)
    keys = {_key(draft) for draft in every if is_heading(draft, body)}
    ranked = sorted(keys, key=lambda key: (-key[0], key[2], not key[1]))
    levels: list[list[tuple[float, bool, int]]] = []
    for key in ranked:
        if levels and key[0] > 0.9 * levels[-1][0][0] and key[2] == levels[-1][0][2]:
            levels[-1].append(key)
        else:
            levels.append([key])
    return Style(
        size=body.size,
        bold=body.bold,
        headings={key: min(level, 6) for level, same in enumerate(levels, 1) for key in same},
    )


def is_heading(draft: Draft, body: Style) -> bool:
    """Whether a draft reads as a heading: larger, bold or numbered, and short."""
    if draft.table is not None or len(draft.lines) > (5 if draft.size >= 1.4 * body.size else 3):
        return False
    text = " ".join(draft.texts)
    letters = sum(char.isalpha() for char in text)
    if letters < 2 or len(text) > 160 or text[0].islower():
        return False
    if _BULLET.match(text) or _CONTENTS.search(text) or is_caption(text):
        return False
    if draft.size >= 1.12 * body.size:
        return len(draft.lines) == 1 or not text.endswith((".", ",", ";"))
    if text.endswith((".", ",", ";", ":")) or len(draft.lines) > 2:
        return False
    if draft.bold and not body.bold and draft.size >= 0.9 * body.size:
        return True
    return _is_numbered_heading(text, len(draft.lines))


def is_caption(text: str) -> bool:
    """Whether the text names a figure or a table."""
    return bool(_CAPTION.match(text))


def _is_numbered_heading(text: str, lines: int) -> bool:
    match = _SECTION.match(text)
    if match is None or lines > 1 or len(text) > 70:
        return False
    number = match.group("number")
    return (number is not None and "." in number) or text.isupper()


def level_of(draft: Draft, style: Style) -> int:
    """Return the level, 1 to 6, of a draft that is a heading."""
    return style.headings.get(_key(draft), 6)


def _key(draft: Draft) -> tuple[float, bool, int]:
    match = _SECTION.match(" ".join(draft.texts))
    number = match.group("number") if match else None
    return (round(draft.size * 2) / 2, draft.bold, number.count(".") if number else 0)


def list_item(text: str) -> str | None:
    """Return the text of a list item without its bullet (numbers stay), None for other text."""
    bullet = _BULLET.match(text)
    if _CONTENTS.search(text):
        return text
    if bullet:
        return text[bullet.end() :]
    return text if _NUMBERED.match(text) else None
