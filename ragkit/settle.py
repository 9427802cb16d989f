"""Finds what documents disagree about among the evidence, and puts the newer one first.

Two sentences of two documents disagree if they say the same but for a value: rows with the same
first cell, sentences with the same words and other numbers or dates, a clause and the amendment
that names it. Both stay in the evidence. Rules only, and narrow ones: what is about two
different things, such as two products, two groups of people or two years, is no disagreement.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from ragkit.dating import document_date, later
from ragkit.disagreement import Disagreement, Statement
from ragkit.evidence import Candidate
from ragkit.opposite import opposed
from ragkit.question import Identifier, Question, identifiers
from ragkit.wording import analysed
from ragkit_ingest.catalog.reading import StoredDocument
from ragkit_ingest.lexical import stem
from ragkit_ingest.records import BlockKind

FindDocument = Callable[[int], StoredDocument | None]

LOOKED_AT = 24
"""How many sentences are compared, best first."""
NEAR = 0.25
"""One of the two must score at least this share of the best: it must matter to the answer."""
_ALIKE = 0.7
_OF_LONGER = 0.5
_OF_CHANGED = 0.4
_CONTAINED = 0.9
_MOST = 3
_MENTIONED = 0.2

_CELL = re.compile(r"\s*([^:;]{1,60}): ([^;]*)(?:;|$)")
_YEAR = re.compile(r"(?:19|20)\d\d")
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
_DAY = re.compile(rf"\b(\d{{1,2}}\s+(?:{_MONTHS})|\d{{4}}-\d\d-\d\d)(?:,?\s+\d{{4}})?\b", re.I)
_SINCE = re.compile(
    rf"\b(?:from|since|as of|with effect from|beginning|on or after|before)\s+(?:the\s+)?"
    rf"(?:\d{{1,2}}\s+)?(?:{_MONTHS})?\s*(?:(?:19|20)\d\d)?(?=\W|$)",
    re.IGNORECASE,
)
_CLAUSE_NUMBER = re.compile(r"^\s*(\d+(?:\.\d+)+)\.?\s+(?=[^\W\d])")
_CHANGE = re.compile(
    r"\b(?:instead of|no longer|from now on|any more|moved from|raised|rises?|lowered|reduced"
    r"|extended|shortened|replaced|changed|becomes?|has been|now)\b",
    re.IGNORECASE,
)
_COMMON = """
    decide decided become becomes agree agreed new now change changed raise raised rise rises lower
    lowered extend extended move moved replace replaced instead longer effect force apply applies
    follow follows clause begin beginning next current currently may must can shall should year
    january february march april june july august september october november december monday
    tuesday wednesday thursday friday saturday sunday
"""
_GENERIC = frozenset(stem(word) for word in _COMMON.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The evidence once disagreements are settled.

    Attributes:
        evidence: The candidates, best first; of two that disagree the newer one comes first and
            the older one behind it, with the better one's score.
        disagreements: Best first.
    """

    evidence: list[Candidate]
    disagreements: tuple[Disagreement, ...] = ()


def settle(question: Question, ranked: Sequence[Candidate], find_document: FindDocument) -> Settled:
    """Return the evidence in the order in which it should be shown.

    Args:
        question: Analysed.
        ranked: Candidates, best first.
        find_document: Returns a stored document by its id; asked only where two disagree.
    """
    evidence = rows_of_the_thing(question, ranked)
    if not evidence:
        return Settled(evidence=evidence)
    looked_at = evidence[:LOOKED_AT]
    enough = NEAR * evidence[0].score
    document = cache(find_document)
    found: list[Disagreement] = []
    for i, first in enumerate(looked_at):
        if first.score < enough or len(found) == _MOST:
            break
        for second in looked_at[i + 1 :]:
            if _disagree(first, second):
                disagreement = _disagreement(first, second, document)
                evidence = _ordered(evidence, _asked_for(question, disagreement))
                found.append(disagreement)
                break
    return Settled(evidence=evidence, disagreements=tuple(found))


def rows_of_the_thing(question: Question, ranked: Sequence[Candidate]) -> list[Candidate]:
    """Return the candidates with the table rows of a named thing before rows that mention it.

    Asked for the price of the QK-200, the row whose first cell is "QK-200" comes before that of
    "SP-201; Spare lid QK-200", if it holds as much of the question. It gets the best row's score;
    the rows that only mention the thing count for less, and sentences for what they did.
    """
    if not ranked or ranked[0].sentence.kind is not BlockKind.TABLE_ROW:
        return list(ranked)
    names = {identifier.joined for identifier in question.identifiers if not identifier.before}
    best = ranked[0]
    own = [c for c in ranked[:LOOKED_AT] if _key(c) in names and _covered(c) >= _covered(best)]
    if not own or _key(best) in names:
        return list(ranked)
    lifted = [replace(c, score=max(c.score, best.score)) for c in own]
    rest = [
        replace(c, score=c.score * _MENTIONED) if c.sentence.kind is best.sentence.kind else c
        for c in ranked
        if c not in own
    ]
    return [*lifted, *sorted(rest, key=lambda c: -c.score)]


def _covered(candidate: Candidate) -> float:
    return candidate.features.get("coverage", 0.0)


def _key(candidate: Candidate) -> str:
    if candidate.sentence.kind is not BlockKind.TABLE_ROW:
        return ""
    cells = _cells(candidate.sentence.text)
    return "".join(c for c in cells[0][1].casefold() if c.isalnum()) if cells else ""


# --- do two sentences disagree?


def _disagree(first: Candidate, second: Candidate) -> bool:
    if first.passage.document_id == second.passage.document_id:
        return False
    if _amends(first, second) or _amends(second, first):
        return True
    one, other = first.sentence, second.sentence
    if _different_codes(_about(first), _about(second)):
        return False
    row = BlockKind.TABLE_ROW
    if row in (one.kind, other.kind):
        return one.kind is other.kind and _rows_disagree(one.text, other.text)
    return _texts_disagree(one.text, other.text)


def _amends(first: Candidate, second: Candidate) -> bool:
    """Whether the first names the second's clause, in a document that names the other's code."""
    number = _CLAUSE_NUMBER.match(second.sentence.text)
    if number is None:
        return False
    named = re.search(rf"\bclause\s+{re.escape(number[1])}(?![\d.]*\d)", first.sentence.text, re.I)
    return named is not None and bool(
        _contract(_title(first)) and _contract(_title(first)) & _contract(_title(second))
    )


def _about(candidate: Candidate) -> str:
    """Return the text that names the thing: the sentence if it names one, else the title."""
    text = candidate.sentence.text
    return text if _codes(text) else _title(candidate)


def _title(candidate: Candidate) -> str:
    return candidate.passage.title


def _contract(title: str) -> frozenset[str]:
    """Return the codes of a title that hold letters and at least four digits: "SA-2023-017"."""
    return frozenset(
        identifier.joined
        for identifier in _codes(title)
        if sum(c.isdigit() for c in identifier.joined) >= 4
    )


@lru_cache(maxsize=4096)
def _codes(text: str) -> frozenset[Identifier]:
    return frozenset(code for code in identifiers(text) if not _YEAR.fullmatch(code.joined))


def _different_codes(first: str, second: str) -> bool:
    one, other = ({code.joined for code in _codes(text)} for text in (first, second))
    return bool(one - other) and bool(other - one)


def _rows_disagree(first: str, second: str) -> bool:
    one, other = _cells(first), _cells(second)
    if not one or not other or _flat(one[0][1]) != _flat(other[0][1]):
        return False
    values, others = ({_heading(name): _flat(value) for name, value in c[1:]} for c in (one, other))
    shared = values.keys() & others.keys()
    return any(values[name] != others[name] and _figures(values[name]) for name in shared)


@lru_cache(maxsize=4096)
def _cells(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((name.strip(), value.strip()) for name, value in _CELL.findall(text))


def _heading(name: str) -> str:
    return _flat(_YEAR.sub("", name))


def _flat(text: str) -> str:
    return " ".join(text.casefold().split())


def _figures(text: str) -> bool:
    return any(char.isdigit() for char in text)


def _texts_disagree(first: str, second: str) -> bool:
    first, second = (_CLAUSE_NUMBER.sub("", text) for text in (first, second))
    if _different_codes(first, second):
        return False
    one, other = _topic(first), _topic(second)
    shared = one & other
    least, most = sorted((len(one), len(other)))
    changed = _CHANGE.search(first) or _CHANGE.search(second)
    of_longer = _OF_CHANGED if changed else _OF_LONGER
    if len(shared) < 2 or len(shared) < _ALIKE * least or len(shared) < of_longer * most:
        return False
    if any(opposed(a, b) for a in one - other for b in other - one):
        return False
    if not changed and (one - other) and (other - one) and len(shared) < 4:
        return False
    if not changed and _other_years(first, second):
        return False
    values, others = _values(first), _values(second)
    if _kinds(values - others) & _kinds(others - values):
        return True
    newer, old = (first, second) if _CHANGE.search(first) else (second, first)
    contained = len(shared) >= max(3, _CONTAINED * len(_topic(old)))
    return bool(changed) and contained and bool(_values(newer) - _values(old))


@lru_cache(maxsize=4096)
def _topic(text: str) -> frozenset[str]:
    """Return the stems of a sentence that say what it is about, without numbers and dates."""
    return frozenset(
        word.stem
        for word in analysed(_DAY.sub(" ", text))
        if word.content and not word.number and word.stem not in _GENERIC
    )


@lru_cache(maxsize=4096)
def _values(text: str) -> frozenset[str]:
    """Return the numbers of a sentence, or if it has none its days; not since when it holds."""
    plain = _SINCE.sub(" ", text)
    days = frozenset(_flat(match.group(1)) for match in _DAY.finditer(plain))
    plain = _YEAR.sub(" ", _DAY.sub(" ", plain))
    return frozenset(word.stem for word in analysed(plain) if word.number) or days


def _kinds(values: frozenset[str]) -> set[str]:
    """Return what sorts of values there are: a time of day is no answer to a count."""
    return {"time" if ":" in value else "number" for value in values}


def _other_years(first: str, second: str) -> bool:
    one, other = (set(_YEAR.findall(text)) for text in (first, second))
    return bool(one) and bool(other) and one.isdisjoint(other)


# --- which of the two is to go by


def _disagreement(first: Candidate, second: Candidate, find: FindDocument) -> Disagreement:
    one, other = _statement(first, find), _statement(second, find)
    if later(other.date, one.date):
        one, other = other, one
    return Disagreement(first=one, other=other, dated=later(one.date, other.date))


def _statement(candidate: Candidate, find: FindDocument) -> Statement:
    document = find(candidate.passage.document_id)
    return Statement(
        document_id=candidate.passage.document_id,
        path=candidate.passage.path,
        start=candidate.sentence.start,
        end=candidate.sentence.end,
        quote=candidate.sentence.text,
        date=document_date(document) if document is not None else "",
    )


def _asked_for(question: Question, found: Disagreement) -> tuple[Statement, Statement]:
    """Return the newer one first, unless the question names the year of the older one alone."""
    years = set(_YEAR.findall(question.text))
    if found.other.date[:4] in years and found.first.date[:4] not in years:
        return found.other, found.first
    return found.first, found.other


def _ordered(evidence: Sequence[Candidate], sides: tuple[Statement, Statement]) -> list[Candidate]:
    """Return the evidence with the two statements side by side, in their order."""
    pair = [next(c for c in evidence if _is(c, side)) for side in sides]
    score = max(candidate.score for candidate in pair)
    place = min(evidence.index(candidate) for candidate in pair)
    rest = [candidate for candidate in evidence if candidate not in pair]
    return [*rest[:place], *(replace(c, score=score) for c in pair), *rest[place:]]


def _is(candidate: Candidate, statement: Statement) -> bool:
    return (
        candidate.passage.document_id == statement.document_id
        and candidate.sentence.start == statement.start
    )
