"""Two documents that say different things about the same matter. Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What one document says.

    Attributes:
        document_id: Of the document in the index.
        path: Of the document as the index shows it.
        start: Offset of the statement's first character in the document's text.
        end: Offset after its last character.
        quote: The text from start to end.
        date: Of the document, an ISO prefix such as "2026-04"; empty if it is unknown.
    """

    document_id: int
    path: str
    start: int
    end: int
    quote: str
    date: str

    def to_json(self) -> dict[str, object]:
        """Return the statement as it stands in an answer's JSON."""
        return {
            "path": self.path,
            "date": self.date or None,
            "start": self.start,
            "end": self.end,
            "quote": self.quote,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """Two statements about one matter that cannot both hold now.

    Attributes:
        first: The one to go by: the newer one, if the dates tell.
        other: The one that disagrees with it.
        dated: Whether `first` is known to be the newer one.
    """

    first: Statement
    other: Statement
    dated: bool

    def to_json(self) -> dict[str, object]:
        """Return the disagreement as it stands in an answer's JSON."""
        names = ("newer", "older") if self.dated else ("one", "other")
        return {names[0]: self.first.to_json(), names[1]: self.other.to_json()}

    def mark(self, path: str, start: int, end: int) -> str:
        """Return what a citation of that span is here: "older: 2024-03-01"; "" if it is neither."""
        for statement, word in ((self.first, "newer"), (self.other, "older")):
            inside = statement.path == path and start < statement.end and statement.start < end
            if inside:
                return f"{word}: {statement.date}" if self.dated else "disagrees"
        return ""
