"""Verifies where the sentences of a draft come from, and numbers their citations.

A citation is only made of text that was just read back from the stored document. Nothing a
generator claims is believed: its spans are looked up, and a sentence counts as supported if it
stands in one of them, word for word (white space aside).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from ragkit.answer import Citation, Sentence
from ragkit.generate.protocol import DraftSentence, Span
from ragkit_ingest.catalog.reading import StoredDocument
from ragkit_ingest.records import whole_page_at

FindDocument = Callable[[int], StoredDocument | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The sentences of an answer with their citations.

    Attributes:
        sentences: As drafted, in order, each with the numbers of its citations.
        citations: In order of first use.
    """

    sentences: tuple[Sentence, ...]
    citations: tuple[Citation, ...]


def verify(draft: Sequence[DraftSentence], find_document: FindDocument) -> Verified:
    """Look every claimed span up in the stored documents.

    A span that is not within its document is dropped. A sentence is supported if its words
    stand, in order and without a gap, in the text of one of its spans.
    """
    numbers: dict[Span, int] = {}
    citations: list[Citation] = []
    find = cache(find_document)
    sentences = []
    for drafted in draft:
        used: list[int] = []
        supported = False
        for span in drafted.sources:
            document = find(span.document_id)
            if document is None or not 0 <= span.start < span.end <= len(document.text):
                continue
            if span not in numbers:
                numbers[span] = len(citations) + 1
                citations.append(_citation(numbers[span], span, document))
            used.append(numbers[span])
            supported = supported or _stands_in(drafted.text, citations[numbers[span] - 1].quote)
        sentences.append(
            Sentence(text=drafted.text, citations=tuple(dict.fromkeys(used)), supported=supported)
        )
    return Verified(sentences=tuple(sentences), citations=tuple(citations))


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
