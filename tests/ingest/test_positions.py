"""Positions are exact in every format: what a chunk or a citation spans is what it says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.parse.registry import BUILT_IN, ParserRegistry
from ragkit_ingest.records import Document, page_at
from ragkit_ingest.split import SplitSettings, split
from tests.support.hashing import HashingEmbedder
from tests.support.sample import SUFFIXES, Section, sample

REGISTRY = ParserRegistry()
# Formats that a person finds a place in by page, sheet, slide, chapter, message or time.
PLACES = {"pdf", "pptx", "xlsx", "ods", "odp", "epub", "mbox", "srt", "vtt"}
LATIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
WIDE = f"{LATIN}äßéñøŁčΩЖकखहॉ東京日本가나\U0001f600\U0001f9ed\U00020000"
EXAMPLES = settings(
    max_examples=6,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a zip file more or less takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def sections(letters: str) -> st.SearchStrategy[list[Section]]:
    """Sections whose titles, paragraphs and cells each hold a word that no other holds."""
    word = st.text(letters, min_size=1, max_size=9)
    line = st.lists(word, min_size=1, max_size=30).map(" ".join)
    cell = st.lists(word, min_size=1, max_size=3).map(" ".join)
    table = st.tuples(st.integers(2, 4), st.integers(0, 4)).flatmap(
        lambda size: st.lists(
            st.lists(cell, min_size=size[0], max_size=size[0]), min_size=size[1], max_size=size[1]
        )
    )
    drawn = st.lists(
        st.tuples(cell, st.lists(line, min_size=1, max_size=4), table), min_size=1, max_size=4
    )
    return drawn.map(_marked)


def _marked(drawn: Sequence[tuple[str, list[str], list[list[str]]]]) -> list[Section]:
    number = iter(range(10_000))

    def mark(text: str) -> str:
        return f"{text} mark{next(number)}x"

    return [
        Section(
            title=mark(title),
            paragraphs=tuple(mark(paragraph) for paragraph in paragraphs),
            rows=tuple(tuple(mark(cell) for cell in row) for row in rows) if len(rows) > 1 else (),
        )
        for title, paragraphs, rows in drawn
    ]


def parsed(folder: Path, suffix: str, data: bytes) -> Document:
    path = folder / f"sample.{suffix}"
    path.write_bytes(data)
    parser = REGISTRY.parser_for(path)
    assert parser is not None
    return parser.parse(Source(path=path))


def _place(line: str, document: Document) -> int:
    """Return where the word that marks a line stands; -1 if nowhere."""
    found = re.search(rf"\b{line.split()[-1]}\b", document.text)
    return found.start() if found else -1


def check_places(document: Document) -> None:
    """Pages are numbered from 1, follow each other, and hold all that is not white space."""
    position = 0
    for number, page in enumerate(document.pages, start=1):
        assert page.number == number
        assert page.start >= position
        assert not document.text[position : page.start].strip()
        position = page.end
    if document.pages:
        assert not document.text[position:].strip()


def check_chunks(document: Document, chunk_tokens: int) -> None:
    """Every chunk is its span, they are in order, and together they hold all text."""
    embedder = HashingEmbedder()
    chunks = split(
        document, embedder.count_tokens, SplitSettings(chunk_tokens=chunk_tokens, header_tokens=16)
    )
    position = 0
    for ordinal, chunk in enumerate(chunks):
        assert chunk.ordinal == ordinal
        assert document.text[chunk.start : chunk.end] == chunk.text
        assert chunk.text.strip()
        assert not document.text[position : chunk.start].strip()
        assert chunk.page == page_at(document.pages, chunk.start)
        assert (chunk.page is None) == (not document.pages)
        position = chunk.end
    assert not document.text[position:].strip()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_positions_are_exact(suffix: str, tmp_path: Path) -> None:
    @EXAMPLES
    @given(
        content=sections(LATIN if suffix == "pdf" else WIDE),
        chunk_tokens=st.sampled_from([64, 256]),
    )
    def run(content: list[Section], chunk_tokens: int) -> None:
        document = parsed(tmp_path, suffix, sample(suffix, content))
        check_places(document)
        check_chunks(document, chunk_tokens)
        for section in content:
            assert [line for line in section.lines() if _place(line, document) < 0] == []
        # A table's header stands before each of its values, so cells have an order of their own.
        starts = [_place(line, document) for s in content for line in (s.title, *s.paragraphs)]
        assert starts == sorted(starts)
        if suffix in PLACES:
            assert document.pages

    run()


@pytest.mark.parametrize("suffix", sorted({"pdf", "pptx", "odp", "epub", "mbox"}))
def test_a_place_holds_what_stands_there(suffix: str, tmp_path: Path) -> None:
    # Lines that differ only in their number would be the running header of a PDF.
    words = ("kettle", "urn", "filter", "hub", "element")
    content = [
        Section(title=word.title(), paragraphs=(f"{word} {word[::-1]} mark{n}x {word * 2}.",))
        for n, word in enumerate(words)
    ]
    document = parsed(tmp_path, suffix, sample(suffix, content))
    assert len(document.pages) == len(content)
    for n, page in enumerate(document.pages):
        text = document.text[page.start : page.end]
        assert re.findall(r"mark\d+x", text) == [f"mark{n}x"]


def test_every_format_that_can_be_written_is_written() -> None:
    """What is left out is binary and old, or written as another of its family."""
    written = {target for suffix, target in BUILT_IN.items() if suffix[1:] in SUFFIXES}
    assert {target.partition(":")[2] for target in set(BUILT_IN.values()) - written} == {
        "XlsParser",
        "XlsbParser",
        "MsgParser",
    }
