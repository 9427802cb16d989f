"""The date of a document: what says it best wins, and what is no date is passed over."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.dating import document_date, later
from ragkit_ingest.catalog.reading import StoredDocument


def document(
    path: str = "a.md", title: str = "", text: str = "", **metadata: Any
) -> StoredDocument:
    return StoredDocument(
        id=1,
        path=path,
        format="text",
        title=title,
        text=text,
        blocks=(),
        pages=(),
        metadata=metadata,
    )


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (document(date="2025-02-10"), "2025-02-10"),
        (document(date="2025-10-02T08:41:00+02:00"), "2025-10-02"),
        (document(Date="Mon, 3 March 2025"), "2025-03-03"),
        (document(effective_from="2026-04-01", date="2025-12-01"), "2026-04-01"),
        (document("minutes/2026-05-12-management.md"), "2026-05-12"),
        (document("prices/price-list-2026-04.csv"), "2026-04"),
        (document("policies/travel-policy-2024.docx"), "2024"),
        (document("price_list_2024.csv"), "2024"),
        (document(title="Leave policy 2025"), "2025"),
        (document(text="Owner: Ann. In force from 1 February 2026. Replaces 2024."), "2026-02-01"),
        (document(text="effective_from: 2026-04-01; status: current"), "2026-04-01"),
        (document(text="Last updated: 13 October 2025"), "2025-10-13"),
        (document(text="Last updated: October 13th, 2025"), "2025-10-13"),
        (document(text="This agreement is made on 14 March 2023 between"), "2023-03-14"),
        (document(subject="2023-03-14", created="2000-01-01T00:00:00+00:00"), "2023-03-14"),
        (document(modified="2024-01-15T09:00:00+00:00"), "2024-01-15"),
        # the head says it more exactly than the name
        (document("travel-policy-2024.docx", text="In force from 15 January 2024."), "2024-01-15"),
        # a number of a contract, an article, a range or a day that is none
        (document("agreement-sa-2023-017.pdf", title="Agreement SA-2023-017"), ""),
        (document(text="Dated 31 February 2025."), ""),
        (document(text="Dated 2025-13-01."), ""),
        (document(date="soon"), ""),
        (document(text="The harbour works begin on 16 March 2026."), ""),
        (document("manual-2100-volts.txt"), ""),
        (document(), ""),
    ],
)
def test_the_date_of_a_document(found: StoredDocument, expected: str) -> None:
    assert document_date(found) == expected


def test_only_the_head_of_the_text_counts() -> None:
    assert document_date(document(text="x" * 700 + " Last updated: 13 October 2025")) == ""


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("2026", "2024-01-15", True),
        ("2024-01-15", "2026", False),
        ("2024-01-15", "2024", False),
        ("2024", "2024-01-15", False),
        ("2024", "2024", False),
        ("2024", "", False),
        ("", "2024", False),
    ],
)
def test_what_is_later(first: str, second: str, expected: bool) -> None:
    assert later(first, second) is expected


@given(st.text(max_size=200), st.text(max_size=50))
def test_any_text_has_a_date_or_none(text: str, title: str) -> None:
    found = document_date(document(title=title, text=text))
    assert found == "" or found[:4].isdigit()
