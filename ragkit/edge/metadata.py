"""What a passage and a citation tell of themselves to another framework: flat values by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ragkit.answer import Answer, Citation, Passage, SearchResult
from ragkit.retrieve.filters import Where
from ragkit_ingest.records import MetadataValue


class Rag(Protocol):
    """As much of a pipeline as the frameworks need."""

    def search(
        self, query: str, *, mode: str | None = None, k: int = 10, where: Where | None = None
    ) -> SearchResult:
        """Return passages, best first."""
        ...

    def ask(self, question: str, *, k: int | None = None, where: Where | None = None) -> Answer:
        """Return an answer."""
        ...

    async def aask(
        self, question: str, *, k: int | None = None, where: Where | None = None
    ) -> Answer:
        """Return an answer without blocking the event loop."""
        ...


def of_passage(passage: Passage) -> dict[str, MetadataValue]:
    """Return where a passage stands and how well it fits; the document's own metadata comes last.

    Keys: path, title, headings ("A > B"), page, page_label, start, end, rank, score, chunk_id;
    what a document has not is left out. A key of the document that is one of these is left out.
    """
    own = {
        **_place(passage),
        "title": passage.title or None,
        "headings": " > ".join(passage.headings) or None,
        "rank": passage.rank,
        "score": passage.score,
        "chunk_id": passage.chunk_id,
    }
    return {**passage.metadata, **_told(own)}


def of_citation(citation: Citation) -> dict[str, MetadataValue]:
    """Return where a citation stands: path, page, page_label, start, end, n, verified."""
    return _told({**_place(citation), "n": citation.n, "verified": citation.verified})


def of_answer(answer: Answer) -> dict[str, object]:
    """Return what an answer tells beside its text: abstained, confidence, sentences and so on."""
    told = answer.to_json()
    wanted: Sequence[str] = ("abstained", "confidence", "sentences", "generator", "warnings")
    return {name: told[name] for name in wanted}


def _place(found: Passage | Citation) -> dict[str, MetadataValue | None]:
    return {
        "path": found.path,
        "page": found.page,
        "page_label": found.page_label or None,
        "start": found.start,
        "end": found.end,
    }


def _told(values: Mapping[str, MetadataValue | None]) -> dict[str, MetadataValue]:
    return {name: value for name, value in values.items() if value is not None}
