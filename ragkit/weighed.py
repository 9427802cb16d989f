"""A sentence of a document as it was weighed for a question. Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """A sentence and how well it answers.

    Attributes:
        path: The document's path as the index shows it.
        page: Number of the passage's page; None for formats without pages.
        page_label: What that page is called, as in a Passage.
        start: Offset of its first character in the document's text.
        end: Offset after its last character.
        text: The sentence.
        score: Probability in [0, 1] that it answers, if anything does.
    """

    path: str
    page: int | None
    page_label: str
    start: int
    end: int
    text: str
    score: float
