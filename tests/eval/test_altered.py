"""Another value of the same shape, and the file that says it now."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit_eval.altered import altered, edited


@pytest.mark.parametrize(
    ("answer", "shape", "kind"),
    [
        ("25 metres", r"\d\d metres", "number"),
        ("\u20ac85", r"\u20ac\d\d", "number"),
        ("67.50", r"\d\d\.50", "number"),
        ("1,500 litres", r"\d,\d00 litres", "number"),
        ("three days a week", r"(two|four|five|six) days a week", "number"),
        ("3 May 2021", r"\d\d? May 2021", "date"),
        ("May 3, 2021", r"May \d\d?, 2021", "date"),
        ("2021-05-03", r"2021-05-\d\d", "date"),
        ("in 2019", r"in 20\d\d", "date"),
        ("06:30", r"\d\d:30", "time"),
        ("Tuesday", r"[MTWFS]\w+day", "weekday"),
        ("Grand Tidewater", r"Grand [A-Z]\w+", "name"),
        ("12 kg of the QK-350", r"\d\d kg of the QK-350", "number"),
    ],
)
def test_the_shape_stays(answer: str, shape: str, kind: str) -> None:
    for key in "abcdefgh":
        change = altered(answer, answer, key)
        assert change is not None
        assert change.kind == kind
        new = change.of(answer)
        assert new != answer
        assert re.fullmatch(shape, new)
        assert altered(answer, answer, key) == change


@pytest.mark.parametrize("answer", ["yes", "QK-350", "v4.2", "by the head of department", ""])
def test_what_has_no_value_is_not_changed(answer: str) -> None:
    assert altered(answer, "", "key") is None


@given(st.integers(2, 5000), st.lists(st.integers(2, 9999), max_size=40), st.text(max_size=5))
def test_the_new_number_is_none_of_the_document(value: int, others: list[int], key: str) -> None:
    document = f"It is {value} days. " + " ".join(map(str, others))
    change = altered(f"{value} days", document, key)
    if change is not None:
        new = int(change.new)
        assert new not in others
        assert len(change.new) == len(str(value))
        assert value // 2 <= new <= 2 * value + 4


@pytest.mark.parametrize(
    ("raw", "quote"),
    [
        ("# Fees\n\nThe fee is **25 euros** a week.\n", "The fee is 25 euros a week."),
        ("<p>The fee is <b>25</b>&nbsp;euros a&#32;week.</p>", "The fee is 25 euros a week."),
        ("| The fee | 25 euros | a week |\n", "The fee 25 euros a week"),
        ("fee;week;25 euros\n", "fee week 25 euros"),
        ("The fee is 25=\n euros a week.", "The fee is 25 euros a week."),
    ],
)
def test_the_value_is_changed_in_the_file_and_nothing_else(raw: str, quote: str) -> None:
    change = altered("25 euros", raw, "key")
    assert change is not None
    text = edited(raw, quote, "25 euros", change)
    assert text == raw.replace("25", change.new)


def test_a_lone_number_is_changed_only_where_the_evidence_stands() -> None:
    raw = "25 people came to the party.\n" + "x " * 200 + "\nThe limit of the urn is 25.\n"
    change = altered("25", raw, "key")
    assert change is not None
    text = edited(raw, "The limit of the urn is 25.", "25", change)
    assert text is not None
    assert text.startswith("25 people")
    assert f"the urn is {change.new}." in text


def test_several_words_are_changed_wherever_they_stand() -> None:
    raw = "It takes 25 days.\n" + "x " * 200 + "\nAs we said, 25 days; not 125 days.\n"
    change = altered("25 days", raw, "key")
    assert change is not None
    text = edited(raw, "It takes 25 days.", "25 days", change)
    assert text == raw.replace("takes 25", f"takes {change.new}").replace(
        "said, 25", f"said, {change.new}"
    )


def test_a_file_that_does_not_hold_the_evidence_is_not_edited() -> None:
    change = altered("25 days", "", "key")
    assert change is not None
    assert (
        edited("In 25 days it rains.", "The notice period is 25 days.", "25 days", change) is None
    )
    assert edited("Nothing.", "The notice period is 25 days.", "25 days", change) is None
