"""Splits a Document into Chunks that fit the embedder, along the document's own structure.

A section that the embedder can read in one go is one chunk. A longer one is cut into pieces half
as long, which are found more surely than ones that fill the limit (measured by `bench.chunking`).
A chunk never crosses a heading and ends where a block ends; only a block that alone is too long
is split inside, at paragraph, sentence or word ends.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

from ragkit_ingest.records import Block, BlockKind, Chunk, Document, embedded_text, page_at

CountTokens = Callable[[Sequence[str]], list[int]]
"""The length of each text in the embedder's own tokens."""

CHUNK_TOKENS = 256
HEADER_TOKENS = 48
PIECE_TOKENS = 128
_Piece = tuple[tuple[str, ...], str, int, int]  # headings, header, start, end
_LEAD_CHARACTERS = 120
_SPECIAL_TOKENS = 2  # the embedder puts one before and one after every text
_SEPARATORS = ["\n\n", "\n", ". ", "? ", "! ", "; ", ", ", " ", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSettings:
    """How long chunks may be.

    Attributes:
        chunk_tokens: Most tokens of header and text together, special tokens included; at most
            what the embedder reads, 32 or more.
        header_tokens: Most tokens of the header (title and headings); the rest is cut off.
        piece_tokens: Most tokens of text in each chunk of a section that does not fit into one,
            without the header, 16 or more.
        rows_tokens: Most tokens of table rows that share a chunk: a row is a fact of its own,
            and many facts in one vector blur each other.
    """

    chunk_tokens: int = CHUNK_TOKENS
    header_tokens: int = HEADER_TOKENS
    piece_tokens: int = PIECE_TOKENS
    rows_tokens: int = 96

    def __post_init__(self) -> None:
        if self.chunk_tokens < 32:
            raise ValueError(f"chunk_tokens must be 32 or more, not {self.chunk_tokens}")
        if self.piece_tokens < 16:
            raise ValueError(f"piece_tokens must be 16 or more, not {self.piece_tokens}")
        if not 0 <= self.header_tokens <= self.chunk_tokens // 2:
            raise ValueError(
                f"header_tokens must be between 0 and half of chunk_tokens "
                f"({self.chunk_tokens // 2}), not {self.header_tokens}"
            )

    def to_json(self) -> str:
        """Return the fields as JSON with sorted keys: part of a revision's recipe."""
        return json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True, slots=True)
class _Section:
    """A run of blocks that chunks are made of.

    Attributes:
        paths: From which offset on the text stands beneath which headings; one, unless a short
            section was joined to the ones beneath it.
        blocks: In reading order.
    """

    paths: tuple[tuple[int, tuple[str, ...]], ...]
    blocks: tuple[Block, ...]

    @property
    def headings(self) -> tuple[str, ...]:
        """The headings of its first block."""
        return self.paths[0][1]

    def headings_at(self, offset: int) -> tuple[str, ...]:
        """Return the headings that the text at the offset stands beneath."""
        return next(names for start, names in reversed(self.paths) if start <= offset)


def split(
    document: Document, count_tokens: CountTokens, settings: SplitSettings
) -> tuple[Chunk, ...]:
    """Return the document's chunks in reading order.

    Every chunk's text is the document's text at its span; together the chunks hold every
    character that is not white space. A heading belongs to the first chunk beneath it, and
    stands in the `headings` of all of them.
    """
    sections = _joined(list(_sections(document)))
    paths = list(dict.fromkeys(names for section in sections for _, names in section.paths))
    full = [_header(document.title, names) for names in paths]
    lengths = dict(zip(paths, count_tokens(full), strict=True))
    headers = {
        names: header
        if lengths[names] <= settings.header_tokens
        else _shorten(header, settings.header_tokens, count_tokens)
        for names, header in zip(paths, full, strict=True)
    }
    pieces: list[_Piece] = []
    for section in sections:
        longest = max(lengths[names] for _, names in section.paths)
        limit = settings.chunk_tokens - _SPECIAL_TOKENS - min(longest, settings.header_tokens)
        spans = _pack(document.text, section.blocks, limit, settings, count_tokens)
        for start, end in spans:
            names = section.headings_at(start)
            pieces.append((names, headers[names], start, end))
    return _chunks(document, pieces, count_tokens)


def _chunks(
    document: Document, pieces: Sequence[_Piece], count_tokens: CountTokens
) -> tuple[Chunk, ...]:
    lengths = count_tokens(
        [embedded_text(header, document.text[start:end]) for _, header, start, end in pieces]
    )
    return tuple(
        Chunk(
            ordinal=ordinal,
            start=start,
            end=end,
            text=document.text[start:end],
            headings=names,
            page=page_at(document.pages, start),
            header=header,
            tokens=length + _SPECIAL_TOKENS,
        )
        for ordinal, ((names, header, start, end), length) in enumerate(
            zip(pieces, lengths, strict=True)
        )
    )


def _sections(document: Document) -> Iterator[_Section]:
    """Yield the sections; headings that directly follow each other open one together."""
    path: list[tuple[int, str]] = []
    blocks: list[Block] = []
    for block in document.blocks:
        if block.kind is BlockKind.HEADING:
            if any(held.kind is not BlockKind.HEADING for held in blocks):
                yield _section(path, blocks)
                blocks = []
            path = [entry for entry in path if entry[0] < block.level]
            path.append((block.level, document.text[block.start : block.end]))
        blocks.append(block)
    if blocks:
        yield _section(path, blocks)


def _section(path: Sequence[tuple[int, str]], blocks: Sequence[Block]) -> _Section:
    names = tuple(title for _, title in path)
    return _Section(((blocks[0].start, names),), tuple(blocks))


def _joined(sections: list[_Section]) -> list[_Section]:
    """Join a section of few characters to the first section beneath it.

    A title with a line on the owner and the date is no passage of its own: it would be found
    for every question about the document, and answer none.
    """
    joined: list[_Section] = []
    for section in sections:
        if joined and _is_lead(joined[-1], section):
            lead = joined.pop()
            joined.append(_Section(lead.paths + section.paths, lead.blocks + section.blocks))
        else:
            joined.append(section)
    return joined


def _is_lead(lead: _Section, section: _Section) -> bool:
    own = sum(b.end - b.start for b in lead.blocks if b.kind is not BlockKind.HEADING)
    beneath = section.headings[: len(lead.headings)] == lead.headings
    return own < _LEAD_CHARACTERS and beneath and len(section.headings) > len(lead.headings)


def _header(title: str, headings: tuple[str, ...]) -> str:
    parts = [title] if title and title not in headings else []
    return " > ".join([*parts, *headings])


def _shorten(header: str, limit: int, count_tokens: CountTokens) -> str:
    """Cut words from the header's front, where the most general ones stand, until it fits."""
    names = header.split()
    while names:
        names = names[max(1, len(names) // 4) :]
        shorter = " ".join(names).removeprefix("> ")
        if count_tokens([shorter])[0] <= limit:
            return shorter
    return ""


def _pack(
    text: str,
    blocks: Sequence[Block],
    limit: int,
    settings: SplitSettings,
    count_tokens: CountTokens,
) -> Iterator[tuple[int, int]]:
    """Yield one span if all blocks fit into the limit, else pieces of whole blocks.

    A block that is longer than a piece is split inside.
    """
    lengths = count_tokens([text[block.start : block.end] for block in blocks])
    rows_limit = settings.rows_tokens
    if sum(lengths) > limit:
        limit = min(limit, settings.piece_tokens)
    start: int | None = None
    end = used = rows = 0
    for block, length in zip(blocks, lengths, strict=True):
        row = length if block.kind is BlockKind.TABLE_ROW else 0
        crowded = rows > 0 and row > 0 and rows + row > rows_limit
        if start is not None and (used + length > limit or crowded):
            yield start, end
            start = None
        if start is None:
            start, used, rows = block.start, 0, 0
        if length > limit:
            *whole, last = _split_inside(text, start, block.end, limit, count_tokens)
            yield from whole
            start, end = last
            used = count_tokens([text[start:end]])[0]
            continue
        end, used, rows = block.end, used + length, rows + row
    if start is not None:
        yield start, end


def _split_inside(
    text: str, start: int, end: int, limit: int, count_tokens: CountTokens
) -> list[tuple[int, int]]:
    """Return spans of at most `limit` tokens that together hold text[start:end]."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(
        separators=_SEPARATORS,
        keep_separator="end",
        chunk_size=limit,
        chunk_overlap=0,
        length_function=lambda piece: count_tokens([piece])[0],
        strip_whitespace=True,
    )
    spans = []
    position = start
    for piece in splitter.split_text(text[start:end]):
        position = text.index(piece, position, end)
        spans.append((position, position + len(piece)))
        position += len(piece)
    return spans
