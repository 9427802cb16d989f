"""XML from strangers: entities are not expanded, nothing is fetched."""

from __future__ import annotations

from typing import Any

from lxml import etree  # type: ignore[import-untyped]

from ragkit_ingest.errors import BrokenFileError

Element = Any
"""An lxml element; its type stubs are not a dependency."""


def parse_xml(data: bytes) -> Element:
    """Return the root element; comments and processing instructions are left out.

    Raises:
        BrokenFileError: If the bytes are not well-formed XML.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    try:
        return etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError) as exc:
        raise BrokenFileError(f"this is not well-formed XML: {exc}") from exc


def local_name(element: Element) -> str:
    """Return an element's name without its namespace; empty for what is no element."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: Element, name: str) -> str:
    """Return an attribute by its name without namespace, empty if there is none."""
    for key, value in element.attrib.items():
        if key.rpartition("}")[2] == name:
            return str(value)
    return ""
