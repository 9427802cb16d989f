from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.parse.builder import DocumentBuilder, clean
from ragkit_ingest.parse.encoding import decode
from ragkit_ingest.parse.text import add_plain_text
from ragkit_ingest.records import Document

Parse = Callable[[str, bytes], Document]
Blocks = Callable[[Document], list[tuple[str, str]]]

MINUTES = """PRODUCT BOARD
=============

Present: Zoë, René

1. Open questions
2. Anything else

Warranty of the kettle
\x20
The board decided that the warranty is extended from 24 to 30 months for every kettle
invoiced on or after 1 April.
- the help centre changes
  its page
- the policy follows


    indented end
"""


@given(st.text(alphabet=st.sampled_from("ab -=1.\n\n\t\u00e9A\u00a0"), max_size=200))
def test_the_text_is_the_files_own(text: str) -> None:
    builder = DocumentBuilder("text")
    add_plain_text(builder, text)
    document = builder.build()
    lines = [line.rstrip() for line in clean(text).split("\n")]
    assert document.text.lstrip() == "\n".join(lines).strip()
    inside = "".join(document.text[b.start : b.end] for b in document.blocks)
    assert "".join(inside.split()) == "".join(text.split())


def test_blocks_are_recognised(parse: Parse, blocks: Blocks) -> None:
    document = parse("minutes.txt", MINUTES.encode())
    assert blocks(document) == [
        ("h1", "PRODUCT BOARD\n============="),
        ("paragraph", "Present: Zoë, René"),
        ("list_item", "1. Open questions"),
        ("list_item", "2. Anything else"),
        ("h2", "Warranty of the kettle"),
        (
            "paragraph",
            "The board decided that the warranty is extended from 24 to 30 months for every "
            "kettle\ninvoiced on or after 1 April.",
        ),
        ("list_item", "- the help centre changes\n  its page"),
        ("list_item", "- the policy follows"),
        ("paragraph", "indented end"),
    ]
    assert document.title == "PRODUCT BOARD"
    assert document.text.endswith("- the policy follows\n\n\n    indented end")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_unicode_encodings_are_told_by_their_mark(parse: Parse, encoding: str) -> None:
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    document = parse("note.txt", f"{mark}Grüße aus Zürich".encode(encoding))
    assert document.text == "Grüße aus Zürich"
    assert document.notices == ()


def test_another_encoding_is_guessed_and_told(parse: Parse) -> None:
    text = "Die Prüfung der Kessel dauert länger als üblich, weil drei Öfen gewartet werden."
    document = parse("note.txt", text.encode("cp1252"))
    assert document.text == text
    assert "guessed" in document.notices[0]


def test_a_few_damaged_bytes_do_not_change_the_encoding(parse: Parse) -> None:
    data = ("Prüfung, Öfen, Größe, Maß, Übung. " * 3).encode() + b"\xff end"
    document = parse("note.txt", data)
    assert "Größe" in document.text
    assert "1 characters" in document.notices[0]


@pytest.mark.parametrize("data", [b"MZ\x90\x00\x03\x00", bytes(range(1, 32)) * 20])
def test_a_binary_file_is_refused(parse: Parse, data: bytes) -> None:
    with pytest.raises(BrokenFileError, match="binary file"):
        parse("setup.txt", data)


def test_an_empty_file_is_refused(parse: Parse) -> None:
    with pytest.raises(BrokenFileError, match="empty"):
        parse("empty.txt", b"")


@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_are_decoded_or_refused(data: bytes) -> None:
    try:
        decoded = decode(data)
    except BrokenFileError:
        return
    assert isinstance(decoded.text, str)
