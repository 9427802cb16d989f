"""Questions that need two documents: the same figure of two things, which is higher?"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from ragkit_eval.questions.source import Drafted
from ragkit_eval.questions.table import Cell
from ragkit_eval.questions.wording import inner

_FIGURE = re.compile(
    r"(?P<sign>[\u20ac$\u00a3]?)\s?(?P<n>\d[\d,]*(?:\.\d+)?)(?P<unit>(?: ?[a-z%\u00b0A-Z/]+){0,3})"
)


def comparisons(rows: Sequence[Cell]) -> Iterator[Drafted]:
    """Yield a question for each pair of figures of one header and unit in two documents."""
    figures: dict[tuple[str, str, str], list[tuple[float, Cell]]] = defaultdict(list)
    for cell in rows:
        match = _FIGURE.fullmatch(cell.value)
        if match and (match["sign"] or match["unit"].strip()) and cell.header[0].isalpha():
            group = (cell.header.lower(), match["sign"], match["unit"].strip())
            figures[group].append((float(match["n"].replace(",", "")), cell))
    seen: set[tuple[str, frozenset[str]]] = set()
    for (header, _, _), held in figures.items():
        for index, (value, cell) in enumerate(held):
            for other_value, other in held[index + 1 :]:
                apart = cell.piece.document.path != other.piece.document.path
                both = header, frozenset({cell.key.lower(), other.key.lower()})
                if apart and value != other_value and len(both[1]) > 1 and both not in seen:
                    seen.add(both)
                    yield _compared(header, (value, cell), (other_value, other))


def _compared(header: str, one: tuple[float, Cell], two: tuple[float, Cell]) -> Drafted:
    higher = max(one, two, key=lambda pair: pair[0])[1]
    keys = [inner(cell.key, cell.piece.common) for _, cell in (one, two)]
    timed = re.search(r"(?:second|minute|hour|day|week|month|year)s?$", one[1].value)
    more = "longer" if timed else "higher"
    return Drafted(
        question=f"Which has the {more} {header}, {keys[0]} or {keys[1]}?",
        answers=(higher.key,),
        evidence=(one[1].piece.evidence, two[1].piece.evidence),
        kind="comparison",
        subject=keys[0],
        trust=0.9,
    )
