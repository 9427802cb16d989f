"""Does a search find better than it did before? The same questions, both ways, paired.

Used where an embedder is to take another's place: on cases, on a set in BEIR's layout, or without
any known answers by how far the first ten passages are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Protocol

from ragkit.answer import SearchResult
from ragkit_eval.beir import RetrievalSet
from ragkit_eval.cases import Case
from ragkit_eval.match import evidence_rank
from ragkit_eval.metrics.ndcg import ndcg_at
from ragkit_eval.retrieval import ranking
from ragkit_eval.stats.paired import Contrast, contrast
from ragkit_ingest.errors import UsageError

MODES = ("dense", "hybrid")
HIT, NDCG = "hit@5", "ndcg@10"
_FIRST, _DEPTH, _PASSAGES = 5, 10, 100
_Progress = Callable[[int, int], None] | None


class Searching(Protocol):
    """As much of `ragkit.retrieve.retriever.Retriever` as is needed, which see."""

    def search(self, query: str, *, mode: str, k: int) -> SearchResult:
        """Find passages."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A question, and how to tell whether what is found for it is right.

    Attributes:
        id: Unique among its like.
        text: The question.
        source: What it is about; questions of one source are right or wrong together.
        score: Of the passages found, each measure in [0, 1]: `HIT` and `NDCG`.
        passages: How many it must be given.
    """

    id: str
    text: str
    source: str
    score: Callable[[SearchResult], Mapping[str, float]]
    passages: int = _DEPTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How a measure changed.

    Attributes:
        mode: How passages were found.
        measure: Its name.
        before: Its mean before, in [0, 1].
        after: Its mean after.
        contrast: The difference, after minus before, with its interval.
    """

    mode: str
    measure: str
    before: float
    after: float
    contrast: Contrast

    def to_json(self) -> dict[str, object]:
        """Return the change as it stands in a report."""
        return {
            "mode": self.mode,
            "measure": self.measure,
            "before": round(self.before, 4),
            "after": round(self.after, 4),
            **self.contrast.to_json(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """How far two searches find the same, where no right answers are known.

    Attributes:
        mode: How passages were found.
        questions: How many were asked: sentences of the documents themselves.
        overlap: Mean share of the first ten passages that both find, in [0, 1].
        found_before: Share of the sentences whose own passage was among the first ten before.
        found_after: The same after.
    """

    mode: str
    questions: int
    overlap: float
    found_before: float
    found_after: float

    def to_json(self) -> dict[str, object]:
        """Return the overlap as it stands in a report."""
        return {
            "mode": self.mode,
            "questions": self.questions,
            "overlap@10": round(self.overlap, 4),
            "found@10_before": round(self.found_before, 4),
            "found@10_after": round(self.found_after, 4),
        }


Scores = Mapping[tuple[str, str], Sequence[float]]
"""By mode and measure: a value a probe, in their order."""


def case_probes(cases: Sequence[Case]) -> list[Probe]:
    """Return the answerable cases whose evidence is known, as probes.

    Raises:
        UsageError: If there is none.
    """
    found = [
        Probe(
            id=case.id,
            text=case.question,
            source=case.source,
            score=lambda result, case=case: rank_scores(  # type: ignore[misc]
                evidence_rank(case, result.hits)
            ),
        )
        for case in cases
        if case.answerable and (case.evidence or case.gold)
    ]
    if not found:
        raise UsageError(
            "none of the cases says where its answer stands, so that no search can be scored on "
            "them; give cases with evidence or gold"
        )
    return found


def set_probes(dataset: RetrievalSet) -> list[Probe]:
    """Return the queries of a set in BEIR's layout as probes; documents are judged."""
    return [
        Probe(
            id=id_,
            text=text,
            source=id_,
            passages=_PASSAGES,
            score=lambda result, id_=id_: _document_scores(  # type: ignore[misc]
                ranking(result, without=id_), dataset.judgements[id_]
            ),
        )
        for id_, text in dataset.queries.items()
    ]


def rank_scores(rank: int | None) -> dict[str, float]:
    """Return the measures where one passage is right, and this is its rank, from 1."""
    near = rank is not None and rank <= _DEPTH
    return {
        HIT: float(rank is not None and rank <= _FIRST),
        NDCG: 1.0 / math.log2(rank + 1) if rank is not None and near else 0.0,
    }


def _document_scores(ranked: Sequence[str], grades: Mapping[str, int]) -> dict[str, float]:
    relevant = any(grades.get(id_, 0) > 0 for id_ in ranked[:_FIRST])
    return {HIT: float(relevant), NDCG: ndcg_at(_DEPTH, ranked, grades)}


def scores(
    search: Searching,
    probes: Sequence[Probe],
    modes: Sequence[str] = MODES,
    progress: _Progress = None,
) -> Scores:
    """Return how well a search does on each probe."""
    found: dict[tuple[str, str], list[float]] = {}
    for done, probe in enumerate(probes, start=1):
        for mode in modes:
            result = search.search(probe.text, mode=mode, k=probe.passages)
            for measure, value in probe.score(result).items():
                found.setdefault((mode, measure), []).append(value)
        if progress is not None:
            progress(done, len(probes))
    return found


def changes(before: Scores, after: Scores, probes: Sequence[Probe]) -> list[Change]:
    """Compare two searches on the same probes, in pairs; intervals keep sources together."""
    sources = [probe.source for probe in probes]
    return [
        Change(
            mode=mode,
            measure=measure,
            before=fmean(before[mode, measure]),
            after=fmean(values),
            contrast=contrast(values, before[mode, measure], sources),
        )
        for (mode, measure), values in after.items()
    ]


def overlaps(
    before: Searching | None,
    after: Searching,
    sentences: Sequence[tuple[int, str]],
    modes: Sequence[str] = MODES,
    progress: _Progress = None,
) -> list[Overlap]:
    """Compare two searches for sentences of the documents.

    Args:
        before: None if that search cannot be had any more; its figures are 0 then.
        after: The other one.
        sentences: Each with the document that holds it; one or more.
        modes: How passages are found.
        progress: Called after each sentence.
    """
    shared: dict[str, list[tuple[float, float, float]]] = {mode: [] for mode in modes}
    for done, (document, sentence) in enumerate(sentences, start=1):
        for mode in modes:
            old, new = _places(before, sentence, mode), _places(after, sentence, mode)
            alike = len(old & new) / max(len(old), len(new), 1)
            shared[mode].append((alike, _holds(old, document), _holds(new, document)))
        if progress is not None:
            progress(done, len(sentences))
    return [
        Overlap(
            mode=mode,
            questions=len(sentences),
            overlap=fmean(row[0] for row in rows),
            found_before=fmean(row[1] for row in rows),
            found_after=fmean(row[2] for row in rows),
        )
        for mode, rows in shared.items()
    ]


def _places(search: Searching | None, text: str, mode: str) -> set[tuple[int, int]]:
    """Return document and start of the first ten passages: ids change if a text is cut anew."""
    if search is None:
        return set()
    hits = search.search(text, mode=mode, k=_DEPTH).hits
    return {(hit.document_id, hit.start) for hit in hits}


def _holds(places: set[tuple[int, int]], document: int) -> float:
    return float(any(held == document for held, _ in places))
