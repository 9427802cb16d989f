"""Filters on documents: which of them a question is asked of.

A filter is resolved before the ranking, in the catalog, so that k results come back whenever k
exist.

    path=contracts/*          a shell pattern, or the exact path
    format=pdf                equal, whatever the case
    department=legal|finance  equal to one of several
    date=>=2026-01-01         >=, <=, > or <, by number if both are numbers, else by text
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

from ragkit_ingest.catalog.reading import DocumentFacts
from ragkit_ingest.errors import UsageError
from ragkit_ingest.records import MetadataValue

Where = Mapping[str, MetadataValue]
"""Field to condition; a document must meet all of them. A number is a condition of equality."""

_COMPARISONS: dict[str, Callable[[float | str, float | str], bool]] = {
    ">=": lambda left, right: left >= right,  # type: ignore[operator]
    "<=": lambda left, right: left <= right,  # type: ignore[operator]
    ">": lambda left, right: left > right,  # type: ignore[operator]
    "<": lambda left, right: left < right,  # type: ignore[operator]
}


def matching(documents: Sequence[DocumentFacts], where: Where) -> list[int]:
    """Return the ids of the documents that meet every condition, in their order.

    Raises:
        UsageError: If no document has one of the fields.
    """
    for field in where:
        _check_known(field, documents)
    return [
        document.id
        for document in documents
        if all(_meets(document, field, str(condition)) for field, condition in where.items())
    ]


def _check_known(field: str, documents: Sequence[DocumentFacts]) -> None:
    if field in {"path", "format"} or any(field in document.metadata for document in documents):
        return
    known = sorted({"path", "format"}.union(*(document.metadata for document in documents)))
    raise UsageError(
        f"no document has the field {field!r} to filter by; there are: {', '.join(known)}"
    )


def _meets(document: DocumentFacts, field: str, condition: str) -> bool:
    if field == "path":
        return any(_path_matches(document.path, pattern) for pattern in condition.split("|"))
    value = document.format if field == "format" else document.metadata.get(field)
    if value is None:
        return False
    for sign, compare in _COMPARISONS.items():
        if condition.startswith(sign):
            return compare(*_comparable(value, condition.removeprefix(sign).strip()))
    return _text(value) in {option.strip().casefold() for option in condition.split("|")}


def _path_matches(path: str, pattern: str) -> bool:
    pattern = pattern.strip()
    return path == pattern or fnmatchcase(path, pattern)


def _comparable(value: MetadataValue, bound: str) -> tuple[float | str, float | str]:
    try:
        return float(value), float(bound)
    except ValueError:
        return str(value), bound


def _text(value: MetadataValue) -> str:
    return str(value).strip().casefold()
