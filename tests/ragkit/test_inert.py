"""Nothing in a text that was made inert acts, however it is rendered; honest text is unchanged."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ragkit.inert import LEFT_OUT, InertStream, addresses, inert

PIECES = st.sampled_from(
    ["![", "[", "](", "]:", "] [", "][", ")", "<", ">", "</", "<a", "<img src=x>", "<!--", "-->",
     "http://e.example/?q=1", "//e.example/a", "www.e.example", "javascript:x", "a@e.example",
     "e.example/a?b", "\n", " ", "word", "<x\nonclick=y", "=", "`", "```", "\\", "(", "&lt;", "!",
     "<http://e.example>", "<?", "<![CDATA[", "x", "\u6587", "[a]: http://e.example"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=14).map("".join)
RENDERER = MarkdownIt("commonmark", {"html": True, "linkify": False})
# What CommonMark makes of plain text, and elements that mean nothing, without attributes.
ACTIVE = re.compile(
    r"<(?!/?(?:p|code|pre|em|strong|h[1-6]|ul|ol|li|blockquote|hr|br)\b)"
    r"(?!/?(?:x|word)+\b(?!-)[^<>=:@]*>)[a-z!?/]"
)


@pytest.mark.parametrize(
    "text",
    [
        "Plain words [1], (2) and 5 < 6 > 4; a<5, x <= y.",
        "The list<int> holds T<K, V>; a -> b.",
        "e.g. this and/or that, i.e. Ph.D. at 10:30. See section 3.4/5.",
        "Data: five names. File: none. The tel: is below.",
        "policies/leave.docx, page 3",
    ],
)
def test_honest_text_is_unchanged(text: str) -> None:
    assert inert(text, frozenset()) == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("![a](x.png)", "! [a] (x.png)"),
        ("[a](x)", "[a] (x)"),
        ("[a][b]", "[a] [b]"),
        ("[a]: x", "[a] : x"),
        ("<img src=x onerror=y>", "< img src=x onerror=y>"),
        ("</a>", "< /a>"),
        ("<x onclick=y>", "< x onclick=y>"),
        ("<x\nonclick=y", "< x\nonclick=y"),
        ("<!-- a -->", "< !-- a -->"),
        ("<https://e.example>", f"<{LEFT_OUT}>"),
        ("see (https://e.example/?q=a%20b).", f"see ({LEFT_OUT})."),
        ("_http://e.example_", f"_{LEFT_OUT}_"),
        ("www.e.example/x", LEFT_OUT),
        ("//e.example/x", LEFT_OUT),
        ("mailto:a@e.example", LEFT_OUT),
        ("ask a.b+c@e.example.", f"ask {LEFT_OUT}."),
        ("javascript:alert(1)", f"{LEFT_OUT})"),
        ("data:text/html;base64,AAA=", LEFT_OUT),
        ("e.example/leak?q=1", LEFT_OUT),
        ("HTTPS://E.EXAMPLE", LEFT_OUT),
    ],
)
def test_what_acts_is_broken_up_or_left_out(text: str, wanted: str) -> None:
    assert inert(text, frozenset()) == wanted


def test_an_address_stays_only_if_it_is_known_to_the_last_character() -> None:
    known = addresses(["Write to a@e.example, or see https://e.example/help."])
    assert known == {"a@e.example", "https://e.example/help"}
    said = "See https://e.example/help, https://e.example/help?q=1 and https://e.example/."
    kept, longer, shorter = (
        (inert(said, known).removeprefix("See ")).replace(" and", ",").split(", ")
    )
    assert (kept, longer, shorter) == ("https://e.example/help", LEFT_OUT, f"{LEFT_OUT}.")
    assert inert(said) == said


@given(TEXTS, TEXTS)
def test_nothing_is_active_in_commonmark_whatever_it_is_joined_with(one: str, two: str) -> None:
    for joined in (f"{inert(one, ())}\n{inert(two, ())}", f"{inert(one, ())} {inert(two, ())}"):
        assert not ACTIVE.search(RENDERER.render(joined))


@given(TEXTS)
def test_making_it_inert_twice_changes_nothing(text: str) -> None:
    once = inert(text, ())
    assert inert(once, ()) == once


@given(TEXTS)
def test_no_address_is_left(text: str) -> None:
    assert addresses([inert(text, ())]) == frozenset()


@given(TEXTS, st.integers(1, 5))
def test_a_stream_is_inert_however_it_is_cut(text: str, step: int) -> None:
    stream = InertStream(frozenset())
    shown = [stream.take(text[at : at + step]) for at in range(0, len(text), step)]
    whole = "".join([*shown, stream.rest()])
    assert not ACTIVE.search(RENDERER.render(whole))
    assert addresses([whole]) == frozenset()


def test_a_stream_shows_words_as_they_come() -> None:
    stream = InertStream(frozenset())
    assert [stream.take(piece) for piece in ("The ", "ur", "n ", "leaks", ".")] == [
        "The ", "", "urn ", "", "",
    ]  # fmt: skip
    assert stream.rest() == "leaks."
    assert stream.take("\u6587\u5b57") == "\u6587\u5b57"


def test_a_stream_does_not_hold_back_for_ever() -> None:
    stream = InertStream(frozenset())
    shown = "".join(stream.take("a" * 1000) for _ in range(9)) + stream.rest()
    assert shown == "a" * 9000
