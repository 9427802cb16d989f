"""Correlations and kappa against values worked out by hand and by SciPy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # type: ignore[import-untyped]

from ragkit_eval.stats.correlation import pearson, spearman
from ragkit_eval.stats.kappa import cohen_kappa

NUMBERS = st.lists(
    st.tuples(st.integers(-5, 5), st.integers(-5, 5), st.integers(0, 3)), min_size=2, max_size=30
)


def test_pearson_by_hand() -> None:
    # deviations -1, 0, 1 and -2, 1, 1: 3 / sqrt(2 * 6)
    assert pearson([1, 2, 3], [0, 3, 3]) == pytest.approx(3 / 12**0.5)
    assert pearson([1, 2, 3], [2, 4, 6]) == pytest.approx(1.0)
    assert pearson([1, 2, 3], [3, 2, 1]) == pytest.approx(-1.0)
    assert spearman([1, 2, 30], [1, 2, 3]) == pytest.approx(1.0)


def test_what_does_not_vary_has_none() -> None:
    assert pearson([1, 1, 1], [1, 2, 3]) is None
    assert spearman([1, 2, 3], [5, 5, 5]) is None
    assert pearson([], []) is None
    assert pearson([1, 2], [1, 2], [0, 0]) is None
    with pytest.raises(ValueError, match="3, 2 and 3 values"):
        pearson([1, 2, 3], [1, 2])


@given(NUMBERS)
def test_as_scipy_has_it(rows: list[tuple[int, int, int]]) -> None:
    first, second = [float(a) for a, _, _ in rows], [float(b) for _, b, _ in rows]
    if len(set(first)) < 2 or len(set(second)) < 2:
        assert pearson(first, second) is None
        return
    assert pearson(first, second) == pytest.approx(stats.pearsonr(first, second)[0], abs=1e-9)
    assert spearman(first, second) == pytest.approx(stats.spearmanr(first, second)[0], abs=1e-9)


@given(NUMBERS)
def test_a_weight_is_a_repetition(rows: list[tuple[int, int, int]]) -> None:
    first, second = [float(a) for a, _, _ in rows], [float(b) for _, b, _ in rows]
    weights = [float(w) for _, _, w in rows]
    again = [(a, b) for a, b, w in rows for _ in range(w)]
    for measure in (pearson, spearman):
        whole = measure([float(a) for a, _ in again], [float(b) for _, b in again])
        assert measure(first, second, weights) == (
            None if whole is None else pytest.approx(whole, abs=1e-9)
        )


def test_kappa_by_hand() -> None:
    # Cohen's table of two raters: 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no gives .4
    one = ["y"] * 25 + ["n"] * 25
    other = ["y"] * 20 + ["n"] * 5 + ["y"] * 10 + ["n"] * 15
    assert cohen_kappa(one, other) == pytest.approx(0.4)
    assert cohen_kappa(["y", "n"], ["y", "n"]) == 1.0
    assert cohen_kappa(["y", "n"], ["n", "y"]) == -1.0
    assert cohen_kappa(["y", "y"], ["y", "y"]) is None
    assert cohen_kappa([], []) is None
    weighted = cohen_kappa(["y", "y", "n", "n"], ["y", "n", "y", "n"], [20, 5, 10, 15])
    assert weighted == pytest.approx(0.4)
    with pytest.raises(ValueError, match="are no pairs"):
        cohen_kappa(["y"], [])
