"""Verifies where the sentences of a draft come from, and numbers their citations.

A citation is only made of text that was just read back from the stored document. Nothing a
generator claims is believed. A sentence that repeats a retrieved span word for word (white space
aside) is supported by it. Every other sentence that says something is judged beside all
retrieved passages (see `ragkit.support`): if they support it, its citations are the lines that
do, best first; if not, it has none, whatever was claimed.

What is shown of a sentence is inert (see `ragkit.inert`): no link, image or HTML, and no address
that the passages do not hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from ragkit.alignment import Ground, lines
from ragkit.answer import Citation, Passage, Sentence
from ragkit.generate.protocol import DraftSentence, Span
from ragkit.inert import addresses, inert
from ragkit.order import beside_orders
from ragkit.sanitise import visible
from ragkit.support import Judge, Judgement
from ragkit.talk import says_something
from ragkit_ingest.catalog.reading import StoredDocument
from ragkit_ingest.records import whole_page_at

FindDocument = Callable[[int], StoredDocument | None]

FLAG = "flag"
DROP = "drop"
_MOST_CITATIONS = 3
# [1], [1, 2], [^1], [doc 3], and the lenticular brackets of some chat models.
_MARK = re.compile(
    r"\s*(?:\[\^?(?:(?:doc|source|passage)\s*)?\d{1,3}(?:\s*[,;\u2013-]\s*\^?\d{1,3})*\]"
    r"|\u3010[^\u3011\n]{0,40}\u3011)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The sentences of an answer with their citations.

    Attributes:
        sentences: As drafted, but inert, in order, each with the numbers of its citations.
        citations: In order of first use.
    """

    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class _Stored:
    """The documents, each looked up once, and the citations made of them."""

    find: FindDocument
    numbers: dict[Span, int] = field(default_factory=dict)
    citations: list[Citation] = field(default_factory=list)

    def quote(self, span: Span) -> str | None:
        """Return the stored text of a span; None if it is not within a document."""
        document = self.find(span.document_id)
        if document is None or not 0 <= span.start < span.end <= len(document.text):
            return None
        return document.text[span.start : span.end]

    def cite(self, spans: Sequence[Span]) -> tuple[int, ...]:
        """Return the numbers of the spans' citations, making those that are new."""
        for span in spans:
            document = self.find(span.document_id)
            if span not in self.numbers and document is not None:
                self.numbers[span] = len(self.citations) + 1
                self.citations.append(_citation(self.numbers[span], span, document))
        return tuple(dict.fromkeys(self.numbers[span] for span in spans))


def verify(
    draft: Sequence[DraftSentence],
    find_document: FindDocument,
    passages: Sequence[Passage] | None = None,
    judge: Judge | None = None,
    *,
    unsupported: str = FLAG,
) -> Verified:
    """Look up where the sentences of a draft stand in the stored documents.

    Args:
        draft: The sentences, with the spans they claim to rest on.
        find_document: Returns a stored document by its id.
        passages: What was retrieved; spans outside of it are dropped. With None every span of a
            stored document is looked up, and no sentence is judged.
        judge: Judges sentences that do not stand in a span word for word; needs `passages`.
        unsupported: What becomes of a sentence that says something and is not supported: "flag"
            (kept, with `supported` false and no citations) or "drop".
    """
    stored = _Stored(cache(find_document))
    if judge is None or passages is None:
        return _verified(stored, [_looked_up(stored, drafted) for drafted in draft], unsupported)
    known = addresses(passage.text for passage in passages)
    drafts = [(drafted, _quoted(stored, drafted, passages)) for drafted in draft]
    drafts = [(drafted, spans) for drafted, spans in drafts if spans or _unmarked(drafted.text)]
    rest = [
        inert(visible(_unmarked(drafted.text)), known) for drafted, spans in drafts if not spans
    ]
    judged = iter(_judged(stored, rest, passages, judge))
    sentences = [
        (Sentence(text=drafted.text, supported=True), spans) if spans else next(judged)
        for drafted, spans in drafts
    ]
    return _verified(stored, sentences, unsupported)


def _verified(
    stored: _Stored, sentences: Sequence[tuple[Sentence, Sequence[Span]]], unsupported: str
) -> Verified:
    kept = [
        Sentence(
            text=inert(sentence.text),
            citations=stored.cite(spans),
            supported=sentence.supported,
            neutral=sentence.neutral,
            score=sentence.score,
        )
        for sentence, spans in sentences
        if sentence.supported or sentence.neutral or unsupported != DROP
    ]
    return Verified(sentences=tuple(kept), citations=tuple(stored.citations))


def _looked_up(stored: _Stored, drafted: DraftSentence) -> tuple[Sentence, Sequence[Span]]:
    """Return the sentence with all its spans that exist; supported if it stands in one."""
    quotes = {span: stored.quote(span) for span in drafted.sources}
    spans = [span for span in drafted.sources if quotes[span] is not None]
    supported = any(_stands_in(drafted.text, quote) for quote in quotes.values() if quote)
    return Sentence(text=drafted.text, supported=supported), spans


def _quoted(stored: _Stored, drafted: DraftSentence, passages: Sequence[Passage]) -> Sequence[Span]:
    """Return the retrieved spans that the sentence repeats as a whole, word for word."""
    words = drafted.text.split()
    return [
        span
        for span in drafted.sources
        if words and _retrieved(span, passages) and (stored.quote(span) or "").split() == words
    ]


def _retrieved(span: Span, passages: Sequence[Passage]) -> bool:
    return any(
        passage.document_id == span.document_id
        and passage.start <= span.start
        and span.end <= passage.end
        for passage in passages
    )


def _judged(
    stored: _Stored, texts: Sequence[str], passages: Sequence[Passage], judge: Judge
) -> Iterator[tuple[Sentence, Sequence[Span]]]:
    """Yield each text with whether the passages support it, and where."""
    if not texts:
        return
    grounds = [_ground(passage) for passage in passages]
    claims = [_claims(text) for text in texts]
    found = iter(judge.judge([claim for said in claims for claim in said], grounds))
    for text, said in zip(texts, claims, strict=True):
        judgements = [next(found) for _ in said]
        spans = _spans(stored, judgements, passages, grounds)
        supported = bool(judgements) and bool(spans) and all(one.supported for one in judgements)
        sentence = Sentence(
            text=text,
            supported=supported,
            neutral=not said and any(char.isalnum() for char in text),
            score=min((one.score for one in judgements), default=None),
        )
        yield sentence, spans if supported else ()


def _ground(passage: Passage) -> Ground:
    """Return what a passage says; orders to a model, and what stands beside one, is not said."""
    told = lines(passage.text, passage.start, passage.blocks)
    ordered = beside_orders([line.flat for line in told])
    return Ground(
        lines=tuple(line for line, order in zip(told, ordered, strict=True) if not order),
        about=" \n".join((passage.title, *passage.headings)),
    )


def _claims(text: str) -> list[str]:
    return [line.flat for line in lines(text) if says_something(line.flat)]


def _spans(
    stored: _Stored,
    judgements: Sequence[Judgement],
    passages: Sequence[Passage],
    grounds: Sequence[Ground],
) -> list[Span]:
    """Return the judgements' lines as spans, best first, where they are still stored like that."""
    spans: dict[Span, None] = {}
    for judgement in judgements:
        for index, window in judgement.grounds:
            inside = grounds[index].lines[window.first : window.last + 1]
            span = Span(
                document_id=passages[index].document_id,
                start=inside[0].start,
                end=inside[-1].end,
            )
            passage = passages[index]
            seen = passage.text[span.start - passage.start : span.end - passage.start]
            if stored.quote(span) != seen:
                return []
            spans[span] = None
    return list(spans)[:_MOST_CITATIONS]


def _unmarked(text: str) -> str:
    """Return the text without the citation marks that a model wrote into it."""
    return _MARK.sub("", text).strip()


def _citation(number: int, span: Span, document: StoredDocument) -> Citation:
    page = whole_page_at(document.pages, span.start)
    return Citation(
        n=number,
        path=document.path,
        page=page.number if page else None,
        page_label=page.label if page else "",
        start=span.start,
        end=span.end,
        quote=document.text[span.start : span.end],
        verified=True,
    )


def _stands_in(sentence: str, quote: str) -> bool:
    """Return whether the quote holds the sentence, not in the middle of a word or a number."""
    words = " ".join(sentence.split())
    if not words:
        return False
    before = r"(?<!\w)" if words[0].isalnum() else ""
    after = r"(?!\w)" if words[-1].isalnum() else ""
    return re.search(before + re.escape(words) + after, " ".join(quote.split())) is not None
