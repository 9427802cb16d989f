"""Numbers read well, and never say more than they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit_eval.report import wording


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.04, 0.2, "4 to 20"),
        (0.041, 0.199, "4 to 20"),
        (0.29, 0.57, "29 to 57"),  # 0.29 * 100 is 28.999999999999996
        (-0.031, 0.081, "\u22124 to 9"),
        (0.004, 0.2, "0.4 to 20.0"),
        (0.0004, 0.2, "0.04 to 20.00"),
        (-0.2, -0.003, "\u221220.0 to \u22120.3"),
        (0.0, 0.08, "0 to 8"),
        (0.0, 0.0, "0 to 0"),
    ],
)
def test_an_interval_in_points_is_rounded_outwards(low: float, high: float, said: str) -> None:
    assert wording.points_range(low, high) == said


def test_signs_can_be_written_out() -> None:
    assert wording.points_range(-0.03, 0.08, signed=True) == "\u22123 to +8"
    assert wording.points_range(0.0, 0.08, signed=True) == "0 to +8"


ends = st.integers(-1_000_000, 1_000_000).map(lambda millionths: millionths / 1e6)


@given(ends, ends)
def test_no_interval_reads_narrower_or_surer_than_it_is(one: float, other: float) -> None:
    low, high = sorted((one, other))
    shown_low, shown_high = (
        float(end.replace("\u2212", "-")) for end in wording.points_range(low, high).split(" to ")
    )
    assert shown_low <= low * 100 + 1e-9
    assert shown_high >= high * 100 - 1e-9
    if low >= 1e-4:
        assert shown_low > 0
    if high <= -1e-4:
        assert shown_high < 0


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.7541, "75 %"), (0.0, "0 %"), (1.0, "100 %"), (0.003, "<1 %"), (0.998, ">99 %")],
)
def test_a_share(value: float, said: str) -> None:
    assert wording.percent(value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.0004, "p < .001"),
        (0.003, "p = .003"),
        (0.0498, "p < .05"),
        (0.05, "p = .050"),
        (0.0625, "p = .062"),
        (0.31, "p = .31"),
        (1.0, "p = 1.00"),
    ],
)
def test_a_p_value_is_never_rounded_across_the_level(value: float, said: str) -> None:
    assert wording.p_value(value) == said


@pytest.mark.parametrize(
    ("value", "said"), [(0.12, "12"), (-0.12, "12"), (0.004, "0.4"), (0.0, "0"), (0.0001, "0.01")]
)
def test_a_size_in_points(value: float, said: str) -> None:
    assert wording.points(value) == said


def test_what_would_be_found_is_rounded_up() -> None:
    assert wording.points_up(0.1101) == "12"


def test_a_figure_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        wording.percent(float("nan"))


def test_names_and_lists() -> None:
    assert wording.arm_label("rag_fine_tuned") == "RAG fine tuned"
    assert wording.arm_label("_") == "_"
    assert wording.listed(["a"]) == "a"
    assert wording.listed(["a", "b", "c"]) == "a, b and c"
    assert wording.counted(1, "case") == "1 case"
    assert wording.counted(1204, "case") == "1,204 cases"
    assert wording.cut("abcdef", 3) == "abc \u2026 [3 more characters]"
    assert wording.number(1234.5) == "1,234"
    assert wording.number(0.0421) == "0.0421"
    assert wording.milliseconds(1234) == "1.2 s"
