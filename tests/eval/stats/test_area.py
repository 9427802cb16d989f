"""The interval of an AUROC: its coverage by simulation, and its corners."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from ragkit_eval.stats.area import area_ci95, score_interval


def coverage(area: float, true: int, false: int, size: int, alike: float, runs: int = 600) -> float:
    """Return how often the interval holds the true area; `alike` is the share of a cluster."""
    shift = math.sqrt(2) * NormalDist().inv_cdf(area)
    held = 0
    for run in range(runs):
        random = np.random.default_rng([run, true, false, size])
        sides = []
        for count, middle in ((true, shift), (false, 0.0)):
            sizes = random.integers(1, 2 * size, count) if size > 1 else np.ones(count, int)
            own = np.repeat(np.arange(count), sizes)
            shared = random.normal(size=count)[own] * math.sqrt(alike)
            rest = random.normal(size=len(own)) * math.sqrt(1 - alike)
            sides.append(((middle + shared + rest).tolist(), own.tolist()))
        (first, first_own), (second, second_own) = sides
        found = area_ci95(first, second, first_own, second_own)
        assert found is not None
        held += found[0] <= area <= found[1]
    return held / runs


@pytest.mark.parametrize(
    ("area", "true", "false", "size", "alike"),
    [
        (0.5, 40, 40, 1, 0.0),
        (0.6, 10, 10, 4, 0.3),
        (0.8, 80, 50, 1, 0.0),
        (0.8, 40, 12, 3, 0.3),
        (0.8, 40, 20, 3, 0.8),
    ],
)
def test_the_interval_holds_the_truth_as_often_as_it_says(
    area: float, true: int, false: int, size: int, alike: float
) -> None:
    assert 0.92 <= coverage(area, true, false, size, alike) <= 0.98


@pytest.mark.parametrize(("area", "least"), [(0.95, 0.95), (0.99, 0.96)])
def test_near_one_it_errs_to_the_safe_side(area: float, least: float) -> None:
    assert coverage(area, 40, 40, 1, 0.0, runs=300) >= least


def test_a_perfect_area_has_an_interval_too() -> None:
    low, high = area_ci95([2.0] * 30, [1.0] * 20, list(range(30)), list(range(20))) or (0, 0)
    assert high == 1.0
    assert 0.8 < low < 0.97


def test_cases_of_one_cluster_are_worth_less() -> None:
    random = np.random.default_rng(0)
    true = np.repeat(random.normal(1, 1, 10), 6).tolist()
    false = random.normal(0, 1, 60).tolist()
    apart = area_ci95(true, false, list(range(60)), list(range(60)))
    together = area_ci95(true, false, np.repeat(np.arange(10), 6).tolist(), list(range(60)))
    assert apart is not None
    assert together is not None
    assert together[1] - together[0] > 1.5 * (apart[1] - apart[0])


def test_too_few_clusters_have_none() -> None:
    assert area_ci95([1.0] * 8, [0.0] * 8, [0, 1, 2, 3] * 2, list(range(8))) is None
    assert area_ci95([], [0.0], [], [0]) is None


def test_the_score_interval_solves_its_equation() -> None:
    """Both ends stand 1.96 standard errors, taken there, from the area."""
    for end in score_interval(0.8, 40, 25):
        spread = end * (1 - end) / 1000 * (1 + 31.5 * ((1 - end) / (2 - end) + end / (1 + end)))
        assert abs(end - 0.8) == pytest.approx(1.959964 * math.sqrt(spread), rel=1e-6)
