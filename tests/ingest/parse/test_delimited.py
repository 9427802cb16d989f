from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.parse.delimited import blocks_of
from ragkit_ingest.records import Document

Parse = Callable[[str, bytes], Document]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_rows_are_named_by_the_header(parse: Parse, delimiter: str) -> None:
    rows = [["article", "name", "price"], ["LF-2", "Filter; fine", "7.90"], ["SP-1", "", "3"]]
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    document = parse("prices.csv", buffer.getvalue().encode())
    assert document.text == (
        "article: LF-2; name: Filter; fine; price: 7.90\narticle: SP-1; price: 3"
    )


def test_a_table_without_header_keeps_its_cells(parse: Parse) -> None:
    assert parse("a.csv", b"1,2\n3,4\n").text == "1 | 2\n3 | 4"


def test_a_title_above_the_table_is_kept(parse: Parse) -> None:
    document = parse("a.tsv", b"Stanley Cups\t\t\nTeam\tCity\tCups\nBlues\tSTL\t1\n")
    assert document.text == "Stanley Cups\n\nTeam: Blues; City: STL; Cups: 1"


def test_line_breaks_within_a_cell_are_folded(parse: Parse) -> None:
    document = parse("a.csv", b'name,note\nA,"one\ntwo"\n')
    assert document.text == "name: A; note: one two"


def test_a_binary_file_is_refused(parse: Parse) -> None:
    with pytest.raises(BrokenFileError, match="binary"):
        parse("a.csv", b"a,b\x00\n")


CELLS = st.text(alphabet="abc12 ,;\"'\n\u00e9", max_size=8)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=6))
def test_no_value_is_lost(rows: list[list[str]]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer).writerows([["name", "note", "more", "last"], *rows])
    text = "\n".join(block for _, block in blocks_of(buffer.getvalue(), ","))
    for row in rows:
        for cell in row:
            assert " ".join(cell.split()) in text


def test_what_holds_for_every_row_is_said_once(parse: Parse) -> None:
    data = b"list,article,price\n2026,A,1\n2026,B,2\n2026,C,3\n"
    assert parse("a.csv", data).text == (
        "In every row: list: 2026\n\narticle: A; price: 1\narticle: B; price: 2\n"
        "article: C; price: 3"
    )
