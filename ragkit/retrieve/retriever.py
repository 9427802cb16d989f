"""Finds the passages for a question: dense, lexical or both fused, reranked if so wished."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ragkit.answer import Passage, SearchResult
from ragkit.rerank.protocol import Reranker, checked_scores
from ragkit.retrieve.diversity import capped, varied
from ragkit.retrieve.expansion import expanded
from ragkit.retrieve.feedback import moved
from ragkit.retrieve.filters import Where, matching
from ragkit.retrieve.fusion import fused, fused_by_rank, scaled
from ragkit_ingest.catalog.reading import Reading, StoredChunk
from ragkit_ingest.embed.protocol import Vectors
from ragkit_ingest.errors import NoIndexError, UsageError
from ragkit_ingest.index import Index
from ragkit_ingest.records import Block
from ragkit_ingest.shard import Ids

MODES = ("hybrid", "dense", "lexical")
FUSIONS = ("score", "rank")
MAX_QUERY_CHARACTERS = 4_000
_VARIED = 5
_VARIED_AT_LEAST = 50
_DEEPEST = 20_000
_READ_IN_SENTENCES = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalSettings:
    """How passages are found.

    Attributes:
        depth: Candidates taken from each ranking before they are fused, 1 or more.
        fusion: "score", a weighted mean of scaled scores, or "rank", reciprocal rank fusion.
        dense_weight: Weight of the dense ranking in the fusion, in [0, 1].
        sentence_weight: How far a candidate's nearest sentence counts where it is nearer to the
            question than the passage as a whole, in [0, 1]; hybrid search only. 0 for not at all.
        feedback: How many of the first fused passages the question is moved towards before the
            candidates are compared with it again, 0 or more; hybrid search only.
        feedback_weight: How far, 0 or more; see `feedback.moved`.
        per_document: Most passages of one document before those of all others; 0 for no cap.
        diversity: How much a passage unlike those before it is preferred, in [0, 1]; 0 for not
            at all; see `diversity.varied`.
        rerank_depth: Candidates that a reranker reads, 1 or more; the others follow behind them in
            their order.
        expand: Most tokens of a passage with its neighbours of the same section, 0 or more; 0 for
            the chunk alone; see `expansion`.
        title_weight: Weight of a word in the title, against 1 in the text.
        headings_weight: Weight of a word in the headings, likewise.
    """

    depth: int = 200
    fusion: str = "score"
    dense_weight: float = 0.6
    sentence_weight: float = 0.75
    feedback: int = 2
    feedback_weight: float = 0.4
    per_document: int = 0
    diversity: float = 0.0
    rerank_depth: int = 50
    expand: int = 0
    title_weight: float = 1.0
    headings_weight: float = 1.0

    def __post_init__(self) -> None:
        if self.depth < 1:
            raise UsageError(f"depth must be 1 or more, not {self.depth}")
        if not 0.0 <= self.dense_weight <= 1.0:
            raise UsageError(f"dense_weight must be between 0 and 1, not {self.dense_weight}")
        if not 0.0 <= self.sentence_weight <= 1.0:
            raise UsageError(f"sentence_weight must be between 0 and 1, not {self.sentence_weight}")
        if self.fusion not in FUSIONS:
            raise UsageError(f"fusion must be one of {', '.join(FUSIONS)}, not {self.fusion!r}")
        if self.feedback < 0 or not 0.0 <= self.feedback_weight < math.inf:
            raise UsageError(
                "feedback and feedback_weight must be 0 or more, not "
                f"{self.feedback} and {self.feedback_weight}"
            )
        if self.per_document < 0:
            raise UsageError(f"per_document must be 0 or more, not {self.per_document}")
        if not 0.0 <= self.diversity <= 1.0:
            raise UsageError(f"diversity must be between 0 and 1, not {self.diversity}")
        if self.rerank_depth < 1:
            raise UsageError(f"rerank_depth must be 1 or more, not {self.rerank_depth}")
        if self.expand < 0:
            raise UsageError(f"expand must be 0 or more, not {self.expand}")


@dataclass(frozen=True, slots=True)
class _Ranked:
    """The candidates of both rankings and their order after fusion."""

    order: list[tuple[int, float]]
    dense: dict[int, float]
    lexical: dict[int, float]
    timing_ms: dict[str, float]
    dense_ranks: dict[int, int]
    lexical_ranks: dict[int, int]


class Retriever:
    """Searches one index.

    Args:
        index: Where.
        settings: How.
        reranker: Orders the first candidates anew; None for the order of the fusion.
    """

    def __init__(
        self,
        index: Index,
        settings: RetrievalSettings | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        self._index = index
        self._settings = settings or RetrievalSettings()
        self._reranker = reranker

    def search(
        self,
        query: str,
        *,
        mode: str = "hybrid",
        k: int = 10,
        where: Where | None = None,
        expand: bool = True,
        distinct: bool = False,
    ) -> SearchResult:
        """Return at most k passages, best first; fewer only if fewer exist.

        With a reranker, the first `rerank_depth` candidates come in the order of its scores,
        equal ones in their former order; the index is not locked while it reads. If passages are
        expanded, those that lie in a better one are part of it and do not count.

        Args:
            query: Up to 4,000 characters.
            mode: "hybrid", "dense" or "lexical".
            k: How many, 1 or more.
            where: Conditions on the documents; see `filters`.
            expand: Whether the passages are expanded, if the settings say so.
            distinct: Whether of passages with the same words only the best is returned, so that
                copies cannot crowd out all others; more candidates are looked at where needed.

        Raises:
            UsageError: If an argument is out of range, or a filter names an unknown field.
            NoIndexError: If nothing was indexed yet.
            RerankerError: If the reranker fails, or gives scores that cannot be ranked.
        """
        _check(query, mode, k)
        query = query.encode("utf-8", "replace").decode()  # half characters from a command line
        started = time.perf_counter()
        with self._index.reader() as reading:
            if reading.generation() is None:
                raise NoIndexError(
                    f"nothing is indexed in {self._index.folder} yet; run: ragkit ingest PATH"
                )
            among = self._among(where)
            first = k if self._reranker is None else max(k, self._settings.rerank_depth)
            depth = max(k, self._settings.depth)
            while True:
                ranked = self._rank(query, mode, depth, among)
                order = self._spread(ranked.order, first, reading.owners, self._index.vectors)
                if not distinct:
                    hits = self._passages(reading, ranked, order[:first])
                    break
                hits = self._distinct(reading, ranked, order, first)
                if len(hits) >= first or not depth <= len(order) <= _DEEPEST:
                    break
                depth *= 4
            vectors = self._vectors_to_vary(hits)
        timing = dict(ranked.timing_ms)
        if self._reranker is not None:
            began = time.perf_counter()
            hits = self._reranked(self._reranker, query, hits, k, vectors)
            timing["rerank"] = _ms_since(began)
        if expand and self._settings.expand:
            began = time.perf_counter()
            hits = self._expanded(hits, k, ranked, order[first:])
            timing["expand"] = _ms_since(began)
        ordered = tuple(replace(hit, rank=rank) for rank, hit in enumerate(hits[:k], start=1))
        timing["total"] = _ms_since(started)
        return SearchResult(query=query, mode=mode, hits=ordered, timing_ms=timing)

    def expanded(self, passages: Sequence[Passage], k: int) -> list[Passage]:
        """Return at most k of the passages with their surroundings, as the settings say.

        Args:
            passages: Best first, each the span of its chunk.
            k: How many, 1 or more.
        """
        with self._index.reader() as reading:
            return list(expanded(reading, passages, tokens=self._settings.expand, k=k))

    def _expanded(
        self, hits: Sequence[Passage], k: int, ranked: _Ranked, rest: list[tuple[int, float]]
    ) -> list[Passage]:
        """Return k expanded passages; hits that lie in others are made up for from the rest."""
        with self._index.reader() as reading:

            def candidates() -> Iterator[Passage]:
                yield from hits
                for start in range(0, len(rest), k):
                    yield from self._passages(reading, ranked, rest[start : start + k])

            return list(expanded(reading, candidates(), tokens=self._settings.expand, k=k))

    def _reranked(
        self,
        reranker: Reranker,
        query: str,
        hits: list[Passage],
        k: int,
        vectors: Mapping[int, Vectors],
    ) -> list[Passage]:
        """Return the hits in the order of the reranker's scores; those it did not read come last.

        What keeps near-duplicates apart holds for the new order as well.
        """
        read = hits[: self._settings.rerank_depth]
        scores = checked_scores(reranker, query, read)
        found = {
            hit.chunk_id: replace(hit, rerank_score=score)
            for hit, score in zip(read, scores, strict=True)
        }
        weights = scaled(dict(zip(found, scores, strict=True)))
        order = [
            (id_, weights[id_])
            # Sorting is stable: equal scores keep their former order.
            for id_, _ in sorted(zip(found, scores, strict=True), key=lambda entry: -entry[1])
        ]
        found |= {hit.chunk_id: hit for hit in hits[len(read) :]}
        order += [(hit.chunk_id, 0.0) for hit in hits[len(read) :]]
        owners = {id_: hit.document_id for id_, hit in found.items()}
        spread = self._spread(
            order, k, lambda _: owners, lambda ids: np.stack([vectors[id_] for id_ in ids])
        )
        return [found[id_] for id_, _ in spread]

    def _passages(
        self, reading: Reading, ranked: _Ranked, order: Sequence[tuple[int, float]]
    ) -> list[Passage]:
        """Return the live ones among the candidates as passages, in their order."""
        stored = reading.chunks([id_ for id_, _ in order])
        documents = sorted({chunk.document_id for chunk in stored.values()})
        metadata = reading.metadata(documents)
        labels = reading.page_labels(documents)
        hits: list[Passage] = []
        for id_, score in order:
            if (chunk := stored.get(id_)) is None:
                continue
            hit = passage_of(chunk, rank=len(hits) + 1, score=score)
            hits.append(
                replace(
                    hit,
                    similarity=ranked.dense.get(id_),
                    dense_rank=ranked.dense_ranks.get(id_),
                    lexical_rank=ranked.lexical_ranks.get(id_),
                    page_label=labels[chunk.document_id].get(chunk.page or 0, ""),
                    metadata=metadata[chunk.document_id],
                )
            )
        return hits

    def _distinct(
        self, reading: Reading, ranked: _Ranked, order: Sequence[tuple[int, float]], most: int
    ) -> list[Passage]:
        """Return at most so many live candidates as passages, no two with the same words."""
        found: dict[tuple[str, ...], Passage] = {}
        for start in range(0, len(order), most):
            for hit in self._passages(reading, ranked, order[start : start + most]):
                words = tuple(re.findall(r"\w+", hit.text.casefold())) or (hit.text,)
                found.setdefault(words, replace(hit, rank=len(found) + 1))
            if len(found) >= most:
                break
        return list(found.values())[:most]

    def _vectors_to_vary(self, hits: Sequence[Passage]) -> dict[int, Vectors]:
        """Return the vectors that are needed once the hits were reranked."""
        if self._reranker is None or not self._settings.diversity:
            return {}
        ids = [hit.chunk_id for hit in hits]
        return dict(zip(ids, self._index.vectors(ids), strict=True))

    def with_blocks(self, passages: Sequence[Passage]) -> tuple[Passage, ...]:
        """Return the passages with their blocks, for a generator that picks sentences."""
        blocks: dict[int, tuple[Block, ...]] = {}
        for document_id in {passage.document_id for passage in passages}:
            document = self._index.document(document_id)
            blocks[document_id] = document.blocks if document else ()
        return tuple(
            replace(passage, blocks=_cut(blocks[passage.document_id], passage.start, passage.end))
            for passage in passages
        )

    def _among(self, where: Where | None) -> Ids | None:
        if not where:
            return None
        key = tuple((field, repr(condition)) for field, condition in where.items())
        return self._index.chunks_of(key, lambda facts: matching(facts, where))

    def _rank(self, query: str, mode: str, depth: int, among: Ids | None) -> _Ranked:
        timing: dict[str, float] = {}
        dense: dict[int, float] = {}
        lexical: dict[int, float] = {}
        if mode != "lexical":
            started = time.perf_counter()
            vector = self._index.embedder.embed_query(query)
            timing["embed"] = _ms_since(started)
            started = time.perf_counter()
            dense = dict(self._index.dense(vector, depth, among=among))
            timing["dense"] = _ms_since(started)
        if mode != "dense":
            started = time.perf_counter()
            lexical = self._lexical(query, depth, among)
            timing["lexical"] = _ms_since(started)
        if mode == "hybrid":
            started = time.perf_counter()
            order = self._fuse(vector, dense, lexical)
            timing["fuse"] = _ms_since(started)
        else:
            order = list((dense or lexical).items())
        return _Ranked(order, dense, lexical, timing, _ranks(dense), _ranks(lexical))

    def _fuse(
        self, vector: Vectors, dense: dict[int, float], lexical: dict[int, float]
    ) -> list[tuple[int, float]]:
        """Return the candidates of both rankings in their order; fills `dense` for all of them.

        A long passage may be about much and answer in one sentence: where the nearest sentence of
        one of the first candidates is nearer than itself, it counts as nearer by a share of the
        difference.
        """
        settings = self._settings
        ids = sorted(dense.keys() | lexical.keys())
        rows = dict(zip(ids, range(len(ids)), strict=True))
        vectors = self._index.vectors(ids)
        dense.update(zip(ids, (vectors @ vector).tolist(), strict=True))
        fuse = fused_by_rank if settings.fusion == "rank" else fused

        order = fuse(dense, lexical, dense_weight=settings.dense_weight)
        first = [id_ for id_, _ in order[:_READ_IN_SENTENCES]] if settings.sentence_weight else []
        sentences, places = self._index.sentences(first), [rows[id_] for id_ in first]

        def by(question: Vectors) -> list[tuple[int, float]]:
            near = vectors @ question
            ahead = sentences.nearest(question) - near[places]
            near[places] += settings.sentence_weight * np.maximum(ahead, 0.0)
            nearness = dict(zip(ids, near.tolist(), strict=True))
            return fuse(nearness, lexical, dense_weight=settings.dense_weight)

        if sentences:  # else the order stays as it is
            order = by(vector)
        if not settings.feedback:
            return order
        towards = vectors[[rows[id_] for id_, _ in order[: settings.feedback]]]
        return by(moved(vector, towards, weight=settings.feedback_weight))

    def _spread(
        self,
        order: list[tuple[int, float]],
        k: int,
        owners_of: Callable[[Sequence[int]], Mapping[int, int]],
        vectors_of: Callable[[Sequence[int]], Vectors],
    ) -> list[tuple[int, float]]:
        """Return the ranking after near-duplicates were moved back, as far as the settings say."""
        if self._settings.diversity:
            near = order[: max(_VARIED * k, _VARIED_AT_LEAST)]
            ids = [id_ for id_, _ in near]
            vectors = dict(zip(ids, vectors_of(ids), strict=True))
            chosen = varied(near, vectors, count=k, diversity=self._settings.diversity)
            order = chosen + order[len(near) :]
        if self._settings.per_document:
            owners = owners_of([id_ for id_, _ in order])
            # A chunk without an owner is not live any more, and is left out later.
            order = capped(
                [entry for entry in order if entry[0] in owners],
                owners,
                most=self._settings.per_document,
            )
        return order

    def _lexical(self, query: str, depth: int, among: Ids | None) -> dict[int, float]:
        weights = (self._settings.title_weight, self._settings.headings_weight, 1.0)
        return dict(self._index.lexical(query, depth, weights, among=among))


def _check(query: str, mode: str, k: int) -> None:
    if mode not in MODES:
        raise UsageError(f"the mode must be one of {', '.join(MODES)}, not {mode!r}")
    if k < 1:
        raise UsageError(f"k must be 1 or more, not {k}")
    if not query.strip():
        raise UsageError("the question is empty; write what you want to know")
    if len(query) > MAX_QUERY_CHARACTERS:
        raise UsageError(
            f"the question has {len(query):,} characters, more than the {MAX_QUERY_CHARACTERS:,} "
            "that are read; shorten it"
        )


def passage_of(chunk: StoredChunk, *, rank: int, score: float) -> Passage:
    """Return a stored chunk as a passage that was found."""
    return Passage(
        rank=rank,
        chunk_id=chunk.id,
        document_id=chunk.document_id,
        path=chunk.path,
        title=chunk.title,
        headings=chunk.headings,
        page=chunk.page,
        start=chunk.start,
        end=chunk.end,
        text=chunk.text,
        score=score,
    )


def _cut(blocks: Sequence[Block], start: int, end: int) -> tuple[Block, ...]:
    return tuple(
        replace(block, start=max(block.start, start), end=min(block.end, end))
        for block in blocks
        if block.start < end and block.end > start
    )


def _ranks(scores: Mapping[int, float]) -> dict[int, int]:
    order = sorted(scores, key=lambda id_: (-scores[id_], id_))
    return {id_: rank for rank, id_ in enumerate(order, start=1)}


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
