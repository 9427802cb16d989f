"""What every parser's tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.registry import ParserRegistry
from ragkit_ingest.records import Document


def visible(text: str) -> str:
    return "".join(text.split())


@pytest.fixture
def check_exact() -> Callable[[Document], Document]:
    """Check that a Document's positions hold, whatever its format."""

    def check(document: Document) -> Document:
        inside = "".join(document.text[block.start : block.end] for block in document.blocks)
        assert visible(inside) == visible(document.text)
        for block in document.blocks:
            assert document.text[block.start : block.end].strip()
        for number, page in enumerate(document.pages, start=1):
            assert page.number == number
            for block in document.blocks:
                assert (
                    block.end <= page.start
                    or block.start >= page.end
                    or (page.start <= block.start and block.end <= page.end)
                )
        return document

    return check


@pytest.fixture
def parse(
    tmp_path: Path, check_exact: Callable[[Document], Document]
) -> Callable[[str, bytes], Document]:
    """Write a file, parse it with its format's parser, twice, and check positions."""

    def run(name: str, data: bytes) -> Document:
        path = tmp_path / name
        path.write_bytes(data)
        parser = ParserRegistry().parser_for(path)
        assert parser is not None
        document = parser.parse(Source(path=path))
        assert parser.parse(Source(path=path)) == document
        assert document.format == parser.name
        return check_exact(document)

    return run


@pytest.fixture
def blocks() -> Callable[[Document], list[tuple[str, str]]]:
    """Return a Document's blocks as pairs of kind and text."""

    def pairs(document: Document) -> list[tuple[str, str]]:
        return [
            (f"h{b.level}" if b.level else b.kind.value, document.text[b.start : b.end])
            for b in document.blocks
        ]

    return pairs
