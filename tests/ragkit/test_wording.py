"""What a sentence says: numbers by value, names, negations and their reach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.opposite import opposed
from ragkit.wording import Word, analysed


def numbers(text: str) -> list[str]:
    return [word.stem for word in analysed(text) if word.number]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,500 and 1500.0 and 1.5 thousand", ["1500", "1500", "1500"]),
        ("twenty-five or 25", ["25", "25"]),
        ("one month, one of them, no one", ["1"]),
        ("2.50 EUR at 9:30", ["2.5", "9:30"]),
        ("No. 5", ["5"]),
        ("2024-03-31", ["2024", "march", "31"]),
        ("5 million", ["5000000"]),
        ("E04 and H2O", []),
    ],
)
def test_numbers_are_values(text: str, found: list[str]) -> None:
    assert numbers(text) == found


def test_money_and_percent_have_one_word() -> None:
    assert [word.stem for word in analysed("5 % or 5 percent or 5 per cent")][1::3] == [
        "percent"
    ] * 3
    assert analysed("\u20ac5")[0].stem == analysed("5 euros")[1].stem


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("We met Alice Meier in Leeds.", {"alice", "meier", "leeds"}),
        ("Refunds are given.", set()),
        ("The QK-200 uses H2O and VAT.", {"qk", "h2o", "vat"}),
        ("It starts on 3 May.", {"may"}),
        ("It may start.", set()),
        ("Note: Alice may not.", set()),
    ],
)
def test_names(text: str, names: set[str]) -> None:
    assert {word.text for word in analysed(text) if word.name} == names


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("Leave is not paid.", {"paid"}),
        ("Leave isn't paid.", {"paid"}),
        ("No refunds are given.", {"refunds", "given"}),
        ("Leave is not only paid.", set()),
        ("Leave is due no later than Friday.", set()),
        ("See No. 5 for refunds.", set()),
        ("Not paid, but long.", {"paid"}),
        ("It cannot be opened without tools.", {"opened", "tools"}),
    ],
)
def test_negations_reach_to_the_end_of_their_clause(text: str, denied: set[str]) -> None:
    assert {word.text for word in analysed(text) if word.negated and word.content} == denied


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("up to 12 hours", "upper"),
        ("at least 12 hours", "lower"),
        ("no more than 12 hours", "upper"),
        ("not less than 12 hours", "lower"),
        ("more than 12 hours", "lower"),
        ("12 hours", ""),
    ],
)
def test_bounds(text: str, bound: str) -> None:
    assert [word.bound for word in analysed(text) if word.number] == [bound]


@given(st.text(max_size=80))
def test_words_stand_where_they_say_in_order(text: str) -> None:
    found: tuple[Word, ...] = analysed(text)
    position = 0
    for word in found:
        assert position <= word.start < word.end <= len(text)
        position = word.end


def test_opposites_by_table_and_by_prefix() -> None:
    assert opposed("increas", "reduc")
    assert opposed("paid", "unpaid")
    assert not opposed("paid", "paid")
    assert not opposed("act", "fact")
