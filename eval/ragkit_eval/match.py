"""Does a text hold an answer, or the evidence for it? By words, not by meaning."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ragkit.answer import Passage
from ragkit_eval.cases import Case

DOCUMENT_ID = "beir_id"
"""The metadata that names a document of a corpus."""
_WORD = re.compile(r"\d+(?:[.,:]\d+)+|\w+|[\u20ac$%]")  # a number is one word: 2.5 holds no 5
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_NO_CENTS = re.compile(r"(?<=\d)\.00(?!\d)")
_ENOUGH = 0.9


def contains_answer(text: str, answers: Sequence[str]) -> bool:
    """Return whether any of the answers stands in the text, as whole words, whatever the case."""
    padded = f" {_folded(text)} "
    return any(f" {_folded(answer)} " in padded for answer in answers)


def holds_quote(text: str, quote: str) -> bool:
    """Return whether nine tenths of the quote's words stand in the text.

    Not all of them and in any order, because a table's cells are stored with their headers.
    """
    wanted = re.findall(r"\w+", quote.casefold())
    held = set(re.findall(r"\w+", text.casefold()))
    return sum(word in held for word in wanted) >= _ENOUGH * len(wanted)


def evidence_rank(case: Case, passages: Sequence[Passage]) -> int | None:
    """Return the rank of the first passage that holds evidence; None if none does.

    Where a case knows only the documents that hold its answer, each of their passages does.
    """
    for rank, passage in enumerate(passages, start=1):
        if not case.evidence and is_gold(case, passage):
            return rank
        text = "\n".join([passage.title, *passage.headings, passage.text])
        if any(e.path == passage.path and holds_quote(text, e.quote) for e in case.evidence):
            return rank
    return None


def is_gold(case: Case, passage: Passage) -> bool:
    """Return whether a passage is of a document that is known to hold the answer."""
    return not {passage.path, passage.metadata.get(DOCUMENT_ID)}.isdisjoint(case.gold)


def _folded(text: str) -> str:
    plain = text.casefold().replace("\u2013", "-")
    return " ".join(_WORD.findall(_NO_CENTS.sub("", _THOUSANDS.sub("", plain))))
