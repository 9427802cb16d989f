"""Fusion: a score in [0, 1] that rewards both rankings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.retrieve.fusion import fused, fused_by_rank, scaled

IDS = st.integers(1, 30)
DENSE = st.dictionaries(IDS, st.floats(-1, 1), max_size=20)
LEXICAL = st.dictionaries(IDS, st.floats(0, 60), max_size=20)
WEIGHT = st.floats(0, 1)


@given(scores=DENSE)
def test_scaling_keeps_the_order_and_fills_the_range(scores: dict[int, float]) -> None:
    moved = scaled(scores)
    assert moved.keys() == scores.keys()
    assert all(0.0 <= value <= 1.0 for value in moved.values())
    if scores:
        assert max(moved.values()) == 1.0
    for one in scores:
        for other in scores:
            if scores[one] <= scores[other]:
                assert moved[one] <= moved[other]


def test_equal_scores_become_one() -> None:
    assert scaled({1: 0.3, 2: 0.3}) == {1: 1.0, 2: 1.0}
    assert scaled({}) == {}


@given(dense=DENSE, lexical=LEXICAL, weight=WEIGHT)
def test_every_id_is_ranked_once_with_a_score_between_0_and_1(
    dense: dict[int, float], lexical: dict[int, float], weight: float
) -> None:
    ranking = fused(dense, lexical, dense_weight=weight)
    assert {id_ for id_, _ in ranking} == dense.keys() | lexical.keys()
    assert len(ranking) == len(dense.keys() | lexical.keys())
    assert all(-1e-9 <= score <= 1.0 + 1e-9 for _, score in ranking)
    assert ranking == sorted(ranking, key=lambda entry: (-entry[1], entry[0]))


@given(dense=DENSE, lexical=LEXICAL, weight=WEIGHT)
def test_what_is_better_in_both_is_better(
    dense: dict[int, float], lexical: dict[int, float], weight: float
) -> None:
    score = dict(fused(dense, lexical, dense_weight=weight))
    both = dense.keys() & lexical.keys()
    for one in both:
        for other in both:
            if dense[one] >= dense[other] and lexical[one] >= lexical[other]:
                assert score[one] >= score[other]


@given(dense=DENSE, lexical=LEXICAL)
def test_all_the_weight_on_one_ranking_is_that_ranking(
    dense: dict[int, float], lexical: dict[int, float]
) -> None:
    score = dict(fused(dense, lexical, dense_weight=1.0))
    assert score == pytest.approx(dict.fromkeys(score, 0.0) | scaled(dense))
    score = dict(fused(dense, lexical, dense_weight=0.0))
    assert score == pytest.approx(dict.fromkeys(score, 0.0) | scaled(lexical))


@given(dense=DENSE, lexical=LEXICAL, weight=WEIGHT)
def test_the_order_of_the_entries_does_not_matter(
    dense: dict[int, float], lexical: dict[int, float], weight: float
) -> None:
    backwards = fused(
        dict(reversed(dense.items())), dict(reversed(lexical.items())), dense_weight=weight
    )
    assert backwards == fused(dense, lexical, dense_weight=weight)


def test_ranks_are_fused_by_their_reciprocals() -> None:
    ranking = fused_by_rank({7: 0.9, 8: 0.2}, {8: 12.0, 9: 3.0}, dense_weight=0.5)
    assert [id_ for id_, _ in ranking] == [8, 7, 9]
    assert dict(ranking) == pytest.approx(
        {8: 0.5 * 61 / 62 + 0.5, 7: 0.5, 9: 0.5 * 61 / 62}, abs=1e-12
    )


@given(dense=DENSE, lexical=LEXICAL, weight=WEIGHT)
def test_rank_fusion_ignores_how_scores_are_spread(
    dense: dict[int, float], lexical: dict[int, float], weight: float
) -> None:
    ranking = fused_by_rank(dense, lexical, dense_weight=weight)
    assert {id_ for id_, _ in ranking} == dense.keys() | lexical.keys()
    assert all(0.0 <= score <= 1.0 + 1e-9 for _, score in ranking)
    doubled = {id_: 2 * score for id_, score in lexical.items()}
    assert fused_by_rank(dense, doubled, dense_weight=weight) == ranking
