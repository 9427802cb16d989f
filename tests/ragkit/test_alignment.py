"""Lines are exact spans, and windows are found by their words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ragkit.alignment import Ground, align, lines, windows
from ragkit.wording import analysed
from ragkit_ingest.records import BlockKind
from tests.support.passage import passage

TEXT = "Tea is hot. Coffee is hotter.\n\nMilk is cold.\nSo is water."


def test_lines_are_sentences_and_paragraphs_are_apart() -> None:
    assert [line.flat for line in lines(TEXT)] == [
        "Tea is hot.",
        "Coffee is hotter.",
        "Milk is cold.",
        "So is water.",
    ]


def test_headings_rows_and_code_are_lines_too() -> None:
    found = passage(
        (BlockKind.HEADING, "Prices. And more"),
        (BlockKind.TABLE_ROW, "Tea. 2 euros. Hot"),
        (BlockKind.CODE, "a = 1\n\nb = 2"),
        "One. Two.",
        start=100,
    )
    told = lines(found.text, found.start, found.blocks)
    assert [line.text for line in told] == [
        "Prices. And more",
        "Tea. 2 euros. Hot",
        "a = 1",
        "b = 2",
        "One.",
        "Two.",
    ]
    for line in told:
        assert found.text[line.start - 100 : line.end - 100] == line.text


@given(st.text(alphabet="ab .!\n\t\u4f60\u3002", max_size=60), st.integers(0, 9))
def test_lines_are_exact_spans_in_order(text: str, offset: int) -> None:
    position = offset
    for line in lines(text, offset):
        assert position <= line.start < line.end
        assert text[line.start - offset : line.end - offset] == line.text
        position = line.end


def test_the_best_window_is_the_shortest_that_holds_the_words() -> None:
    ground = Ground(lines=lines(TEXT))
    first = windows(analysed("Coffee is hotter"), ground)[0]
    assert (first.first, first.last) == (1, 1)
    both = windows(analysed("Coffee and milk"), ground)[0]
    assert (both.first, both.last) == (1, 2)


def test_an_alignment_counts_what_is_missing_and_what_was_replaced() -> None:
    ground = Ground(lines=lines("The old kettle boils water quickly."))
    claim = analysed("The old kettle boils milk quickly.")
    found = align(claim, ground, windows(claim, ground)[0])
    assert [word.text for word in found.missing] == ["milk"]
    assert (found.replaced, found.inserted, found.conflicts) == (1, 0, ())
    assert found.aligned == 4 / 5
    assert found.run == 4 / 6
