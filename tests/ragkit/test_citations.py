"""Citations: nothing a generator claims is believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.alignment import lines
from ragkit.answer import Passage
from ragkit.citations import Verified, verify
from ragkit.generate.protocol import DraftSentence, Span
from ragkit.support import Judge
from ragkit_ingest.catalog.reading import StoredDocument
from ragkit_ingest.embed.minilm import MiniLM
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


# -- generated sentences, judged beside the passages -------------------------------------------

FACTS = (
    "Managers have a notice period of 90 days.",
    "Alice Meier manages the payroll in Berlin.",
    "Refunds are not given after 30 days.",
    "The warranty of the Kestrel covers 24 months.",
    "Contractors must return the badge to Bob Stone.",
    "The office in Leeds is open until 18:00.",
)
STORED = {
    1: "About work\n\n" + " ".join(FACTS[:3]),
    2: " ".join(FACTS[3:]) + "\n\nNothing else is said here.",
    3: "Secret: the salary of Alice Meier is 90,000 euros.",  # stored, but not retrieved
}
DOCUMENTS = {
    id_: StoredDocument(
        id=id_,
        path=f"{id_}.pdf",
        format="pdf",
        title="",
        text=text,
        blocks=(),
        pages=(
            Page(number=1, start=0, end=60),
            Page(number=2, start=60, end=len(text)),
        )
        if len(text) > 60
        else (),
        metadata={},
    )
    for id_, text in STORED.items()
}
PASSAGES = [
    Passage(
        rank=rank, chunk_id=rank, document_id=id_, path=f"{id_}.pdf", title="", headings=(),
        page=None, start=start, end=len(STORED[id_]), text=STORED[id_][start:], score=1.0,
    )
    for rank, (id_, start) in enumerate([(1, 12), (2, 0)], start=1)
]  # fmt: skip
JUDGE = Judge()


def judged(*drafted: DraftSentence, unsupported: str = "flag") -> Verified:
    return verify(drafted, DOCUMENTS.get, PASSAGES, JUDGE, unsupported=unsupported)


def test_a_paraphrase_is_cited_where_it_stands_whatever_was_claimed() -> None:
    claimed = Span(document_id=2, start=0, end=10)
    verified = judged(DraftSentence(text="For managers the notice period is 90 days [7].",
                                    sources=(claimed,)))  # fmt: skip
    (found,) = verified.sentences
    assert (found.text, found.supported, found.citations) == (
        "For managers the notice period is 90 days.",
        True,
        (1,),
    )
    assert found.score is not None
    assert found.score > 0.5
    (citation,) = verified.citations
    assert (citation.quote, citation.path) == (FACTS[0], "1.pdf")


def test_what_is_not_supported_loses_its_citations_and_is_flagged_or_dropped() -> None:
    drafted = DraftSentence(
        text="Dogs are welcome [1].", sources=(Span(document_id=1, start=12, end=20),)
    )
    verified = judged(drafted, DraftSentence(text=FACTS[4]))
    assert [(s.text, s.supported) for s in verified.sentences] == [
        ("Dogs are welcome.", False),
        (FACTS[4], True),
    ]
    assert verified.sentences[0].citations == ()
    assert [citation.quote for citation in verified.citations] == [FACTS[4]]
    dropped = judged(drafted, DraftSentence(text=FACTS[4]), unsupported="drop")
    assert [sentence.text for sentence in dropped.sentences] == [FACTS[4]]


def test_talk_is_neutral() -> None:
    verified = judged(*(DraftSentence(text=text) for text in ("Here is what I found:", FACTS[0])))
    talk, fact = verified.sentences
    assert (talk.neutral, talk.supported, talk.citations) == (True, False, ())
    assert (fact.neutral, fact.supported) == (False, True)
    assert talk.to_json()["neutral"] is True
    assert "neutral" not in fact.to_json()


def test_a_mark_alone_is_no_sentence() -> None:
    assert judged(DraftSentence(text=" [1] ")).sentences == ()


def test_an_extracted_sentence_is_not_judged() -> None:
    text = FACTS[2]
    start = STORED[1].index(text)
    span = Span(document_id=1, start=start, end=start + len(text))
    drafted = DraftSentence(text=text, sources=(span,))
    plain, found = verify([drafted], DOCUMENTS.get), judged(drafted)
    assert found == plain
    assert "score" not in found.sentences[0].to_json()


def test_a_document_that_was_not_retrieved_supports_nothing() -> None:
    text = STORED[3]
    verified = judged(
        DraftSentence(text=text, sources=(Span(document_id=3, start=0, end=len(text)),))
    )
    assert verified.citations == ()
    assert not verified.sentences[0].supported


def test_a_passage_that_is_not_stored_like_that_any_more_supports_nothing() -> None:
    changed = {1: DOCUMENTS[3], 2: DOCUMENTS[2]}
    verified = verify([DraftSentence(text=FACTS[0])], changed.get, PASSAGES, JUDGE)
    assert (verified.citations, verified.sentences[0].supported) == ((), False)


def test_a_claim_cannot_lose_its_denial_by_being_cut() -> None:
    text = "given after 30 days."
    start = STORED[1].index(text)
    drafted = DraftSentence(
        text="Refunds are given after 30 days.",
        sources=(Span(document_id=1, start=start, end=start + len(text)),),
    )
    assert not judged(drafted).sentences[0].supported


CHANGES = (
    ("90", "60"), ("90", "30"), ("30", "90"), ("24", "90"), ("24", "36"), ("18:00", "19:00"),
    ("Alice", "Bob"), ("Meier", "Stone"), ("Berlin", "Leeds"), ("Berlin", "Paris"),
    ("Leeds", "Berlin"), ("Bob Stone", "Alice Meier"), ("Kestrel", "Osprey"),
    (" have ", " do not have "), (" manages ", " never manages "), (" not given", " given"),
    (" covers ", " does not cover "), (" must ", " must not "), (" is open", " is not open"),
    ("days", "months"), ("months", "days"),
)  # fmt: skip
OPENINGS = ("", "Yes: ", "Sure, ", "In short, ", "According to the documents, ")


@pytest.mark.parametrize("judge", [JUDGE, Judge(MiniLM())], ids=["words", "meaning"])
def test_every_fact_is_supported_and_no_changed_copy(judge: Judge) -> None:
    for fact in FACTS:
        true = [DraftSentence(text=opening + fact) for opening in OPENINGS]
        verified = verify(true, DOCUMENTS.get, PASSAGES, judge)
        assert [s.text for s in verified.sentences if not s.supported] == []
        changed = [
            DraftSentence(text=opening + fact.replace(*change))
            for opening in OPENINGS
            for change in CHANGES
            if change[0] in fact
        ]
        verified = verify(changed, DOCUMENTS.get, PASSAGES, judge)
        assert [s.text for s in verified.sentences if s.supported] == []
        assert verified.citations == ()


spans = st.builds(
    Span,
    document_id=st.integers(0, 4),
    start=st.integers(-5, 200),
    end=st.integers(-5, 400),
)
marks = st.sampled_from(
    ["", " [1]", " [99]", " [1, 2]", "[^3]", " [doc 4]", " \u30101\u2020x\u3011"]
)
openings = st.sampled_from(OPENINGS)


@st.composite
def forgeries(draw: st.DrawFn) -> tuple[DraftSentence, bool]:
    """Return a sentence with forged sources, and whether a fact in it was changed."""
    fact = draw(st.sampled_from(FACTS))
    possible = [change for change in CHANGES if change[0] in fact]
    change = draw(st.sampled_from([None, *possible]))
    text = fact if change is None else fact.replace(*change)
    text = draw(openings) + text.rstrip(".") + draw(marks) + "."
    sources = tuple(draw(st.lists(spans, max_size=3)))
    return DraftSentence(text=text, sources=sources), change is not None


@given(st.lists(forgeries(), min_size=1, max_size=4), st.sampled_from(["flag", "drop"]))
def test_no_forgery_is_shown_as_supported_and_every_citation_verifies(
    forged: list[tuple[DraftSentence, bool]], unsupported: str
) -> None:
    verified = judged(*(drafted for drafted, _ in forged), unsupported=unsupported)
    for citation in verified.citations:
        document = DOCUMENTS[int(citation.path.removesuffix(".pdf"))]
        assert document.id != 3
        assert document.text[citation.start : citation.end] == citation.quote
        assert citation.page == page_at(document.pages, citation.start)
        assert citation.quote in {line.text for line in lines(document.text)}
    assert [citation.n for citation in verified.citations] == list(
        range(1, len(verified.citations) + 1)
    )
    used = {n for sentence in verified.sentences for n in sentence.citations}
    assert used == {citation.n for citation in verified.citations}
    if unsupported == "drop":
        assert len(verified.sentences) == sum(not changed for _, changed in forged)
        assert all(sentence.supported for sentence in verified.sentences)
    else:
        assert [s.supported for s in verified.sentences] == [not changed for _, changed in forged]
    for sentence in verified.sentences:
        assert bool(sentence.citations) == sentence.supported
        assert "[" not in sentence.text


@given(
    st.lists(
        st.builds(
            DraftSentence,
            text=st.one_of(st.text(max_size=60), st.sampled_from(FACTS)),
            sources=st.lists(spans, max_size=3).map(tuple),
        ),
        max_size=4,
    )
)
def test_whatever_is_drafted_only_stored_and_retrieved_text_is_cited(
    drafted: list[DraftSentence],
) -> None:
    verified = judged(*drafted)
    for citation in verified.citations:
        id_ = int(citation.path.removesuffix(".pdf"))
        assert STORED[id_][citation.start : citation.end] == citation.quote
        assert any(
            passage.document_id == id_
            and passage.start <= citation.start
            and citation.end <= passage.end
            for passage in PASSAGES
        )
