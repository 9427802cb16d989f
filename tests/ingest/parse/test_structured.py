from __future__ import annotations

from collections.abc import Callable

import pytest

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.records import Document

Parse = Callable[[str, bytes], Document]
Blocks = Callable[[Document], list[tuple[str, str]]]


def test_records_become_rows(parse: Parse, blocks: Blocks) -> None:
    data = b'{"name": "Q", "at": {"city": "P"}, "items": [{"a": 1, "t": ["x", "y"]}, {"a": null}]}'
    assert blocks(parse("a.json", data)) == [
        ("table_row", "name: Q"),
        ("table_row", "at.city: P"),
        ("h2", "items"),
        ("table_row", "a: 1; t: x, y"),
    ]


def test_json_lines(parse: Parse) -> None:
    document = parse("a.jsonl", b'{"id": 1, "ok": true}\n\n{"id": 2}\n')
    assert document.text == "id: 1; ok: true\nid: 2"


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.json", b"{", "not valid JSON"),
        ("a.jsonl", b"{}\n{", "line 2"),
        ("a.json", b"[" * 100_000, "not valid JSON"),
        ("a.xml", b"no xml", "not well-formed"),
    ],
)
def test_what_is_not_the_format_is_refused(
    parse: Parse, name: str, data: bytes, reason: str
) -> None:
    with pytest.raises(BrokenFileError, match=reason):
        parse(name, data)


def test_xml_leaves_become_rows_and_prose_paragraphs(parse: Parse, blocks: Blocks) -> None:
    data = (
        b"<r><kettle id='7'><name>QK</name><watt>1850</watt></kettle>"
        b"<sec><title>Use</title><p>Fill it.</p><p>Then <b>boil</b> it.</p></sec></r>"
    )
    assert blocks(parse("a.xml", data)) == [
        ("table_row", "kettle id: 7; name: QK; watt: 1850"),
        ("h2", "Use"),
        ("paragraph", "Fill it."),
        ("paragraph", "Then boil it."),
    ]


def test_an_empty_paragraph_between_records_is_nothing(parse: Parse, blocks: Blocks) -> None:
    data = b"<r><p/><kettle><p>QK</p></kettle><para></para><sec><p/><x><y>1</y></x></sec></r>"
    assert [text for _, text in blocks(parse("a.xml", data))] == ["QK", "y: 1"]


def test_entities_are_neither_expanded_nor_fetched(parse: Parse) -> None:
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 12))
    data = (
        f'<!DOCTYPE r [<!ENTITY l0 "ha">{laughs}<!ENTITY f SYSTEM "file:///etc/passwd">]>'
        "<r><a>x&l11;</a><b>&f;y</b></r>"
    )
    try:
        document = parse("bomb.xml", data.encode())
    except BrokenFileError:
        return
    assert len(document.text) < 1000
    assert "root" not in document.text
