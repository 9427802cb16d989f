from __future__ import annotations

from collections.abc import Callable

import pytest

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.records import Document

Parse = Callable[[str, bytes], Document]
Blocks = Callable[[Document], list[tuple[str, str]]]

PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">
<title>Descaling &amp; care</title><meta name="description" content="How to  descale">
<meta name="author" content="Marguerite"><meta name="date" content="2026-04-08">
<style>p{}</style><script>var a = "no";</script></head><body>
<header><a href="/">Home</a></header><nav><ul><li>Menu</li></ul></nav>
<main><h1>Descaling</h1><p>Use <b>one</b> sachet<br>per kettle.</p>
<p hidden>secret</p><div style="display: none">hidden</div><span aria-hidden="true">x</span>
<ol start="3"><li>Fill<ul><li>cold water</li></ul></li><li><p>Boil</p></li></ol>
<dl><dt>LF-2</dt><dd>the filter</dd></dl>
<table><caption>Times</caption><thead><tr><th>Water</th><th>Boils</th></tr></thead>
<tr><td rowspan="2">soft</td><td>400</td></tr><tr><td>410</td></tr></table>
<pre>a
  b</pre><figure><img src="a.png"><figcaption>The kettle</figcaption></figure>
<form><input value="q"><button>Go</button></form></main>
<aside>Advert</aside><footer>Imprint</footer></body></html>"""


def test_the_article_is_kept_and_the_site_is_not(parse: Parse, blocks: Blocks) -> None:
    document = parse("page.html", PAGE.encode())
    assert blocks(document) == [
        ("h1", "Descaling"),
        ("paragraph", "Use one sachet per kettle."),
        ("list_item", "3. Fill"),
        ("list_item", "cold water"),
        ("list_item", "4. Boil"),
        ("list_item", "LF-2: the filter"),
        ("caption", "Times"),
        ("table_row", "Water: soft; Boils: 400"),
        ("table_row", "Water: soft; Boils: 410"),
        ("code", "a\n  b"),
        ("caption", "The kettle"),
    ]
    assert document.title == "Descaling & care"
    assert document.metadata == {
        "language": "en",
        "description": "How to descale",
        "author": "Marguerite",
        "date": "2026-04-08",
    }


def test_a_page_without_main_loses_no_content(parse: Parse) -> None:
    document = parse(
        "a.html",
        b"<body><header><h1>Title</h1></header><div>one <i>two</i></div>three<footer>f</footer>",
    )
    assert document.text == "Title\n\none two\n\nthree"


def test_a_page_that_is_all_footer_is_still_read(parse: Parse) -> None:
    assert parse("a.html", b"<body><footer>only this</footer></body>").text == "only this"


def test_a_form_around_the_whole_page_is_not_dropped(parse: Parse) -> None:
    document = parse("a.html", b"<body><form><p>The whole page stands here.</p></form></body>")
    assert document.text == "The whole page stands here."


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("<meta charset='windows-1251'><p>Москва</p>".encode("cp1251"), "Москва"),
        (b"<meta charset=iso-8859-1><p>\x93quoted\x94</p>", "\u201cquoted\u201d"),
        ("<p>日本語</p>".encode("utf-16"), "日本語"),
        ("<?xml version='1.0' encoding='utf-8'?><html><p>é</p></html>".encode(), "é"),
        ("<p>Zürich</p>".encode(), "Zürich"),
    ],
)
def test_encodings(parse: Parse, data: bytes, expected: str) -> None:
    assert parse("a.html", data).text == expected


def test_layout_tables_read_as_text(parse: Parse, blocks: Blocks) -> None:
    page = b"<table role='presentation'><tr><td><p>one</p></td><td><p>two</p></td></tr></table>"
    assert blocks(parse("a.html", page)) == [("paragraph", "one"), ("paragraph", "two")]


@pytest.mark.parametrize("depth", [500, 20_000])
def test_hostile_nesting_is_read_or_refused(parse: Parse, depth: int) -> None:
    data = b"<div class=nav>" * depth + b"text" + b"<b>" * depth
    if depth > 2000:
        with pytest.raises(BrokenFileError, match="nested too deeply"):
            parse("deep.html", data)
    else:
        assert parse("deep.html", data).text == "text"


def test_a_page_without_text_gives_an_empty_document(parse: Parse) -> None:
    assert parse("a.html", b"<html><body><img src=a></body></html>").text == ""


def test_a_binary_file_is_refused(parse: Parse) -> None:
    with pytest.raises(BrokenFileError, match="binary"):
        parse("a.html", b"<html>\x00\x01\x02</html>")


@pytest.mark.parametrize(
    "style",
    [
        "font-size:0", "FONT-SIZE : 0px", "opacity:0.0", "color:transparent",
        "color: #FFF; background-color: white", "background:#000000;color:black !important",
        "position:absolute;left:-9999px", "text-indent:-10000em", "clip:rect(0, 0, 0, 0)",
        "font: 0px serif",
    ],
)  # fmt: skip
def test_concealed_text_is_left_out_and_said(parse: Parse, style: str) -> None:
    page = f"<p>Seen <b style='{style}'>unseen <i>also</i></b> here.</p><p>Next</p>"
    document = parse("page.html", page.encode())
    assert document.text == "Seen here.\n\nNext"
    (notice,) = document.notices
    assert notice.startswith("1 part with text that no reader sees")


@pytest.mark.parametrize(
    "style",
    [
        "font-size:0.8em", "font-size:10px", "opacity:0.05", "opacity:.9", "color:#fff",
        "color:white;background:navy", "left:-5px", "background-color:white", "opacity:01",
        "font: 10px serif",
    ],
)  # fmt: skip
def test_what_can_be_read_stays(parse: Parse, style: str) -> None:
    document = parse("page.html", f"<p>Seen <b style='{style}'>too</b></p>".encode())
    assert (document.text, document.notices) == ("Seen too", ())


def test_hidden_parts_of_cells_captions_and_code_are_left_out(parse: Parse) -> None:
    page = """<h1>T<i hidden>no</i></h1><table><caption>C<i hidden>no</i></caption>
    <tr><th>a<i hidden>no</i></th><th>b</th></tr><tr><td>1<i style="display:none">no</i></td>
    <td>2</td></tr></table><pre>code<i hidden>no</i>
  kept</pre>"""
    document = parse("page.html", page.encode())
    assert document.text == "T\n\nC\n\na: 1; b: 2\n\ncode\n  kept"
    assert document.notices == ()
