"""Drafts cases: every rule over every document, the best and most varied of what comes of it."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from ragkit.answer import Passage, SearchResult
from ragkit.pipeline import Pipeline
from ragkit_eval.cases import Case
from ragkit_eval.questions.comparison import comparisons
from ragkit_eval.questions.faq import headings
from ragkit_eval.questions.quality import LEAST, quality
from ragkit_eval.questions.source import Drafted, Piece, pieces
from ragkit_eval.questions.statement import statements
from ragkit_eval.questions.table import Cell, cells, lines, tables
from ragkit_eval.questions.unanswerable import (
    false_premises,
    missing_attributes,
    missing_facts,
    off_domain,
    unknown_entities,
)
from ragkit_eval.questions.wording import common_words
from ragkit_ingest.catalog.reading import StoredDocument
from ragkit_ingest.errors import UsageError
from ragkit_ingest.index import Index

UNANSWERABLE = 0.3
"""Share of the cases that the documents do not answer."""
_HITS = 5
_TRIED = 6  # candidates weighed for each case that is wanted, at most


def draft(
    rag: Pipeline,
    n: int,
    *,
    seed: int = 0,
    unanswerable: float = UNANSWERABLE,
    extra: Sequence[Drafted] = (),
    progress: Callable[[int, int], None] | None = None,
) -> list[Case]:
    """Return at most n cases, those of one kind and one document spread evenly.

    The same index and seed give the same cases.

    Args:
        rag: The pipeline on the index.
        n: How many, 1 or more.
        seed: Of the choice among the candidates.
        unanswerable: Share of unanswerable ones, in [0, 1].
        extra: Candidates that were drafted elsewhere, such as by a chat model.
        progress: Called with how many are done, and how many are wanted.

    Raises:
        UsageError: If an argument is out of range, or nothing can be drafted from the documents.
        NoIndexError: If nothing was ingested yet.
    """
    if n < 1:
        raise UsageError(f"the number of questions must be 1 or more, not {n}")
    if not 0.0 <= unanswerable <= 1.0:
        raise UsageError(f"the share of unanswerable ones is between 0 and 1, not {unanswerable}")
    random_ = random.Random(seed)  # noqa: S311 - the same choice each time
    answerable, rows = _answerable(rag.index)
    answerable = [*extra, *answerable]
    without = _unanswerable(rag.index, answerable, rows, random_)
    wanted = round(n * unanswerable)
    chosen = _best(rag, without, wanted, random_, progress, n)
    chosen = _best(rag, answerable, n - len(chosen), random_, progress, n) + chosen
    if not chosen:
        raise UsageError(
            "no question can be drafted from these documents by rules; set a chat model as "
            "generator to have it draft, or write cases by hand"
        )
    return chosen


def _answerable(index: Index) -> tuple[list[Drafted], list[Cell]]:
    found: list[Drafted] = []
    rows: list[Cell] = []
    common: set[str] = set()
    for document in _documents(index):
        common |= common_words(document.text)
    for document in _documents(index):
        held = list(pieces(document, common))
        found += headings(held)
        for piece in held:
            found += _of_piece(piece)
            rows += cells(piece)
    return _unambiguous([*found, *comparisons(rows)]), rows


def _documents(index: Index) -> Iterator[StoredDocument]:
    for fact in index.facts():
        document = index.document(fact.id)
        if document is not None:
            yield document


def _of_piece(piece: Piece) -> Iterator[Drafted]:
    yield from statements(piece)
    yield from tables(piece)
    yield from lines(piece)


def _unambiguous(found: Iterable[Drafted]) -> list[Drafted]:
    """Return one question of each wording; where answers differ, with the document's title."""
    by_wording: dict[str, list[Drafted]] = defaultdict(list)
    for one in found:
        by_wording[one.question.lower()].append(one)
    kept = []
    for same in by_wording.values():
        if len({one.answers for one in same}) == 1:
            kept.append(same[0])
            continue
        titles = [one.title for one in same]
        kept += [_titled(one) for one in same if one.title and titles.count(one.title) == 1]
    return kept


def _titled(one: Drafted) -> Drafted:
    return replace(one, question=_with_title(one), title="")


def _with_title(one: Drafted) -> str:
    question = one.question
    first = question.split()[0]
    low = question if first.isupper() else question[0].lower() + question[1:]
    return f"According to \u201c{one.title}\u201d, {low}"


def _unanswerable(
    index: Index, answerable: Sequence[Drafted], rows: Sequence[Cell], random_: random.Random
) -> list[Drafted]:
    @lru_cache(maxsize=10_000)
    def count(words: tuple[str, ...]) -> int:
        query = " AND ".join(f'"{word}"' for word in words)
        with index.reader() as reading:
            return len(reading.lexical(query, 1, (1.0, 1.0, 1.0))) if query else 0

    def holds(words: Sequence[str]) -> int:
        return count(tuple(dict.fromkeys(words)))

    return [
        *missing_attributes(rows, holds, random_),
        *missing_facts(answerable, holds, random_),
        *unknown_entities(answerable, holds, random_),
        *false_premises(answerable, random_),
        *off_domain(holds),
    ]


def _best(
    rag: Pipeline,
    drafted: Sequence[Drafted],
    n: int,
    random_: random.Random,
    progress: Callable[[int, int], None] | None,
    total: int,
) -> list[Case]:
    """Return the n best of the candidates, taken in turn from kinds and documents."""
    weighed: list[tuple[Drafted, str, float]] = []
    asked: set[str] = set()
    documents: dict[str, int] = defaultdict(int)
    spans: set[tuple[str, int]] = set()
    for tried, one in enumerate(_in_turn(drafted, random_)):
        if len(weighed) >= n or tried >= _TRIED * max(n, 20):
            break
        place = (one.evidence[0].path, one.evidence[0].start or 0) if one.evidence else ("", 0)
        most = max(2, 3 * n // max(1, len({d.evidence[0].path for d in drafted if d.evidence})))
        if one.evidence and (place in spans or documents[place[0]] >= most):
            continue
        question, score = _weighed(rag, one)
        if score < LEAST or question.lower() in asked:
            continue
        asked.add(question.lower())
        spans.add(place)
        documents[place[0]] += 1
        weighed.append((one, question, score))
        if progress is not None:
            progress(len(weighed), total)
    return [_case(one, question, score) for one, question, score in weighed]


def _in_turn(drafted: Sequence[Drafted], random_: random.Random) -> Iterator[Drafted]:
    """Yield the candidates, one of each kind in turn, in random order within a kind."""
    kinds: dict[str, list[Drafted]] = defaultdict(list)
    for one in drafted:
        kinds[one.kind].append(one)
    for held in kinds.values():
        random_.shuffle(held)
    while kinds:
        for kind in sorted(kinds):
            yield kinds[kind].pop()
            if not kinds[kind]:
                del kinds[kind]


def _weighed(rag: Pipeline, one: Drafted) -> tuple[str, float]:
    """Return the question as it is best asked, with its quality."""
    plain = quality(one, one.question, _hits(rag, one, one.question))
    if plain >= 0.85 * one.trust or not one.title or not one.answers or one.kind == "heading":
        return one.question, plain
    longer = _with_title(one)
    titled = quality(one, longer, _hits(rag, one, longer)) * 0.95
    return (longer, titled) if titled > plain else (one.question, plain)


def _hits(rag: Pipeline, one: Drafted, question: str) -> Sequence[Passage]:
    if not one.answers:
        return ()
    found: SearchResult = rag.search(question, k=_HITS)
    return found.hits


def _case(one: Drafted, question: str, score: float) -> Case:
    paths = tuple(dict.fromkeys(evidence.path for evidence in one.evidence))
    whole = hashlib.sha256("\n".join([question, *paths]).encode()).hexdigest()
    return Case(
        id=f"d{whole[:10]}",
        question=question,
        answers=one.answers,
        answerable=bool(one.answers),
        evidence=one.evidence if one.answers else (),
        kind=one.kind,
        gold=paths if one.answers else (),
        quality=round(score, 4),
    )
