"""The interval over clusters and repeats: against known answers, and by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from ragkit_eval.stats.crossed import crossed_mean_ci95
from ragkit_eval.stats.paired import clustered_mean_ci95


def grid(rows: int, columns: int) -> tuple[list[int], list[int]]:
    return [c for _ in range(rows) for c in range(columns)], [
        r for r in range(rows) for _ in range(columns)
    ]


def test_values_that_do_not_vary_have_an_interval_without_width() -> None:
    clusters, repeats = grid(3, 10)
    assert crossed_mean_ci95([0.5] * 30, clusters, repeats) == (0.5, 0.5)


def test_with_one_repeat_it_is_the_interval_over_clusters() -> None:
    values = np.random.default_rng(1).random(400).tolist()
    clusters = [place % 100 for place in range(400)]
    mine = crossed_mean_ci95(values, clusters, [0] * 400, samples=20_000)
    theirs = clustered_mean_ci95(values, clusters, samples=20_000)
    assert mine == pytest.approx(theirs, abs=0.003)


def test_models_that_differ_widen_the_interval() -> None:
    clusters, repeats = grid(3, 40)
    values = [[0.2, 0.5, 0.8][repeat] for repeat in repeats]
    low, high = crossed_mean_ci95(values, clusters, repeats) or (0, 0)
    assert [low, high] == pytest.approx([0.2, 0.8])
    assert clustered_mean_ci95(values, clusters) == pytest.approx((0.5, 0.5))


def test_it_holds_the_truth_where_clusters_and_repeats_both_vary() -> None:
    random = np.random.default_rng(7)
    clusters, repeats = grid(12, 40)
    held = 0
    for trial in range(300):
        of_rows, of_columns = random.normal(0, 0.1, 12), random.normal(0, 0.3, 40)
        values = of_rows[repeats] + of_columns[clusters] + random.normal(0, 0.3, 480)
        low, high = crossed_mean_ci95(
            values.tolist(), clusters, repeats, samples=500, seed=trial
        ) or (
            1,
            1,
        )
        held += low <= 0 <= high
    assert held >= 0.92 * 300


def test_the_order_of_the_values_does_not_count() -> None:
    random = np.random.default_rng(3)
    values = random.random(60).tolist()
    clusters, repeats = grid(3, 20)
    order = [*range(60)]
    one = crossed_mean_ci95(values, clusters, repeats, samples=20_000)
    random.shuffle(order)
    other = crossed_mean_ci95(
        [values[place] for place in order],
        [clusters[place] for place in order],
        [repeats[place] for place in order],
        samples=20_000,
    )
    assert one == pytest.approx(other, abs=0.01)


def test_few_clusters_have_no_interval() -> None:
    clusters, repeats = grid(3, 4)
    assert crossed_mean_ci95([1.0] * 12, clusters, repeats) is None
    assert crossed_mean_ci95([], [], []) is None


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="2 values, 1 clusters"):
        crossed_mean_ci95([1, 2], [1], [1, 2])
    with pytest.raises(ValueError, match="100 or more, not 99"):
        crossed_mean_ci95([1], [1], [1], samples=99)
