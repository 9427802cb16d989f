"""Citations: nothing a generator claims is believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.citations import verify
from ragkit.generate.protocol import DraftSentence, Span
from ragkit_ingest.catalog.reading import StoredDocument
from ragkit_ingest.records import Page, page_at

TEXT = (
    "Leave is 28 days.\n\nIt is paid. The  notice\nperiod is three months."
    " \u4f60\u597d\u3002\u518d\u89c1\u3002"
)
PAGES = (Page(number=1, start=0, end=17), Page(number=2, start=19, end=len(TEXT), label="ii"))
DOCUMENT = StoredDocument(
    id=1,
    path="work.pdf",
    format="pdf",
    title="Work",
    text=TEXT,
    blocks=(),
    pages=PAGES,
    metadata={},
)


def find(document_id: int) -> StoredDocument | None:
    return DOCUMENT if document_id == 1 else None


def sentence(text: str, *spans: tuple[int, int], document_id: int = 1) -> DraftSentence:
    sources = tuple(Span(document_id=document_id, start=a, end=b) for a, b in spans)
    return DraftSentence(text=text, sources=sources)


def span_of(part: str) -> tuple[int, int]:
    start = TEXT.index(part)
    return start, start + len(part)


def test_a_quote_is_read_back_from_the_document() -> None:
    span = span_of("It is paid.")
    verified = verify([sentence("It is paid.", span)], find)
    (citation,) = verified.citations
    assert (citation.quote, citation.path, citation.page) == ("It is paid.", "work.pdf", 2)
    assert citation.page_label == "ii"
    assert TEXT[citation.start : citation.end] == citation.quote
    assert verified.sentences[0].supported
    assert verified.sentences[0].citations == (1,)


@pytest.mark.parametrize(
    ("text", "supported"),
    [
        ("Leave is 28 days.", True),
        ("Leave  is\n28 days", True),
        ("is 28", True),
        ("8 days.", False),
        ("Leave is 2", False),
        ("eave is 28 days.", False),
        ("Leave is 28 day", False),
        ("Leave is 29 days.", False),
        ("leave is 28 days.", False),
        ("days 28 is Leave", False),
        ("", False),
        ("   ", False),
        ("Leave is 28 days. It is paid.", False),
    ],
)
def test_a_sentence_is_supported_if_its_words_stand_in_the_quote(
    text: str, supported: bool
) -> None:
    verified = verify([sentence(text, span_of("Leave is 28 days."))], find)
    assert verified.sentences[0].supported is supported


def test_white_space_does_not_matter() -> None:
    span = span_of("The  notice\nperiod is three months.")
    assert (
        verify([sentence("The notice period is three months.", span)], find).sentences[0].supported
    )


def test_a_chinese_sentence_is_supported() -> None:
    span = span_of("\u4f60\u597d\u3002\u518d\u89c1\u3002")
    assert verify([sentence("\u4f60\u597d\u3002", span)], find).sentences[0].supported


@pytest.mark.parametrize("span", [(-1, 5), (5, 5), (9, 3), (0, len(TEXT) + 1), (10**9, 10**9 + 1)])
def test_a_span_outside_the_document_is_dropped(span: tuple[int, int]) -> None:
    verified = verify([sentence("Leave is 28 days.", span)], find)
    assert verified.citations == ()
    assert not verified.sentences[0].supported


def test_a_document_that_is_gone_supports_nothing() -> None:
    verified = verify([sentence("Leave is 28 days.", (0, 17), document_id=2)], find)
    assert (verified.citations, verified.sentences[0].supported) == ((), False)


def test_citations_are_numbered_by_first_use_and_made_once() -> None:
    leave, paid = span_of("Leave is 28 days."), span_of("It is paid.")
    verified = verify(
        [
            sentence("It is paid.", paid),
            sentence("Leave is 28 days.", leave, paid, leave),
            sentence("It is paid.", paid),
        ],
        find,
    )
    assert [citation.quote for citation in verified.citations] == [
        "It is paid.",
        "Leave is 28 days.",
    ]
    assert [s.citations for s in verified.sentences] == [(1,), (2, 1), (1,)]


def test_a_sentence_without_sources_is_not_supported() -> None:
    assert verify([sentence("Leave is 28 days.")], find).sentences[0].supported is False


@given(start=st.integers(-5, 80), end=st.integers(-5, 80), text=st.text(max_size=20))
def test_whatever_is_claimed_quotes_equal_the_stored_text(start: int, end: int, text: str) -> None:
    verified = verify([sentence(text, (start, end))], find)
    for citation in verified.citations:
        assert citation.quote == TEXT[citation.start : citation.end]
        assert citation.quote
        assert citation.verified


@pytest.mark.parametrize(
    ("offset", "page"), [(0, 1), (16, 1), (17, None), (19, 2), (len(TEXT), None)]
)
def test_page_at(offset: int, page: int | None) -> None:
    assert page_at(PAGES, offset) == page
    assert page_at((), offset) is None
