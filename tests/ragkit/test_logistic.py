"""The packaged models are complete, and give probabilities."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.logistic import Logistic, packaged

NAMES = ("sentence", "answer", "answer_without_tokens")


def test_the_probability_is_the_logistic_function_of_the_weighted_sum() -> None:
    model = Logistic(bias=-1.0, weights={"warm": 2.0, "cold": -0.5})
    assert model.probability({"warm": 1.0, "cold": 4.0}) == pytest.approx(1 / (1 + math.e))
    assert model.probability({"warm": 0.5, "cold": 0.0}) == pytest.approx(0.5)


def test_a_model_without_weights_knows_only_its_bias() -> None:
    assert Logistic(bias=0.0, weights={}).probability({"warm": 9.0}) == 0.5


def test_a_missing_feature_is_an_error_that_names_it() -> None:
    with pytest.raises(KeyError, match="warm"):
        Logistic(bias=0.0, weights={"warm": 1.0}).probability({"cold": 1.0})


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_no_feature_leads_out_of_zero_to_one(bias: float, value: float) -> None:
    model = Logistic(bias=bias, weights={"x": 3.0})
    assert 0.0 <= model.probability({"x": value}) <= 1.0


@pytest.mark.parametrize("name", NAMES)
def test_the_packaged_weights_are_finite(name: str) -> None:
    model = packaged(name)
    assert model.weights
    assert all(math.isfinite(value) for value in (model.bias, *model.weights.values()))


def test_an_unknown_model_is_an_error() -> None:
    with pytest.raises(KeyError):
        packaged("oracle")
