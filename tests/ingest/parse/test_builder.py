from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit_ingest.parse.builder import DocumentBuilder, clean, fold_space
from ragkit_ingest.records import BlockKind

KINDS = st.sampled_from([kind for kind in BlockKind if kind is not BlockKind.HEADING])
PIECES = st.lists(st.one_of(st.none(), st.tuples(KINDS, st.text(), st.booleans())), max_size=20)


@given(PIECES)
def test_spans_reproduce_what_was_added(
    pieces: list[tuple[BlockKind, str, bool] | None],
) -> None:
    builder = DocumentBuilder("test")
    expected: list[str] = []
    for piece in pieces:
        if piece is None:
            builder.page()
            continue
        kind, text, verbatim = piece
        builder.add(kind, text, verbatim=verbatim)
        shown = clean(text).strip("\n").rstrip() if verbatim else fold_space(clean(text))
        if shown.strip():
            expected.append(shown)
    document = builder.build()
    assert [document.text[b.start : b.end] for b in document.blocks] == expected
    assert [page.number for page in document.pages] == list(range(1, len(document.pages) + 1))
    assert len(document.pages) == pieces.count(None)


@given(st.text())
def test_clean_is_stable_and_leaves_no_control_characters(text: str) -> None:
    once = clean(text)
    assert clean(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert not {unicodedata.category(char) for char in once if char not in "\n\t"} & {"Cc", "Cs"}


def test_a_page_without_text_is_empty_and_in_place() -> None:
    builder = DocumentBuilder("test")
    for text in ("first", "", "third"):
        builder.page()
        builder.add(BlockKind.PARAGRAPH, text)
    first, second, third = builder.build().pages
    assert (first.start, first.end) == (0, 5)
    assert second.start == second.end
    assert (third.start, third.end) == (7, 12)


def test_a_gap_keeps_the_files_own_white_space() -> None:
    builder = DocumentBuilder("test")
    builder.add(BlockKind.PARAGRAPH, "a")
    builder.add(BlockKind.PARAGRAPH, "b", gap="\n\n\n  ")
    assert builder.build().text == "a\n\n\n  b"


@pytest.mark.parametrize("gap", ["", "x", " x "])
def test_a_gap_that_is_no_white_space_is_refused(gap: str) -> None:
    builder = DocumentBuilder("test")
    builder.add(BlockKind.PARAGRAPH, "a")
    with pytest.raises(ValueError, match="white space"):
        builder.add(BlockKind.PARAGRAPH, "b", gap=gap)


def test_metadata_is_cleaned() -> None:
    document = DocumentBuilder("test").build({"title": " a\x00\u200bb  c ", "pages": 3})
    assert document.metadata == {"title": "a b c", "pages": 3}


def test_letters_of_the_invisible_alphabet_and_runs_of_selectors_go() -> None:
    tags = "".join(chr(0xE0000 + ord(char)) for char in "obey")
    assert clean(f"a{tags}b\u2063c\u061cd") == "abcd"
    assert clean("\u845b\U000e0100\U000e0101\ufe0f!") == "\u845b\U000e0100!"
    assert clean("\u2764\ufe0f") == "\u2764\ufe0f"
