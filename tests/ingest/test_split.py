"""Chunks: exact spans, nothing lost, nothing longer than the embedder reads."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit_ingest.records import Block, BlockKind, Chunk, Document, Page
from ragkit_ingest.split import SplitSettings, split
from tests.support.hashing import HashingEmbedder

count = HashingEmbedder().count_tokens
KINDS = st.sampled_from(list(BlockKind))
LINES = st.text(
    alphabet=st.sampled_from("ab c.d, \u00e9\u4f60 \n-?!;\u200b\u00a0x y"), min_size=1, max_size=400
).filter(lambda text: bool(text.strip()))
BLOCKS = st.lists(st.tuples(KINDS, LINES, st.integers(1, 6)), max_size=12)


def document(
    parts: list[tuple[BlockKind, str, int]], *, title: str = "", gap: str = "\n\n"
) -> Document:
    """Return a document of blocks, as a parser would make it; two blocks a page."""
    text = ""
    blocks: list[Block] = []
    pages: list[Page] = []
    for kind, line, level in parts:
        text += gap if text else ""
        start = len(text)
        text += line
        blocks.append(
            Block(
                kind=kind,
                start=start,
                end=len(text),
                level=level if kind is BlockKind.HEADING else 0,
            )
        )
        if len(blocks) % 2 == 0:
            pages.append(
                Page(number=len(pages) + 1, start=pages[-1].end if pages else 0, end=start)
            )
    return Document(text=text, format="text", title=title, blocks=tuple(blocks), pages=tuple(pages))


def paragraph(text: str) -> tuple[BlockKind, str, int]:
    return BlockKind.PARAGRAPH, text, 0


def heading(text: str, level: int = 1) -> tuple[BlockKind, str, int]:
    return BlockKind.HEADING, text, level


def chunks(*parts: tuple[BlockKind, str, int], **changes: int) -> tuple[Chunk, ...]:
    return split(document(list(parts)), count, SplitSettings(**changes))


TIGHT = {"chunk_tokens": 64, "header_tokens": 16}
LONG = "A sentence of exactly eight words stands here. " * 3


@settings(deadline=None, max_examples=200)
@given(
    parts=BLOCKS,
    title=st.text(max_size=60),
    limit=st.integers(32, 90),
    header=st.integers(0, 16),
    rows=st.integers(1, 40),
)
def test_spans_are_exact_and_hold_everything(
    parts: list[tuple[BlockKind, str, int]], title: str, limit: int, header: int, rows: int
) -> None:
    whole = document(parts, title=title)
    options = SplitSettings(chunk_tokens=limit, header_tokens=header, rows_tokens=rows)
    made = split(whole, count, options)
    covered: set[int] = set()
    for ordinal, chunk in enumerate(made):
        assert chunk.ordinal == ordinal
        assert chunk.text == whole.text[chunk.start : chunk.end]
        assert chunk.text.strip()
        assert chunk.tokens == count([chunk.embedded_text])[0] + 2
        assert chunk.tokens <= limit
        assert count([chunk.header])[0] <= max(header, 0)
        assert not covered & set(range(chunk.start, chunk.end))
        covered |= set(range(chunk.start, chunk.end))
    assert [chunk.start for chunk in made] == sorted(chunk.start for chunk in made)
    missing = [whole.text[n] for n in range(len(whole.text)) if n not in covered]
    assert not "".join(missing).strip()


@settings(deadline=None, max_examples=100)
@given(parts=BLOCKS)
def test_the_same_document_gives_the_same_chunks(parts: list[tuple[BlockKind, str, int]]) -> None:
    whole = document(parts)
    assert split(whole, count, SplitSettings()) == split(whole, count, SplitSettings())


def test_a_document_without_text_gives_no_chunk() -> None:
    assert split(Document(text="", format="text"), count, SplitSettings()) == ()


def test_a_chunk_never_crosses_a_heading() -> None:
    made = chunks(heading("Tea"), paragraph(LONG), heading("Coffee"), paragraph(LONG))
    assert [chunk.headings for chunk in made] == [("Tea",), ("Coffee",)]
    assert made[0].text.startswith("Tea\n\nA sentence")
    assert made[1].text.startswith("Coffee")


def test_headings_form_a_path() -> None:
    made = chunks(
        heading("Handbook", 1),
        paragraph(LONG),
        heading("Leave", 2),
        paragraph(LONG),
        heading("Parents", 3),
        paragraph(LONG),
        heading("Travel", 2),
        paragraph(LONG),
    )
    assert [chunk.headings for chunk in made] == [
        ("Handbook",),
        ("Handbook", "Leave"),
        ("Handbook", "Leave", "Parents"),
        ("Handbook", "Travel"),
    ]


def test_a_short_lead_joins_the_first_section_beneath_it() -> None:
    made = chunks(
        heading("Policy", 1), paragraph("Owner: Ada."), heading("Scope", 2), paragraph(LONG)
    )
    assert len(made) == 1
    assert "Owner: Ada." in made[0].text
    assert "eight words" in made[0].text


def test_a_lead_never_joins_a_section_beside_it() -> None:
    made = chunks(heading("Tea", 2), paragraph("Hot."), heading("Coffee", 2), paragraph(LONG))
    assert [chunk.headings for chunk in made] == [("Tea",), ("Coffee",)]


def test_later_chunks_of_a_joined_section_keep_its_heading() -> None:
    parts = [paragraph(LONG) for _ in range(6)]
    made = chunks(
        heading("Policy", 1), paragraph("Owner: Ada."), heading("Notice", 2), *parts, **TIGHT
    )
    assert len(made) > 2
    assert all(chunk.headings == ("Policy", "Notice") for chunk in made[1:])


def test_the_header_names_title_and_headings() -> None:
    whole = document([heading("Leave"), paragraph(LONG)], title="Handbook")
    (made,) = split(whole, count, SplitSettings())
    assert made.header == "Handbook > Leave"
    assert made.embedded_text == f"Handbook > Leave\n{made.text}"


def test_a_title_that_is_a_heading_is_named_once() -> None:
    whole = document([heading("Handbook"), paragraph(LONG)], title="Handbook")
    (made,) = split(whole, count, SplitSettings())
    assert made.header == "Handbook"


def test_a_long_header_loses_its_general_part() -> None:
    title = " ".join(f"general{n}" for n in range(60))
    whole = document([heading("Leave"), paragraph(LONG)], title=title)
    (made,) = split(whole, count, SplitSettings(header_tokens=10))
    assert made.header.endswith("> Leave")
    assert count([made.header])[0] <= 10


def test_rows_are_spread_over_chunks() -> None:
    rows = [(BlockKind.TABLE_ROW, f"article {n} costs {n} euro", 0) for n in range(40)]
    made = split(document(rows, gap="\n"), count, SplitSettings(rows_tokens=20))
    assert all(count([chunk.text])[0] <= 20 for chunk in made)
    assert all(line.startswith("article") for chunk in made for line in chunk.text.split("\n"))


def test_a_long_block_is_split_at_sentence_ends() -> None:
    made = chunks(paragraph("A sentence of exactly eight words stands here. " * 40), **TIGHT)
    assert len(made) > 4
    assert all(chunk.text.endswith("here.") for chunk in made)


def test_a_section_that_fits_stays_whole_and_a_longer_one_is_cut_finer() -> None:
    text = "A sentence of exactly eight words stands here."
    fits, longer = paragraph(" ".join([text] * 12)), paragraph(" ".join([text] * 24))
    room = count([fits[1]])[0] + 40
    whole, *pieces = chunks(
        heading("A"), fits, heading("B"), longer,
        chunk_tokens=room, header_tokens=8, piece_tokens=32,
    )  # fmt: skip
    assert count([whole.text])[0] > 32
    assert len(pieces) > 4
    assert all(count([piece.text])[0] <= 32 for piece in pieces)


def test_a_piece_is_never_longer_than_a_chunk() -> None:
    made = chunks(paragraph(LONG * 9), chunk_tokens=40, header_tokens=0, piece_tokens=500)
    assert max(chunk.tokens for chunk in made) <= 40


def test_a_word_without_end_is_split_too() -> None:
    made = chunks(paragraph("-" * 5000))
    assert "".join(chunk.text for chunk in made) == "-" * 5000


def test_a_chunk_knows_the_page_on_which_it_starts() -> None:
    text = f"{LONG.strip()}\n\n{LONG.strip()}"
    middle = len(LONG.strip())
    whole = Document(
        text=text,
        format="pdf",
        blocks=(
            Block(kind=BlockKind.PARAGRAPH, start=0, end=middle),
            Block(kind=BlockKind.PARAGRAPH, start=middle + 2, end=len(text)),
        ),
        pages=(
            Page(number=1, start=0, end=middle),
            Page(number=2, start=middle + 2, end=len(text)),
        ),
    )
    made = split(whole, count, SplitSettings(chunk_tokens=40, header_tokens=8))
    assert [chunk.page for chunk in made] == [1, 2]


@pytest.mark.parametrize(
    "wrong",
    [
        {"chunk_tokens": 31},
        {"piece_tokens": 15},
        {"header_tokens": -1},
        {"chunk_tokens": 64, "header_tokens": 33},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="tokens must be"):
        SplitSettings(**wrong)
