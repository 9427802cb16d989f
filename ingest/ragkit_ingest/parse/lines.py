"""Line-based markup (AsciiDoc, Org): what their readers share."""

from __future__ import annotations

from collections.abc import Sequence

from ragkit_ingest.parse.builder import DocumentBuilder, fold_space
from ragkit_ingest.parse.delimited import read_table
from ragkit_ingest.parse.row import render_row
from ragkit_ingest.records import BlockKind


class LineWriter:
    """Collects the lines of a paragraph or an item until something else begins.

    Args:
        builder: Receives the blocks.
    """

    def __init__(self, builder: DocumentBuilder) -> None:
        self.builder = builder
        self._kind = BlockKind.PARAGRAPH
        self._lines: list[str] = []

    def line(self, text: str) -> None:
        """Go on with the paragraph or item that is open, or begin a paragraph."""
        if not self._lines:
            self._kind = BlockKind.PARAGRAPH
        self._lines.append(text)

    def item(self, text: str) -> None:
        """Begin a list item."""
        self.flush()
        self._kind = BlockKind.LIST_ITEM
        self._lines.append(text)

    def flush(self) -> None:
        """End what is open."""
        lines, self._lines = self._lines, []
        self.builder.add(self._kind, " ".join(lines))

    def heading(self, text: str, level: int) -> None:
        """Write a heading, the first of level 1 being the document's title."""
        self.flush()
        text = fold_space(text)
        if level == 1 and not self.builder.title:
            self.builder.title = text
        self.builder.add(BlockKind.HEADING, text, level=min(level, 6))

    def block(self, kind: BlockKind, text: str) -> None:
        """Write a block of its own; code keeps its lines."""
        self.flush()
        self.builder.add(kind, text, verbatim=kind is BlockKind.CODE)

    def table(self, rows: Sequence[Sequence[str]], *, header: bool) -> None:
        """Write a table, whose first row is a header if that is known, else if it looks so."""
        self.flush()
        rows = [row for row in rows if any(row)]
        if header and len(rows) > 1:
            for row in rows[1:]:
                self.builder.add(BlockKind.TABLE_ROW, render_row(rows[0], row))
            return
        for kind, text, _ in read_table(rows, forms=True).blocks():
            self.builder.add(kind, text)
