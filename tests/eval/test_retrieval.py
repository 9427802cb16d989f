"""Retrieval runs: documents ranked by their best passage, scores, saved runs, differences."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from ragkit.pipeline import Pipeline
from ragkit_eval.beir import RetrievalSet, load
from ragkit_eval.retrieval import (
    MEASURES,
    RetrievalRun,
    differences,
    index,
    ranking,
    run,
    save,
    saved,
)
from ragkit_ingest.errors import UsageError
from tests.support.hashing import HashingEmbedder

TOPICS = ("kettle", "lease", "holiday", "invoice", "canteen", "firmware")


@pytest.fixture
def dataset(tmp_path: Path) -> RetrievalSet:
    """Six documents of many chunks each, and a query for each but the last."""
    folder = tmp_path / "my set"
    (folder / "qrels").mkdir(parents=True)
    dump(
        folder / "corpus.jsonl",
        (
            {"_id": f"id/{n}", "title": topic, "text": f"The {topic} has number {n}.\n\n" * 400}
            for n, topic in enumerate(TOPICS)
        ),
    )
    dump(
        folder / "queries.jsonl",
        ({"_id": f"q{n}", "text": f"number of the {topic}"} for n, topic in enumerate(TOPICS)),
    )
    (folder / "qrels" / "test.tsv").write_text(
        "query-id\tcorpus-id\tscore\n" + "".join(f"q{n}\tid/{n}\t1\n" for n in range(5))
    )
    return load(folder)


def dump(file: Path, entries: Iterable[dict[str, str]]) -> None:
    file.write_text("".join(json.dumps(entry) + "\n" for entry in entries))


@pytest.fixture
def rag(tmp_path: Path) -> Iterable[Pipeline]:
    with Pipeline(tmp_path / "index", embedder=HashingEmbedder()) as pipeline:
        yield pipeline


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical"])
def test_a_set_is_indexed_and_scored(rag: Pipeline, dataset: RetrievalSet, mode: str) -> None:
    indexed = index(rag, dataset)
    found = run(rag, dataset, mode, indexed=indexed)
    assert (found.dataset, found.mode, found.documents) == ("my set", mode, 6)
    assert len(found.query_ms) == 5
    assert set(found.scores) == set(MEASURES)
    if mode != "dense":
        assert found.mean("ndcg@10") == 1.0
        assert found.ci95("mrr@10") == (1.0, 1.0)
    assert json.loads(json.dumps(found.to_json()))["queries"] == 5


def test_a_second_run_embeds_nothing(rag: Pipeline, dataset: RetrievalSet) -> None:
    index(rag, dataset)
    documents, _ = index(rag, dataset)
    assert documents == 6
    assert rag.status().generation == 1


def test_a_document_ranks_where_its_best_passage_does(rag: Pipeline, dataset: RetrievalSet) -> None:
    index(rag, dataset)
    result = rag.search("number of the lease", k=400)
    found = ranking(result, without="")
    assert len(result.hits) > len(found) == len(set(found)) == 6
    assert found[0] == "id/1"
    assert ranking(result, without="id/1") == found[1:]


def test_saved_runs_come_back_and_compare(
    rag: Pipeline, dataset: RetrievalSet, tmp_path: Path
) -> None:
    indexed = index(rag, dataset)
    now = [run(rag, dataset, mode, indexed=indexed) for mode in ("hybrid", "lexical")]
    save(now, tmp_path / "run.json")
    with pytest.raises(UsageError, match="cannot be written"):
        save(now, tmp_path)
    before = saved(tmp_path / "run.json")
    assert [run.scores for run in before] == [run.scores for run in now]
    assert [run.query_ms for run in before] == [run.query_ms for run in now]
    assert all(row.p_value == 1.0 and row.now == row.before for row in differences(before, now))


def made(found: list[float], **fields: object) -> RetrievalRun:
    values = {f"q{n}": value for n, value in enumerate(found)}
    made = RetrievalRun(
        dataset="set",
        mode="hybrid",
        scores={"ndcg@10": values},
        query_ms=tuple(1.0 for _ in found),
        documents=9,
        index_s=2.0,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def test_a_difference_counts_queries_and_tests_the_mean() -> None:
    (row,) = differences([made([0.0] * 6)], [made([1.0] * 5 + [0.0])])
    assert (row.better, row.worse) == (5, 0)
    assert row.now - row.before == pytest.approx(5 / 6)
    assert row.p_value == pytest.approx(2 / 32)
    assert row.to_json()["difference"] == pytest.approx(0.8333)


def test_only_queries_that_both_runs_hold_are_compared() -> None:
    (row,) = differences([made([0.5, 0.5])], [made([0.5, 1.0, 1.0])])
    assert (row.before, row.now) == (0.5, 0.75)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"mode": "dense"}, "share no mode"),
        ({"dataset": "another"}, "is of another, this one of set"),
        ({"scores": {"ndcg@10": {"x": 1.0}}}, "share no query"),
    ],
)
def test_what_cannot_be_compared_is_said(other: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        differences([made([1.0], **other)], [made([1.0])])


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"kind": "other"}', None])
def test_a_file_that_is_no_saved_run_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "run.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageError, match=r"run.json is not a run that"):
        saved(file)


def test_speed_is_part_of_the_report() -> None:
    report = made([1.0, 0.0]).to_json()
    assert (report["docs_per_s"], report["query_ms"]) == (4.5, {"p50": 1.0, "p95": 1.0})
    assert made([1.0], index_s=0.0).to_json()["docs_per_s"] is None
