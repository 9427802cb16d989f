"""Filters on documents: which of them a question is asked of.

A filter is resolved before the ranking, in the catalog, so that k results come back whenever k
exist.

    path=contracts/*          a shell pattern, or the exact path
    format=pdf                equal, whatever the case
    department=legal|finance  equal to one of several; numbers by value: 2 is 2.0
    date=>=2026-01-01         >=, <=, > or <, by number if both are numbers, else by text
    date=>=2026-01-01&<2027   a range: several comparisons, all of which must hold
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence

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
_SIGNS = tuple(_COMPARISONS)  # the longer ones first


def matching(documents: Sequence[DocumentFacts], where: Where) -> list[int]:
    """Return the ids of the documents that meet every condition, in their order.

    Raises:
        UsageError: If no document has one of the fields, or a comparison lacks its value.
    """
    for field in where:
        _check_known(field, documents)
    found = list(documents)
    for field, condition in where.items():
        meets = _test(field, str(condition))
        found = [document for document in found if meets(document)]
    return [document.id for document in found]


def _check_known(field: str, documents: Sequence[DocumentFacts]) -> None:
    if field in {"path", "format"} or any(field in document.metadata for document in documents):
        return
    known = sorted({"path", "format"}.union(*(document.metadata for document in documents)))
    raise UsageError(
        f"no document has the field {field!r} to filter by; there are: {', '.join(known)}"
    )


def _test(field: str, condition: str) -> Callable[[DocumentFacts], bool]:
    """Return what tells whether a document meets a condition, which is read only once."""
    if field == "path":
        return _path_test(condition)
    test = _comparison(condition) if condition.startswith(_SIGNS) else _equality(condition)
    if field == "format":
        return lambda document: test(document.format)

    def of_metadata(document: DocumentFacts) -> bool:
        value = document.metadata.get(field)
        return value is not None and test(value)

    return of_metadata


def _path_test(condition: str) -> Callable[[DocumentFacts], bool]:
    patterns = [pattern.strip() for pattern in condition.split("|")]
    exact = set(patterns)
    match = re.compile("|".join(fnmatch.translate(pattern) for pattern in patterns)).match
    return lambda document: document.path in exact or match(document.path) is not None


def _equality(condition: str) -> Callable[[MetadataValue], bool]:
    texts = {_text(option) for option in condition.split("|")}
    numbers = {number for text in texts if (number := _number(text)) is not None}

    def test(value: MetadataValue) -> bool:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return (number and value in numbers) or _text(value) in texts

    return test


def _comparison(condition: str) -> Callable[[MetadataValue], bool]:
    bounds = []
    for part in condition.split("&"):
        sign = next((sign for sign in _SIGNS if part.strip().startswith(sign)), None)
        bound = part.strip().removeprefix(sign or "").strip()
        if sign is None or not bound:
            raise UsageError(
                f"the condition {condition!r} is no comparison; write for example "
                ">=2026-01-01, or >=2026-01-01&<2027-01-01 for a range"
            )
        bounds.append((_COMPARISONS[sign], bound, _number(bound)))

    numeric = any(bound is not None for _, _, bound in bounds)

    def test(value: MetadataValue) -> bool:
        number = _number(value) if numeric else None  # a failed try takes longer than all the rest
        return all(
            compare(str(value), text) if number is None or bound is None else compare(number, bound)
            for compare, text, bound in bounds
        )

    return test


def _number(value: MetadataValue) -> float | None:
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _text(value: MetadataValue) -> str:
    return str(value).strip().casefold()
