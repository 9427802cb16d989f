"""Which documents a filter lets through."""

from __future__ import annotations

import pytest

from ragkit.retrieve.filters import Where, matching
from ragkit_ingest.catalog.reading import DocumentFacts
from ragkit_ingest.errors import UsageError
from ragkit_ingest.records import MetadataValue


def document(id_: int, path: str, format_: str, **metadata: MetadataValue) -> DocumentFacts:
    return DocumentFacts(id=id_, path=path, format=format_, metadata=metadata)


DOCUMENTS = [
    document(1, "contracts/a.pdf", "pdf", department="Legal", date="2025-06-30", version=2),
    document(2, "contracts/old/b.pdf", "pdf", department="legal", date="2024-01-01", version=10),
    document(3, "notes/[draft].md", "markdown", department="Finance", final=True),
    document(4, "notes/c.md", "markdown", date="2026-01-01", version=1.5),
]


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ({}, [1, 2, 3, 4]),
        ({"format": "pdf"}, [1, 2]),
        ({"format": " PDF "}, [1, 2]),
        ({"format": "pdf|markdown"}, [1, 2, 3, 4]),
        ({"path": "contracts/*"}, [1, 2]),
        ({"path": "contracts/a.pdf"}, [1]),
        ({"path": "*.md"}, [3, 4]),
        ({"path": "notes/[draft].md"}, [3]),
        ({"path": "notes/?.md | contracts/a*"}, [1, 4]),
        ({"path": "CONTRACTS/*"}, []),
        ({"department": "legal"}, [1, 2]),
        ({"department": "legal|finance"}, [1, 2, 3]),
        ({"department": "leg"}, []),
        ({"date": ">=2025-06-30"}, [1, 4]),
        ({"date": "> 2025-06-30"}, [4]),
        ({"date": "<2025"}, [2]),
        ({"date": "<=2025-06-30"}, [1, 2]),
        ({"version": ">=2"}, [1, 2]),
        ({"version": ">9"}, [2]),
        ({"version": "<2"}, [4]),
        ({"version": 2}, [1]),
        ({"version": 1.5}, [4]),
        ({"version": "2.0|10.00"}, [1, 2]),
        ({"version": ">=1.5&<10"}, [1, 4]),
        ({"date": ">=2025-01-01 & < 2026"}, [1]),
        ({"date": ">2026&<2025"}, []),
        ({"final": True}, [3]),
        ({"final": "true"}, [3]),
        ({"format": "pdf", "version": ">=3"}, [2]),
    ],
)
def test_conditions(where: Where, wanted: list[int]) -> None:
    assert matching(DOCUMENTS, where) == wanted


def test_a_field_that_no_document_has_is_a_mistake() -> None:
    with pytest.raises(UsageError, match=r"'departement' .* date, department, final, format, path"):
        matching(DOCUMENTS, {"departement": "legal"})


@pytest.mark.parametrize("condition", [">=", "<", ">=2&3", ">2&", "> & <3"])
def test_a_comparison_without_its_value_is_a_mistake(condition: str) -> None:
    with pytest.raises(UsageError, match="is no comparison; write for example"):
        matching(DOCUMENTS, {"version": condition})


def test_path_and_format_are_always_known() -> None:
    assert matching([], {"path": "a", "format": "pdf"}) == []
    with pytest.raises(UsageError, match="there are: format, path"):
        matching([], {"author": "Ada"})
