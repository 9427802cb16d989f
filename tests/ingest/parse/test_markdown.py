from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.parse.builder import DocumentBuilder
from ragkit_ingest.parse.markdown import add_markdown
from ragkit_ingest.records import Document

Parse = Callable[[str, bytes], Document]
Blocks = Callable[[Document], list[tuple[str, str]]]

HANDBOOK = """---
Title: Travel policy
valid_from: 2026-02-01
tags: [travel, "money"]
version: 3
nested: {a: 1}
---
# Travel *policy*

Book with [the Wharf](https://example.org) and
keep **all** receipts.  ![A map](map.png)

1. ask
2. book
   - train
   - ship

| City | Hotel limit |
|------|------------:|
| Gullhaven | **140** |
| a \\| b | |

```python
def f():

    return "*"
```

> quoted `code` <b>bold</b><br>end

<div><p>inside html</p></div>
"""


def test_the_text_is_what_a_reader_sees(parse: Parse, blocks: Blocks) -> None:
    document = parse("travel.md", HANDBOOK.encode())
    assert blocks(document) == [
        ("h1", "Travel policy"),
        ("paragraph", "Book with the Wharf and keep all receipts. A map"),
        ("list_item", "1. ask"),
        ("list_item", "2. book"),
        ("list_item", "train"),
        ("list_item", "ship"),
        ("table_row", "City: Gullhaven; Hotel limit: 140"),
        ("table_row", "City: a | b"),
        ("code", 'def f():\n\n    return "*"'),
        ("paragraph", "quoted code bold end"),
        ("paragraph", "inside html"),
    ]


def test_front_matter_becomes_metadata(parse: Parse) -> None:
    document = parse("travel.md", HANDBOOK.encode())
    assert document.title == "Travel policy"
    assert document.metadata == {
        "title": "Travel policy",
        "valid_from": "2026-02-01",
        "tags": "travel, money",
        "version": 3,
    }


def test_the_first_heading_is_the_title_without_front_matter(parse: Parse) -> None:
    document = parse("a.md", b"## Two\n\n# One\n\n# Other\n")
    assert document.title == "One"
    assert document.metadata == {}


@pytest.mark.parametrize("front", ["a: [1", "a: !!python/object:os.system x", "x: &a [*a]"])
def test_bad_front_matter_costs_nothing_else(parse: Parse, front: str) -> None:
    document = parse("a.md", f"---\n{front}\n---\nbody\n".encode())
    assert document.text == "body"


def test_a_rule_at_the_top_is_no_front_matter(parse: Parse) -> None:
    document = parse("a.md", b"---\njust text\n---\nbody\n")
    assert "just text" in document.text


@given(st.text(alphabet=st.sampled_from("ab*_`#[]()|-> \n1.<&\\"), max_size=300))
def test_no_text_breaks_positions(text: str) -> None:
    builder = DocumentBuilder("markdown")
    add_markdown(builder, text)
    document = builder.build()
    inside = "".join(document.text[b.start : b.end] for b in document.blocks)
    assert "".join(inside.split()) == "".join(document.text.split())


@given(st.lists(st.text(alphabet="abcdefgh \u00e9", min_size=1).filter(str.strip), max_size=8))
def test_plain_paragraphs_stay_as_they_are(paragraphs: list[str]) -> None:
    shown = [" ".join(paragraph.split()) for paragraph in paragraphs]
    builder = DocumentBuilder("markdown")
    add_markdown(builder, "\n\n".join(shown))
    assert builder.build().text == "\n\n".join(shown)


def test_deep_nesting_is_survived(parse: Parse) -> None:
    try:
        document = parse("deep.md", b"> " * 5000 + b"x\n\n" + b"[" * 5000)
    except BrokenFileError:
        return
    assert document.text
