"""What tuning an embedder is measured on: questions about documents that it was not trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ragkit.answer import SearchResult
from ragkit.tune.embedder.pair import Pair, mined
from ragkit_eval.before_after import NDCG, Probe, rank_scores
from ragkit_eval.cases import Case
from ragkit_eval.match import holds_quote
from ragkit_ingest.embed.protocol import Embedder
from ragkit_ingest.index import Index

_POOL = 600
_MEASURED_KINDS = ("faq", "definition", "keyphrase")
_PARTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The documents of an index, each in one part, the same every time.

    Attributes:
        development: On which the share of the tuned weights is chosen.
        held_out: On which the gate decides; none where cases are given for that.
    """

    development: frozenset[int]
    held_out: frozenset[int]

    @property
    def apart(self) -> frozenset[int]:
        """Those that are not trained on."""
        return self.development | self.held_out


class Paths(Protocol):
    """As much of `DocumentFacts` as is needed."""

    @property
    def id(self) -> int:
        """In the catalog."""
        ...

    @property
    def path(self) -> str:
        """As the index shows it."""
        ...


def parts(documents: Sequence[Paths], *, held_out: bool, seed: int = 0) -> Parts:
    """Return three twentieths of the documents for development, and five held out if wanted."""
    place = {document.id: _place(document.path, seed) for document in documents}
    return Parts(
        development=frozenset(id_ for id_, part in place.items() if part < 3),
        held_out=frozenset(id_ for id_, part in place.items() if held_out and 3 <= part < 8),
    )


def _place(path: str, seed: int) -> int:
    digest = hashlib.sha256(f"{seed} {path}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:4], "big") % _PARTS


def case_pairs(index: Index, cases: Sequence[Case]) -> list[Pair]:
    """Return cases as pairs of the question and the chunk that holds the evidence."""
    with index.reader() as reading:
        chunks = list(reading.chunks(reading.live_ids()).values())
    by_path: dict[str, list[tuple[int, int, str]]] = {}
    for chunk in chunks:
        text = "\n".join([chunk.title, *chunk.headings, chunk.text])
        by_path.setdefault(chunk.path, []).append((chunk.id, chunk.document_id, text))
    found = []
    for case in cases:
        for evidence in case.evidence[:1]:
            for id_, document, text in by_path.get(evidence.path, ()):
                if holds_quote(text, evidence.quote):
                    found.append(
                        Pair(
                            question=case.question,
                            passage=text,
                            document_id=document,
                            chunk_id=id_,
                            kind="drafted",
                        )
                    )
                    break
    return found


def measured_pairs(
    index: Index, drafted: Sequence[Pair], documents: frozenset[int], most: int, *, seed: int = 0
) -> list[Pair]:
    """Return at most so many pairs of some documents, those that were drafted as cases first."""
    first = [pair for pair in drafted if pair.document_id in documents]
    everything = frozenset(facts.id for facts in index.facts())
    more = [
        pair
        for pair in mined(index, without=everything - documents, seed=seed)
        if pair.kind in _MEASURED_KINDS
    ]
    step = max(1, len(more) // max(1, most - len(first)))
    return [*first, *more[::step]][:most]


def pair_probes(index: Index, pairs: Sequence[Pair]) -> list[Probe]:
    """Return pairs as probes: a passage is right that overlaps the chunk of the pair."""
    with index.reader() as reading:
        chunks = reading.chunks(sorted({pair.chunk_id for pair in pairs}))
    return [
        Probe(
            id=f"pair {number}",
            text=pair.question,
            source=f"document {pair.document_id}",
            score=_Overlapping(
                document=pair.document_id,
                start=chunks[pair.chunk_id].start,
                end=chunks[pair.chunk_id].end,
            ),
        )
        for number, pair in enumerate(pairs)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Overlapping:
    document: int
    start: int
    end: int

    def __call__(self, result: SearchResult) -> dict[str, float]:
        ranks = (
            rank
            for rank, hit in enumerate(result.hits, start=1)
            if hit.document_id == self.document and hit.start < self.end and hit.end > self.start
        )
        return rank_scores(next(ranks, None))


class Pool:
    """Passages among which an embedder must find the right one: quick, without an index.

    Args:
        index: Whose chunks.
        pairs: The questions, with their chunks, which are all in the pool.
        most: Passages in the pool, if the pairs have not more.
    """

    def __init__(self, index: Index, pairs: Sequence[Pair], *, most: int = _POOL) -> None:
        from ragkit_ingest.catalog.space import Spaces

        with index.reader() as reading:
            live = reading.live_ids()
            step = max(1, len(live) // most)
            ids = sorted({pair.chunk_id for pair in pairs} | set(live[::step]))
            texts = [text for _, text in Spaces(index.connection).embedded_texts(ids)]
        self._questions = [pair.question for pair in pairs]
        self._right = [ids.index(pair.chunk_id) for pair in pairs]
        self._texts = texts

    def ndcg(self, embedder: Embedder) -> float:
        """Return the mean nDCG@10 of an embedder's dense ranking; 0 without questions."""
        if not self._questions:
            return 0.0
        passages = embedder.embed_documents(self._texts)
        found = []
        for question, right in zip(self._questions, self._right, strict=True):
            similar = passages @ embedder.embed_query(question)
            rank = 1 + int((similar > similar[right]).sum())
            found.append(rank_scores(rank)[NDCG])
        return float(np.mean(found))
