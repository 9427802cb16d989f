"""Questions from table rows, and from lines such as "Owner: Zoe Crumblehart"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass

from ragkit_eval.questions.source import Drafted, Piece
from ragkit_eval.questions.wording import inner, plain
from ragkit_ingest.records import BlockKind

_CELL = re.compile(r"; (?=[^;:]{1,60}: )")
_LINE = re.compile(r"(?P<key>[A-Z][A-Za-z ]{2,30}): (?P<value>[^.;]{2,80})\.?")
_PEOPLE_TEXT = """
    owner author chair manager lead leader contact sponsor approver landlord tenant
"""
_PEOPLE = frozenset(_PEOPLE_TEXT.split())
_THINGS = frozenset(["version", "deadline", "price"])
_SPECIAL = {
    "value": "What is the {key}?",
    "meaning": "What does {key} mean?",
    "description": "What is {key}?",
    "definition": "What is {key}?",
    "what to do": "What should I do when it says {key}?",
    "owner": "Who owns {key}?",
    "responsible": "Who is responsible for {key}?",
    "who": "Who is responsible for {key}?",
    "when": "When is {key}?",
    "where": "Where is {key}?",
    "why": "Why {key}?",
    "cost": "How much does {key} cost?",
    "weight": "How much does {key} weigh?",
}
_LONGEST_ABBREVIATION = 4
_COUNTED = re.compile(r"[a-z]+s")
_DANGLING_TEXT = """
    with from until to by of for in on at is are begins ends starts applies includes
"""
_DANGLING = frozenset(_DANGLING_TEXT.split())
_NO_HEADER_TEXT = """
    notes note comments comment link links remarks example examples column name # no yes x
"""
_NO_HEADER = frozenset(_NO_HEADER_TEXT.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell of a table with what it belongs to.

    Attributes:
        piece: Its row.
        first: The header of the first column.
        key: What the row is about: its first cell.
        header: Of its column.
        value: What it says.
    """

    piece: Piece
    first: str
    key: str
    header: str
    value: str


def cells(piece: Piece) -> list[Cell]:
    """Return the cells of a table row behind its first; none if it has no headers."""
    if piece.kind is not BlockKind.TABLE_ROW or not plain(piece.text):
        return []
    parts = [part.partition(": ") for part in _CELL.split(piece.text)]
    if any(not colon for _, colon, _ in parts):
        return []
    first, _, key = parts[0]
    if not 2 <= len(key) <= 60 or re.fullmatch(r"[\W\d]*", key) or len(key.split()) > 8:
        return []
    return [
        Cell(piece=piece, first=first, key=key, header=header.strip(), value=value.strip())
        for header, _, value in parts[1:]
    ]


def asked(cell: Cell, header: str) -> str:
    """Return the question for what a column of this header says of a cell's row."""
    low = _lowered(header, cell.piece.common)
    key = inner(cell.key, cell.piece.common)
    if low in _SPECIAL:
        quoted = f"\u201c{key}\u201d" if low in {"meaning", "what to do"} else key
        return _SPECIAL[low].format(key=quoted)
    if header == cell.header and _COUNTED.fullmatch(low) and cell.value.isdigit():
        return f"How many {low} does {key} have?"
    return f"What is the {low} for {key}?"


def _lowered(header: str, common: Set[str]) -> str:
    """Return a header without the capitals of its words, names and abbreviations aside."""
    if header.isupper() and len(header) > _LONGEST_ABBREVIATION:
        return header.lower()
    words = header.split()
    return " ".join(
        word.lower() if word[1:].islower() and (not place or word.lower() in common) else word
        for place, word in enumerate(words)
    )


def tables(piece: Piece) -> Iterator[Drafted]:
    """Yield a question for each cell of a row that says something short."""
    for cell in cells(piece):
        low = cell.header.lower()
        if low in _NO_HEADER or not 3 <= len(low) <= 50 or not cell.header[0].isalpha():
            continue
        if {"your", "my", "our", "i", "you"} & set(low.split()):
            continue
        if _DANGLING & {low.split()[0], low.split()[-1]}:
            continue
        words = cell.value.split()
        if not 1 <= len(words) <= 12 or not re.search(r"\w{2}|\d", cell.value):
            continue
        if cell.value.lower() in {"yes", "no", "none", "n/a", "tbd", "true", "false"}:
            continue
        if low.split()[0] in {"what", "how", "is", "are", "can", "does"} and low not in _SPECIAL:
            continue
        yield Drafted(
            question=asked(cell, cell.header),
            answers=(cell.value,),
            evidence=(piece.evidence,),
            kind="table",
            title=piece.title,
            subject=cell.key,
            trust=0.95,
        )


def lines(piece: Piece) -> Iterator[Drafted]:
    """Yield a question for a line that names a document's owner, place and the like."""
    match = _LINE.fullmatch(piece.text)
    if match is None or piece.kind not in {BlockKind.PARAGRAPH, BlockKind.LIST_ITEM}:
        return
    key = match["key"].lower()
    title = inner(piece.title, piece.common)
    if not plain(piece.text) or len(title.split()) > 9:
        return
    if key in _PEOPLE:
        question = (
            f"Who is the {key} of the {title}?" if _bare(title) else f"Who is the {key} of {title}?"
        )
    elif key in _THINGS:
        question = (
            f"What is the {key} of the {title}?"
            if _bare(title)
            else f"What is the {key} of {title}?"
        )
    else:
        return
    yield Drafted(
        question=question,
        answers=(match["value"].split(",")[0].strip(),),
        evidence=(piece.evidence,),
        kind="attribute",
        title="",
        subject=piece.title,
        trust=0.9,
    )


def _bare(title: str) -> bool:
    """Return whether a title wants an article: one that is no name and has none."""
    return re.match(r"(?:the|a|an|our|your|how|what)\b", title, re.IGNORECASE) is None
