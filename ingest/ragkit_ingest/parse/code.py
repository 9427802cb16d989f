"""Source code: kept as it is, in blocks that begin where nothing is indented."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ragkit_ingest.parse.opening import open_text
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.registry import CODE_SUFFIXES
from ragkit_ingest.records import BlockKind, Document


class CodeParser:
    """Reads the source code and configuration files of common languages."""

    name = "code"
    version = 1
    suffixes = frozenset(CODE_SUFFIXES.split())

    def parse(self, source: Source) -> Document:
        """Return the file's Document.

        Raises:
            BrokenFileError: If the file is binary.
        """
        builder, text = open_text("code", source.path)
        lines = [line.rstrip() for line in text.replace("\f", "\n").split("\n")]
        position = 0
        for first, last in _sections(lines):
            gap = "\n" * (first - position + 1) if builder.length else None
            block = "\n".join(lines[first:last])
            builder.add(BlockKind.CODE, block, verbatim=True, gap=gap)
            position = last
        return builder.build()


def _sections(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield line spans that start after an empty line at a line without indentation."""
    first: int | None = None
    last = 0
    for index, line in enumerate(lines):
        if not line:
            continue
        starts = first is not None and not lines[index - 1] and not line[0].isspace()
        if first is not None and starts and line[0] not in ")]}":
            yield first, last
            first = index
        elif first is None:
            first = index
        last = index + 1
    if first is not None:
        yield first, last
