"""What questions are drafted from: the sentences, headings and table rows of a document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass

from ragkit.sentence import split
from ragkit_eval.cases import Evidence
from ragkit_ingest.catalog.reading import StoredDocument
from ragkit_ingest.records import Block, BlockKind

_NUMBERED = re.compile(r"^(?:\(?\d{1,2}(?:\.\d{1,2})*[.)]?|\(?[a-z][.)]|[-*\u2022])\s+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A sentence, heading or table row.

    Attributes:
        document: Where it stands.
        kind: Of its block.
        start: Offset of its first character in the document's text.
        end: Offset after its last character.
        text: Without line breaks and without the number before it.
        headings: Above it, outermost first.
        common: The words that the documents write in lower case somewhere; see `wording`.
    """

    document: StoredDocument
    kind: BlockKind
    start: int
    end: int
    text: str
    headings: tuple[str, ...]
    common: Set[str] = frozenset()

    @property
    def evidence(self) -> Evidence:
        """The piece as it is stored, character by character."""
        quote = self.document.text[self.start : self.end]
        return Evidence(path=self.document.path, quote=quote, start=self.start, end=self.end)

    @property
    def title(self) -> str:
        """What a person would call the document."""
        return named(self.document)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """A question as a rule drafts it, before it is weighed.

    Attributes:
        question: Ends with a question mark.
        answers: Accepted ones; empty if the documents do not answer it.
        evidence: Where the answer stands; of an unanswerable one, what it was made from.
        kind: Of the rule.
        title: Of the document, to say which one is meant where that is not clear.
        subject: What it asks about, as the documents call it.
        trust: How often a question of this rule is one that a person would ask, in [0, 1].
    """

    question: str
    answers: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    kind: str
    title: str = ""
    subject: str = ""
    trust: float = 1.0


def named(document: StoredDocument) -> str:
    """Return the title of a document without what a web page puts behind a dash."""
    title = " ".join(document.title.split())
    return re.split(r"\s+[\u2013|\u2014]\s+", title)[0] or document.path


def pieces(document: StoredDocument, common: Set[str] = frozenset()) -> Iterator[Piece]:
    """Yield the pieces of a document in reading order; code is left out.

    Args:
        document: As it is stored.
        common: The words that the documents write in lower case somewhere.
    """
    above: list[tuple[int, str]] = []
    for block in document.blocks:
        text = document.text[block.start : block.end]
        if block.kind is BlockKind.HEADING:
            above = [pair for pair in above if pair[0] < block.level]
            yield _piece(document, block, block.start, block.end, above, common)
            above.append((block.level, " ".join(text.split())))
        elif block.kind in {BlockKind.TABLE_ROW, BlockKind.LIST_ITEM}:
            yield _piece(document, block, block.start, block.end, above, common)
        elif block.kind is BlockKind.PARAGRAPH:
            for start, end in split(text):
                yield _piece(document, block, block.start + start, block.start + end, above, common)


def _piece(
    document: StoredDocument,
    block: Block,
    start: int,
    end: int,
    above: list[tuple[int, str]],
    common: Set[str],
) -> Piece:
    text = document.text[start:end]
    number = _NUMBERED.match(text)
    if number and block.kind is not BlockKind.TABLE_ROW:
        start += number.end()
        text = text[number.end() :]
    return Piece(
        document=document,
        kind=block.kind,
        start=start,
        end=start + len(text),
        text=" ".join(text.split()),
        headings=tuple(heading for _, heading in above),
        common=common,
    )
