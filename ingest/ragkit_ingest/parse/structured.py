"""JSON, JSON Lines and XML: every record becomes a row "key: value; key: value"."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from lxml import etree  # type: ignore[import-untyped]

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.parse.builder import DocumentBuilder, fold_space
from ragkit_ingest.parse.encoding import decode
from ragkit_ingest.parse.file import read_bytes
from ragkit_ingest.parse.html import add_html
from ragkit_ingest.parse.prose import add_prose, is_prose
from ragkit_ingest.parse.protocol import Source
from ragkit_ingest.records import BlockKind, Document

_PROSE_CHARS = 100
_MARKUP = re.compile(r"</(?:p|a|div|li|strong|em|h[1-6])>")
XML_SUFFIXES = ".xml .fb2 .dbk .docbook .jats .tei .nxml .rss .atom"
"""What is read as XML."""
_HEADINGS = frozenset({"title", "head", "heading", "article-title"})


class JsonParser:
    """Reads JSON and JSON Lines."""

    name = "json"
    version = 1
    suffixes = frozenset({".json", ".jsonl", ".ndjson"})

    def parse(self, source: Source) -> Document:
        """Return the file's Document: one row a record, one row a value elsewhere.

        Raises:
            BrokenFileError: If the file is not JSON.
        """
        decoded = decode(read_bytes(source.path))
        builder = DocumentBuilder("json")
        try:
            if source.path.suffix.lower() == ".json":
                _add_value(builder, json.loads(decoded.text), "", 2)
            else:
                _add_lines(builder, decoded.text)
        except (ValueError, RecursionError) as exc:
            raise BrokenFileError(f"this is not valid JSON: {exc}") from exc
        builder.notice(*decoded.notices)
        return builder.build()


def _add_lines(builder: DocumentBuilder, text: str) -> None:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as exc:
            raise ValueError(f"line {number}: {exc}") from exc
        builder.add(BlockKind.TABLE_ROW, _row(record))


def _add_value(builder: DocumentBuilder, value: Any, path: str, level: int) -> None:
    if isinstance(value, dict):
        for key, part in value.items():
            _add_value(builder, part, f"{path}.{key}" if path else str(key), level)
    elif isinstance(value, list) and any(isinstance(part, dict) for part in value):
        if path:
            builder.add(BlockKind.HEADING, path, level=level)
        for record in value:
            builder.add(BlockKind.TABLE_ROW, _row(record))
    else:
        builder.add(BlockKind.TABLE_ROW, "; ".join(_pairs(value, path)))


def _row(record: Any) -> str:
    return "; ".join(_pairs(record, ""))


def _pairs(value: Any, path: str) -> Iterator[str]:
    """Yield "key.path: value" for every value within, lists of plain values joined."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _pairs(part, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(part, dict | list) for part in value):
        for number, part in enumerate(value, start=1):
            yield from _pairs(part, f"{path}.{number}" if path else str(number))
    else:
        text = ", ".join(map(_scalar, value)) if isinstance(value, list) else _scalar(value)
        if text:
            yield f"{path}: {text}" if path else text


def _scalar(value: Any) -> str:
    if value is None:
        return ""
    return fold_space(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class XmlParser:
    """Reads XML of any vocabulary; entities are never expanded or fetched."""

    name = "xml"
    version = 3
    suffixes = frozenset(XML_SUFFIXES.split())

    def parse(self, source: Source) -> Document:
        """Return the file's Document: prose as paragraphs, leaf elements as rows.

        Raises:
            BrokenFileError: If the file is not well-formed XML.
        """
        data = read_bytes(source.path)
        builder = DocumentBuilder("xml")
        try:
            root = etree.fromstring(data, _xml_parser(recover=False))
        except (etree.LxmlError, ValueError) as exc:
            root = etree.fromstring(data, _xml_parser(recover=True))
            if root is None or not "".join(root.itertext()).strip():
                raise BrokenFileError(f"this is not well-formed XML: {exc}") from exc
            builder.notice(f"the XML is not well-formed ({exc}); what could be read was kept")
        if is_prose(root):
            return builder.build(add_prose(builder, root))
        _add_tree(builder, root)
        return builder.build()


def _xml_parser(*, recover: bool) -> Any:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        remove_comments=True,
        remove_pis=True,
        recover=recover,
    )


def _add_tree(builder: DocumentBuilder, root: Any) -> None:
    """Write a tree; recursion is bounded, since the parser refuses more than 256 levels."""
    children = [child for child in root if isinstance(child.tag, str)]
    if _is_mixed(root, children):
        builder.add(BlockKind.PARAGRAPH, "".join(root.itertext()))
    elif children and all(_is_leaf(child) and not _is_prose(child) for child in children):
        builder.add(BlockKind.TABLE_ROW, "; ".join(_leaves(root, children)))
    else:
        builder.add(BlockKind.TABLE_ROW, "; ".join(_attributes(root)))
        if not children:
            builder.add(BlockKind.PARAGRAPH, root.text or "")
        for child in children:
            if _is_leaf(child):
                _add_leaf(builder, child)
            else:
                _add_tree(builder, child)


def _add_leaf(builder: DocumentBuilder, leaf: Any) -> None:
    if _name(leaf).lower() in _HEADINGS:
        builder.add(BlockKind.HEADING, leaf.text or "", level=2)
    elif _MARKUP.search(leaf.text or ""):
        add_html(builder, leaf.text)
    elif _is_prose(leaf):
        builder.add(BlockKind.PARAGRAPH, leaf.text or "")
    else:
        builder.add(BlockKind.TABLE_ROW, "; ".join(_leaves(leaf, [leaf])))


def _is_prose(leaf: Any) -> bool:
    return _name(leaf) in {"p", "para"} or len(leaf.text or "") >= _PROSE_CHARS


def _is_leaf(element: Any) -> bool:
    return not any(isinstance(child.tag, str) for child in element)


def _is_mixed(element: Any, children: list[Any]) -> bool:
    own = [element.text, *(child.tail for child in children)]
    return bool(children) and any(text and text.strip() for text in own)


def _leaves(element: Any, children: list[Any]) -> Iterator[str]:
    if element not in children:
        yield from _attributes(element)
    for child in children:
        text = fold_space(child.text or "")
        pairs = list(_attributes(child))
        if text:
            yield f"{_name(child)}: {text}"
        yield from pairs


def _attributes(element: Any) -> Iterator[str]:
    for key, value in element.attrib.items():
        if value.strip() and not key.startswith("{"):
            yield f"{_name(element)} {key}: {fold_space(value)}"


def _name(element: Any) -> str:
    return str(etree.QName(element).localname)
