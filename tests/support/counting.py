"""Parses in this process, and counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Self

from ragkit_ingest.errors import SourceError
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.registry import ParserRegistry
from ragkit_ingest.records import Document


class CountingParsers:
    """Stands in for `ParserPool`: call it to get the pool, which is itself."""

    def __init__(self) -> None:
        self.parsed: list[str] = []

    def __call__(self, workers: int) -> Self:
        assert workers >= 1
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def parse_all(
        self, sources: Iterable[tuple[int, Source]]
    ) -> Iterator[tuple[int, Document | SourceError]]:
        registry = ParserRegistry()
        for number, source in sources:
            self.parsed.append(source.path.name)
            parser = registry.parser_for(source.path)
            assert parser is not None
            try:
                yield number, parser.parse(source)
            except SourceError as error:
                yield number, error
