"""Searching an index: three modes, filters, and results whenever there are any."""

from __future__ import annotations

import numpy as np
import pytest

from ragkit.retrieve.retriever import MODES, RetrievalSettings, Retriever
from ragkit_ingest.errors import NoIndexError, UsageError
from ragkit_ingest.index import Index
from ragkit_ingest.store.chroma import ChromaStore
from ragkit_ingest.store.exact import ExactStore, top
from ragkit_ingest.sync import SyncSettings, sync
from tests.conftest import OpenIndex
from tests.support.counting import CountingParsers
from tests.support.folder import Folder, word
from tests.support.hashing import HashingSentences

COUNT = 60


def filled(index: Index, docs: Folder) -> Index:
    for n in range(COUNT):
        kind = "old" if n % 3 else "new"
        docs.write(
            f"{kind}/{n}.md",
            f"---\nnumber: {n}\nstate: {kind}\n---\n\n"
            f"# Note {n}\n\nThe {word(n)} costs {n} euro.\n",
        )
    sync(index, [docs.path], SyncSettings(), parsers=CountingParsers())
    return index


@pytest.fixture(params=[ExactStore, ChromaStore], ids=["exact", "chroma"])
def full(request: pytest.FixtureRequest, open_index: OpenIndex, docs: Folder) -> Index:
    return filled(open_index(store=request.param()), docs)


@pytest.fixture
def retriever(full: Index) -> Retriever:
    return Retriever(full)


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_finds_the_text(retriever: Retriever, mode: str) -> None:
    query = f"Note 7: the {word(7)} costs 7 euro"
    result = retriever.search(query, mode=mode, k=3)
    assert (result.mode, result.query) == (mode, query)
    assert result.hits[0].text == f"Note 7\n\nThe {word(7)} costs 7 euro."
    assert [hit.rank for hit in result] == [1, 2, 3][: len(result)]
    scores = [hit.score for hit in result]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("mode", ["hybrid", "dense"])
@pytest.mark.parametrize("k", [1, 10, COUNT, 1000])
def test_there_are_k_results_whenever_there_are_k(retriever: Retriever, mode: str, k: int) -> None:
    assert len(retriever.search("costs", mode=mode, k=k)) == min(k, COUNT)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("k", [5, 20])
def test_a_filter_costs_no_results(retriever: Retriever, mode: str, k: int) -> None:
    result = retriever.search("costs", mode=mode, k=k, where={"state": "new"})
    assert len(result) == k
    assert all(hit.path.startswith("new/") for hit in result)
    assert all(hit.metadata["state"] == "new" for hit in result)


@pytest.mark.parametrize("mode", MODES)
def test_a_filter_that_nothing_meets_finds_nothing(retriever: Retriever, mode: str) -> None:
    assert len(retriever.search("costs", mode=mode, where={"path": "nowhere/*"})) == 0


def test_a_filter_works_with_a_small_depth(full: Index) -> None:
    shallow = Retriever(full, RetrievalSettings(depth=1))
    assert len(shallow.search("costs", k=10, where={"number": ">=50"})) == 10


def test_dense_equals_the_exact_oracle(retriever: Retriever, full: Index) -> None:
    with full.reader() as reading:
        generation = reading.generation()
        assert generation is not None
        ids = reading.live_ids()
        stored = reading.vectors(generation.space_id, ids, generation.fingerprint.dimension)
    for n in (0, 13, 59):
        query = f"the {word(n)}"
        oracle = top(np.asarray(ids, np.int64), stored @ full.embedder.embed_query(query), 10)
        result = retriever.search(query, mode="dense", k=10)
        assert [hit.chunk_id for hit in result] == [id_ for id_, _ in oracle]
        assert [hit.score for hit in result] == pytest.approx([s for _, s in oracle], abs=1e-5)
        filtered = retriever.search(query, mode="dense", k=10, where={"path": "*"})
        assert [hit.chunk_id for hit in filtered] == [id_ for id_, _ in oracle]


def test_the_ranks_of_both_rankings_are_told(retriever: Retriever) -> None:
    (hit,) = retriever.search(f"the {word(7)} costs 7 euro", k=1).hits
    assert (hit.dense_rank, hit.lexical_rank) == (1, 1)
    assert hit.similarity is not None
    dense = retriever.search("costs", mode="dense", k=1).hits[0]
    assert (dense.dense_rank, dense.lexical_rank) == (1, None)
    lexical = retriever.search("costs", mode="lexical", k=1).hits[0]
    assert (lexical.lexical_rank, lexical.similarity) == (1, None)


def test_hits_are_spans_of_their_documents(retriever: Retriever, full: Index) -> None:
    for hit in retriever.search("costs", k=20):
        document = full.document(hit.document_id)
        assert document is not None
        assert document.text[hit.start : hit.end] == hit.text
        assert document.path == hit.path


def test_passages_get_their_blocks(retriever: Retriever) -> None:
    hits = retriever.search("costs", k=3).hits
    for passage in retriever.with_blocks(hits):
        assert passage.blocks
        assert all(passage.start <= b.start < b.end <= passage.end for b in passage.blocks)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("query", ["?!", '"', "a AND b NOT (c", "* OR", "\ud800", "\0", "the", "-"])
def test_odd_questions_are_searched(retriever: Retriever, mode: str, query: str) -> None:
    retriever.search(query, mode=mode, k=5)


def test_words_without_topic_are_searched_too(retriever: Retriever) -> None:
    assert len(retriever.search("the", mode="lexical", k=5)) == 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"query": ""}, "the question is empty"),
        ({"query": " \n\t"}, "the question is empty"),
        ({"query": "x" * 100_000}, r"has 100,000 characters, more than the 4,000"),
        ({"query": "x", "k": 0}, "k must be 1 or more, not 0"),
        ({"query": "x", "k": -3}, "k must be 1 or more, not -3"),
        ({"query": "x", "mode": "sparse"}, "hybrid, dense, lexical, not 'sparse'"),
        ({"query": "x", "mode": ""}, "not ''"),
        ({"query": "x", "where": {"author": "Ada"}}, "no document has the field 'author'"),
    ],
)
def test_wrong_arguments_are_sentences(
    retriever: Retriever, arguments: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        retriever.search(**arguments)  # type: ignore[arg-type]


def test_the_longest_question_is_searched(retriever: Retriever) -> None:
    words = " ".join(f"w{n}" for n in range(1000))[:4000]
    assert len(retriever.search(words, k=5)) == 5


def test_an_index_into_which_nothing_was_ingested_says_so(index: Index) -> None:
    with pytest.raises(NoIndexError, match="nothing is indexed"):
        Retriever(index).search("anything")


def test_feedback_changes_the_order_but_neither_the_candidates_nor_what_is_told(
    full: Index,
) -> None:
    found = [
        Retriever(full, RetrievalSettings(feedback=n, feedback_weight=3.0)).search(
            "number 7", k=1000
        )
        for n in (0, 5)
    ]
    plain, moved = ({hit.chunk_id: hit for hit in result.hits} for result in found)
    assert plain.keys() == moved.keys()
    assert list(plain) != list(moved)
    for id_, hit in plain.items():
        assert moved[id_].similarity == pytest.approx(hit.similarity)
        assert moved[id_].dense_rank == hit.dense_rank


def test_a_passage_counts_as_nearer_by_its_nearest_sentence(
    open_index: OpenIndex, docs: Folder
) -> None:
    other = " ".join(f"The {word(n)} stands in hall {n} since spring." for n in range(12))
    docs.write("long.md", f"{other} Purple dragons sleep upstairs on Mondays. {other}\n")
    docs.write("short.md", "Purple halls are upstairs since spring.\n")
    index = open_index(embedder=HashingSentences())
    sync(index, [docs.path], SyncSettings(), parsers=CountingParsers())
    found = {}
    for weight in (0.0, 0.5, 1.0):
        settings = RetrievalSettings(sentence_weight=weight, dense_weight=1.0, feedback=0)
        found[weight] = Retriever(index, settings).search("purple dragons sleep upstairs").hits
    assert [found[weight][0].path for weight in (0.0, 1.0)] == ["short.md", "long.md"]
    # What is told of a passage stays what it is: the passage's own similarity.
    similarities = [{hit.path: hit.similarity for hit in hits} for hits in found.values()]
    assert similarities[0] == similarities[1] == similarities[2]


def test_fusing_by_rank_ranks_what_both_rankings_hold_first(full: Index) -> None:
    hits = (
        Retriever(full, RetrievalSettings(fusion="rank", feedback=0)).search("number 7", k=3).hits
    )
    assert hits[0].dense_rank is not None
    assert hits[0].lexical_rank is not None
    assert 0.0 < hits[-1].score <= hits[0].score <= 1.0


def test_a_cap_lets_other_documents_come_first(full: Index, docs: Folder) -> None:
    docs.write("long.md", "\n\n".join(f"# Costs {n}\n\nIt costs {n} euro." for n in range(12)))
    sync(full, [docs.path], SyncSettings(), parsers=CountingParsers())
    free = Retriever(full).search("costs", k=12).hits
    capped = Retriever(full, RetrievalSettings(per_document=1)).search("costs", k=12).hits
    assert len({hit.document_id for hit in free}) < len(free) == 12
    assert len({hit.document_id for hit in capped}) == len(capped) == 12
    assert len(Retriever(full, RetrievalSettings(per_document=1)).search("costs", k=1000)) == 72


def test_diversity_moves_twins_apart(full: Index, docs: Folder) -> None:
    docs.write("twin/7.md", f"# Note 7\n\nThe {word(7)} costs 7 euro.\n")
    sync(full, [docs.path], SyncSettings(), parsers=CountingParsers())
    query = f"Note 7: the {word(7)} costs 7 euro"
    plain = Retriever(full).search(query, k=3).hits
    varied = Retriever(full, RetrievalSettings(diversity=0.9)).search(query, k=3).hits
    assert plain[0].text == plain[1].text
    assert varied[0].text == plain[0].text
    assert varied[0].text not in {hit.text for hit in varied[1:]}


@pytest.mark.parametrize(
    "wrong",
    [
        {"depth": 0},
        {"per_document": -1},
        {"diversity": 1.5},
        {"dense_weight": 1.1},
        {"dense_weight": -0.1},
        {"fusion": "sum"},
        {"sentence_weight": 1.5},
        {"sentence_weight": float("nan")},
        {"feedback": -1},
        {"feedback_weight": -0.5},
        {"feedback_weight": float("nan")},
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="must be"):
        RetrievalSettings(**wrong)  # type: ignore[arg-type]
