"""Wilson's interval, against values that others have published or that can be worked by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit_eval.share import Share


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17(8), 1998, table I: method 3, the score interval.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
        # By hand: p = 1/2 gives (1 -+ z / sqrt(n + z**2)) / 2.
        (5, 10, 0.2366, 0.7634),
    ],
)
def test_known_intervals(hits: int, of: int, low: float, high: float) -> None:
    share = Share(hits=hits, of=of)
    assert share.ci95 == pytest.approx((low, high), abs=5e-5)


def test_without_trials_there_is_neither_share_nor_interval() -> None:
    assert Share(hits=0, of=0).value is None
    assert Share(hits=0, of=0).ci95 is None


@pytest.mark.parametrize(("hits", "of"), [(-1, 3), (4, 3)])
def test_impossible_counts(hits: int, of: int) -> None:
    with pytest.raises(ValueError, match="0 <= hits <= of"):
        Share(hits=hits, of=of)


@given(st.lists(st.booleans(), min_size=1))
def test_the_interval_holds_the_share(outcomes: list[bool]) -> None:
    share = Share.among(outcomes)
    assert share.value is not None
    assert share.ci95 is not None
    low, high = share.ci95
    assert 0.0 <= low <= share.value <= high <= 1.0
    assert high - low < 1.0
