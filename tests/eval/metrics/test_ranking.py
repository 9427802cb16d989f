"""The measures of a ranking: by hand, by their rules, and against ir-measures."""

from __future__ import annotations

import math

import ir_measures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit_eval.metrics.ndcg import ndcg_at
from ragkit_eval.metrics.recall import recall_at
from ragkit_eval.metrics.reciprocal_rank import reciprocal_rank_at

IDS = [f"d{n:02}" for n in range(30)]
RANKED = st.lists(st.sampled_from(IDS), unique=True, max_size=20)
GAINS = st.dictionaries(st.sampled_from(IDS), st.integers(0, 3), min_size=1, max_size=12)


def test_ndcg_by_hand() -> None:
    gains = {"a": 3, "b": 1, "c": 0}
    ideal = 3 / math.log2(2) + 1 / math.log2(3)
    assert ndcg_at(10, ["a", "b"], gains) == 1.0
    assert ndcg_at(10, ["c", "b", "a"], gains) == pytest.approx(
        (1 / math.log2(3) + 3 / math.log2(4)) / ideal
    )
    assert ndcg_at(1, ["b", "a"], gains) == pytest.approx(1 / 3)
    assert ndcg_at(10, ["x", "y"], gains) == 0.0
    assert ndcg_at(10, ["c"], {"c": 0}) == 0.0


def test_recall_by_hand() -> None:
    gains = {"a": 1, "b": 2, "c": 0}
    assert recall_at(1, ["a", "b"], gains) == 0.5
    assert recall_at(2, ["a", "b"], gains) == 1.0
    assert recall_at(5, ["c", "x"], gains) == 0.0
    assert recall_at(5, ["c"], {"c": 0}) == 0.0


def test_reciprocal_rank_by_hand() -> None:
    assert reciprocal_rank_at(10, ["x", "c", "a"], {"a": 1, "c": 0}) == pytest.approx(1 / 3)
    assert reciprocal_rank_at(2, ["x", "c", "a"], {"a": 1, "c": 0}) == 0.0


@settings(deadline=None)
@given(ranked=RANKED, gains=GAINS, k=st.sampled_from([1, 5, 10, 100]))
def test_all_agree_with_ir_measures(ranked: list[str], gains: dict[str, int], k: int) -> None:
    qrels = [ir_measures.Qrel("q", id_, gain) for id_, gain in gains.items()]
    run = [ir_measures.ScoredDoc("q", id_, -float(rank)) for rank, id_ in enumerate(ranked)]
    theirs = {
        ndcg_at: ir_measures.nDCG @ k,
        recall_at: ir_measures.R @ k,
        reciprocal_rank_at: ir_measures.RR @ k,
    }
    found = ir_measures.calc_aggregate(list(theirs.values()), qrels, run)
    for ours, measure in theirs.items():
        wanted = found[measure]
        # trec_eval has no value for a query without a ranking or without a relevant document.
        wanted = 0.0 if math.isnan(wanted) else wanted
        assert ours(k, ranked, gains) == pytest.approx(wanted, abs=1e-6)
