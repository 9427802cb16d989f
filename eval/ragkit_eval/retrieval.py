"""How well are relevant documents found: runs every query of a set, scores every ranking.

Passages are found, documents are judged: a document ranks where its best passage does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Protocol

from ragkit.answer import SearchResult
from ragkit_eval.beir import CorpusDocument, RetrievalSet
from ragkit_eval.cases import write_whole
from ragkit_eval.match import DOCUMENT_ID
from ragkit_eval.metrics.ndcg import ndcg_at
from ragkit_eval.metrics.recall import recall_at
from ragkit_eval.metrics.reciprocal_rank import reciprocal_rank_at
from ragkit_eval.stats.bootstrap import mean_ci95
from ragkit_eval.stats.randomisation import paired_p_value
from ragkit_ingest.errors import UsageError
from ragkit_ingest.report import IngestReport, ProgressCallback
from ragkit_ingest.source import SourceDocument

Measure = Callable[[Sequence[str], Mapping[str, int]], float]

MEASURES: Mapping[str, Measure] = {
    "ndcg@10": partial(ndcg_at, 10),
    "recall@5": partial(recall_at, 5),
    "recall@10": partial(recall_at, 10),
    "recall@100": partial(recall_at, 100),
    "mrr@10": partial(reciprocal_rank_at, 10),
}
"""What is measured, by its name in the report."""
DEPTH = 100
"""How many documents a ranking holds at most."""
_PASSAGES = 400  # a long document may hold many of the first passages
_SAVED = "ragkit retrieval run"


class Indexing(Protocol):
    """As much of `ragkit.pipeline.Pipeline` as is needed to index a set, which see."""

    def ingest_documents(
        self,
        documents: Iterable[SourceDocument],
        *,
        source: str,
        allow_mass_delete: bool = False,
        progress: ProgressCallback | None = None,
    ) -> IngestReport:
        """Bring the index in line with the documents."""
        ...


class Searching(Protocol):
    """As much of `ragkit.pipeline.Pipeline` as is needed to search, which see."""

    def search(self, query: str, *, mode: str, k: int) -> SearchResult:
        """Find passages."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrievalRun:
    """What came of every query of a set in one mode.

    Attributes:
        dataset: The set's name.
        mode: "hybrid", "dense" or "lexical".
        scores: By measure, then by query; all measures have the same queries.
        query_ms: Milliseconds of each query, in the same order.
        documents: How many were indexed.
        index_s: Seconds that indexing took; about 0 if they were indexed before.
    """

    dataset: str
    mode: str
    scores: Mapping[str, Mapping[str, float]]
    query_ms: tuple[float, ...]
    documents: int
    index_s: float

    def mean(self, measure: str) -> float:
        """Return the mean of a measure over the queries, in [0, 1]."""
        values = self.scores[measure].values()
        return sum(values) / len(values)

    def ci95(self, measure: str) -> tuple[float, float]:
        """Return the bootstrap interval of that mean."""
        interval = mean_ci95(list(self.scores[measure].values()))
        assert interval is not None
        return interval

    def to_json(self) -> dict[str, object]:
        """Return the run in the shape of `ragkit eval retrieval --json`."""
        p50, p95 = _percentiles(self.query_ms)
        return {
            "dataset": self.dataset,
            "mode": self.mode,
            "queries": len(self.query_ms),
            "documents": self.documents,
            **{name: round(self.mean(name), 4) for name in self.scores},
            "ci95": {name: [round(v, 4) for v in self.ci95(name)] for name in self.scores},
            "index_s": round(self.index_s, 3),
            "docs_per_s": round(self.documents / self.index_s, 2) if self.index_s > 0 else None,
            "query_ms": {"p50": round(p50, 3), "p95": round(p95, 3)},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How a measure differs between two runs over the same queries.

    Attributes:
        measure: Its name.
        mode: Of this run.
        before: The other run's mean.
        now: This run's mean.
        p_value: Of the paired randomisation test, two-sided.
        better: Queries on which this run is better.
        worse: Queries on which it is worse.
    """

    measure: str
    mode: str
    before: float
    now: float
    p_value: float
    better: int
    worse: int

    def to_json(self) -> dict[str, object]:
        """Return the difference as it stands in the report."""
        return {
            "measure": self.measure,
            "mode": self.mode,
            "before": round(self.before, 4),
            "now": round(self.now, 4),
            "difference": round(self.now - self.before, 4),
            "p_value": round(self.p_value, 4),
            "better": self.better,
            "worse": self.worse,
        }


def index(
    rag: Indexing, dataset: RetrievalSet, progress: ProgressCallback | None = None
) -> tuple[int, float]:
    """Bring an index in line with the set's corpus; return its documents and the seconds taken.

    Raises:
        UsageError: If the corpus is wrong, or nothing of it could be indexed.
        IndexStateError: If the index cannot be written.
    """
    return index_corpus(rag, dataset.documents(), dataset.name, progress)


def index_corpus(
    rag: Indexing,
    documents: Iterable[CorpusDocument],
    name: str,
    progress: ProgressCallback | None = None,
) -> tuple[int, float]:
    """Bring an index in line with a corpus; return its documents and the seconds taken.

    Args:
        rag: The pipeline.
        documents: The corpus.
        name: What it is called; the documents' source in the index.
        progress: Called as the work goes on.

    Raises:
        UsageError: If the corpus is wrong, or nothing of it could be indexed.
        IndexStateError: If the index cannot be written.
    """
    started = time.perf_counter()
    report = rag.ingest_documents(
        (
            SourceDocument(
                id=document.id,
                text=document.text,
                metadata={
                    DOCUMENT_ID: document.id,
                    **({"title": document.title} if document.title else {}),
                },
            )
            for document in documents
        ),
        source=_source(name),
        allow_mass_delete=True,
        progress=progress,
    )
    if report.failures:
        first = report.failures[0]
        raise UsageError(
            f"{len(report.failures)} documents of {name} could not be indexed, such as "
            f"{first.path}: {first.reason}; scores without them would mislead"
        )
    return report.files.indexed + report.files.unchanged, time.perf_counter() - started


def run(
    rag: Searching,
    dataset: RetrievalSet,
    mode: str,
    *,
    indexed: tuple[int, float] = (0, 0.0),
    progress: Callable[[int, int], None] | None = None,
) -> RetrievalRun:
    """Run every query of the set.

    Args:
        rag: On an index of the set's corpus and of nothing else.
        dataset: The set.
        mode: "hybrid", "dense" or "lexical".
        indexed: What `index` returned, for the report.
        progress: Called after each query with how many are done, and how many there are.

    Raises:
        UsageError: If a query is longer than what is read.
    """
    scores: dict[str, dict[str, float]] = {name: {} for name in MEASURES}
    times = []
    rag.search(next(iter(dataset.queries.values())), mode=mode, k=1)  # opens what is opened lazily
    for done, (id_, text) in enumerate(dataset.queries.items(), start=1):
        started = time.perf_counter()
        result = rag.search(text, mode=mode, k=_PASSAGES)
        times.append((time.perf_counter() - started) * 1000)
        ranked = ranking(result, without=id_)
        for name, measure in MEASURES.items():
            scores[name][id_] = measure(ranked, dataset.judgements[id_])
        if progress is not None:
            progress(done, len(dataset.queries))
    return RetrievalRun(
        dataset=dataset.name,
        mode=mode,
        scores=scores,
        query_ms=tuple(times),
        documents=indexed[0],
        index_s=indexed[1],
    )


def ranking(result: SearchResult, *, without: str) -> list[str]:
    """Return the ids of the documents found, each at its best passage, at most `DEPTH`.

    Args:
        result: Passages, best first.
        without: The query's id. In sets whose queries are documents themselves, such as ArguAna,
            a query finds itself first; BEIR leaves that out, and so do we.
    """
    found = dict.fromkeys(str(hit.metadata[DOCUMENT_ID]) for hit in result.hits)
    return [id_ for id_ in found if id_ != without][:DEPTH]


def differences(before: Sequence[RetrievalRun], now: Sequence[RetrievalRun]) -> list[Difference]:
    """Compare the runs of the same modes, measure by measure, over the queries that both hold.

    Raises:
        UsageError: If they are of other sets, or share no mode or query.
    """
    earlier = {run.mode: run for run in before}
    pairs = [(earlier[run.mode], run) for run in now if run.mode in earlier]
    if not pairs:
        raise UsageError("the two runs share no mode; there is nothing to compare")
    found = []
    for old, new in pairs:
        if old.dataset != new.dataset:
            raise UsageError(
                f"the saved run is of {old.dataset}, this one of {new.dataset}; only runs over "
                "the same queries can be compared"
            )
        found += [_difference(old, new, measure) for measure in new.scores]
    return found


def save(runs: Sequence[RetrievalRun], file: Path) -> None:
    """Write runs with every query's scores to a file, for a later comparison.

    Raises:
        UsageError: If it cannot be written.
    """
    content = {
        "kind": _SAVED,
        "version": 1,
        "runs": [{**run.to_json(), "scores": run.scores, "times_ms": run.query_ms} for run in runs],
    }
    write_whole(file, json.dumps(content, indent=1) + "\n")


def saved(file: Path) -> list[RetrievalRun]:
    """Return the runs of a file that `save` wrote.

    Raises:
        UsageError: If it is missing, or not such a file.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["kind"] != _SAVED:
            raise ValueError(f"it is a {content['kind']!r}")
        return [
            RetrievalRun(
                dataset=str(entry["dataset"]),
                mode=str(entry["mode"]),
                scores={
                    str(name): {str(id_): float(value) for id_, value in values.items()}
                    for name, values in entry["scores"].items()
                },
                query_ms=tuple(map(float, entry["times_ms"])),
                documents=int(entry["documents"]),
                index_s=float(entry["index_s"]),
            )
            for entry in content["runs"]
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise UsageError(
            f"{file} is not a run that ragkit eval retrieval --save wrote ({exc})"
        ) from exc


def _difference(old: RetrievalRun, new: RetrievalRun, measure: str) -> Difference:
    before, now = old.scores.get(measure, {}), new.scores[measure]
    both = [id_ for id_ in now if id_ in before]
    if not both:
        raise UsageError(f"the two runs share no query scored by {measure}")
    first, second = [before[id_] for id_ in both], [now[id_] for id_ in both]
    return Difference(
        measure=measure,
        mode=new.mode,
        before=sum(first) / len(both),
        now=sum(second) / len(both),
        p_value=paired_p_value(first, second),
        better=sum(b > a for a, b in zip(first, second, strict=True)),
        worse=sum(b < a for a, b in zip(first, second, strict=True)),
    )


def _source(name: str) -> str:
    """Return a set's name as one that a source may have."""
    plain = "".join(char if char.isalnum() or char in "-_." else "-" for char in name)
    return plain.strip("-.")[:100] or "corpus"


def _percentiles(times: Sequence[float]) -> tuple[float, float]:
    if len(times) < 2:
        return (times[0], times[0]) if times else (0.0, 0.0)
    cuts = quantiles(times, n=100, method="inclusive")
    return cuts[49], cuts[94]
