from __future__ import annotations

from collections.abc import Callable

from ragkit_ingest.parse.code import CodeParser
from ragkit_ingest.parse.registry import BUILT_IN
from ragkit_ingest.records import Document

Parse = Callable[[str, bytes], Document]
Blocks = Callable[[Document], list[tuple[str, str]]]

SOURCE = '''import os


def f():
    """Doc."""

    return os


x = [

]
'''


def test_code_is_kept_verbatim_in_top_level_blocks(parse: Parse, blocks: Blocks) -> None:
    document = parse("a.py", SOURCE.encode())
    assert document.text == SOURCE.strip()
    assert blocks(document) == [
        ("code", "import os"),
        ("code", 'def f():\n    """Doc."""\n\n    return os'),
        ("code", "x = [\n\n]"),
    ]


def test_the_registry_knows_every_suffix() -> None:
    known = {suffix for suffix, target in BUILT_IN.items() if target.endswith("CodeParser")}
    assert known == CodeParser.suffixes


def test_notebooks_keep_markdown_and_code(parse: Parse, blocks: Blocks) -> None:
    data = b"""{"cells": [
      {"cell_type": "markdown", "source": ["# Kettles\\n", "boil *well*"]},
      {"cell_type": "code", "source": "a = 1", "outputs": [{"text": "no"}]}]}"""
    assert blocks(parse("a.ipynb", data)) == [
        ("h1", "Kettles"),
        ("paragraph", "boil well"),
        ("code", "a = 1"),
    ]


def test_subtitles_have_a_page_a_minute(parse: Parse) -> None:
    data = (
        b"WEBVTT\n\n00:59.000 --> 01:00.000\n<v Esme>Hello\n\n"
        b"2\n01:01:02.000 --> 01:01:03.000\nlater\n"
    )
    document = parse("a.vtt", data)
    assert [(page.label, document.text[page.start : page.end]) for page in document.pages] == [
        ("0:00", "Esme: Hello"),
        ("1:01", "later"),
    ]
