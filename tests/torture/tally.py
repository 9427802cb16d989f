"""The table that a torture prints."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tests.torture.state import Row, State

COLUMNS = (
    "points",
    "lost",
    "duplicated",
    "mixed",
    "re-embedded",
    "altered",
    "broke",
    "healed",
    "said",
    "harmless",
)
FORBIDDEN = ("lost", "duplicated", "mixed", "re-embedded", "altered", "broke")


@dataclass(slots=True)
class Line:
    """What came of one kind of torture.

    points      things done to an index
    lost        rows that a fresh index of the folder has and this one has not, in the end
    duplicated  rows that this one has too often
    mixed       rows of neither the old nor the new state; and states that are neither
    re-embedded texts that were embedded again though their vector was stored
    altered     texts shown to a reader that no document holds
    broke       errors that are not ours, and refusals that last
    healed      points after which work was taken up again, or damage mended, and all was there
    said        points at which a command failed with one sentence
    harmless    points after which nothing differed
    """

    counts: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def add(self, column: str, count: int = 1, example: str = "") -> None:
        """Count something; keep an example of what must not be."""
        if count and column in FORBIDDEN and len(self.examples) < 10:
            self.examples.append(f"{column}: {example}")
        self.counts[column] += count

    def compare(self, found: State, wanted: State, point: str) -> bool:
        """Count how an index differs from a fresh one of the same folder; whether it does not."""
        same = True
        for have, want in zip(found.parts(), wanted.parts(), strict=True):
            same = self._compare(have, want, point) and same
        if found.strays:
            self.add("duplicated", sum(found.strays.values()), f"{point}: {found.strays}")
        return same and not found.strays

    def _compare(self, have: Counter[Row], want: Counter[Row], point: str) -> bool:
        missing, more = want - have, have - want
        twice = Counter({row: count for row, count in more.items() if row in want})
        for column, rows in (("lost", missing), ("duplicated", twice), ("mixed", more - twice)):
            self.add(column, rows.total(), f"{point}: {str(next(iter(rows), ''))[:300]}")
        return not (missing or more)


@dataclass(slots=True)
class Tally:
    """All lines, by name, in the order of their first mention."""

    lines: dict[str, Line] = field(default_factory=dict)

    def line(self, name: str) -> Line:
        """Return the line of that name."""
        return self.lines.setdefault(name, Line())

    def take(self, other: Tally) -> None:
        """Take over the lines of another tally."""
        self.lines |= other.lines

    @property
    def clean(self) -> bool:
        """Whether nothing happened that must not."""
        return not any(line.counts[c] for line in self.lines.values() for c in FORBIDDEN)

    def table(self) -> str:
        """Return the table as Markdown."""
        width = max([len(name) for name in self.lines] + [5])
        total: Counter[str] = Counter()
        rows = [_row("", COLUMNS, width), _row("-" * width, ["-" * len(c) for c in COLUMNS], width)]
        for name, line in self.lines.items():
            total.update(line.counts)
            rows.append(_row(name, [str(line.counts[c]) for c in COLUMNS], width))
        rows.append(_row("all", [str(total[c]) for c in COLUMNS], width))
        return "\n".join(rows)

    def examples(self) -> list[str]:
        """Return examples of what must not be."""
        return [f"{name}: {e}" for name, line in self.lines.items() for e in line.examples]


def _row(name: str, cells: list[str] | tuple[str, ...], width: int) -> str:
    padded = [cell.rjust(len(c)) for cell, c in zip(cells, COLUMNS, strict=True)]
    return f"| {name.ljust(width)} | " + " | ".join(padded) + " |"
