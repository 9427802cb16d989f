"""Whatever text is put into the page, none of it acts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html  # type: ignore[import-untyped]

from ragkit_eval.report.element import code, h, spread


def test_text_and_attributes_are_escaped() -> None:
    made = h("p", "<b> & 'x'", title='"><script>', class_="a", aria_label="x", hidden=True)
    assert str(made) == (
        "<p title=\"&quot;&gt;&lt;script&gt;\" class=\"a\" aria-label=\"x\" hidden>"
        "&lt;b&gt; &amp; 'x'</p>"
    )  # fmt: skip


def test_numbers_are_short_and_nothing_is_left_out() -> None:
    assert str(h("rect", x=1.5, y=2.0, width=1 / 3, fill=None, rx=False)) == (
        '<rect x="1.5" y="2" width="0.33"></rect>'
    )
    assert str(h("p", None, "a", None)) == "<p>a</p>"
    assert str(h("br")) == "<br>"


@given(st.text())
def test_a_text_comes_back_as_text_alone(text: str) -> None:
    parsed = html.fragment_fromstring(str(h("div", text, title=text)))
    assert len(parsed) == 0
    assert set(parsed.attrib) <= {"title"}


def test_what_a_reader_does_not_see_is_left_out() -> None:
    assert str(h("p", "a\u202eb\u2066c\u200bd\x00e\x1b[31m")) == "<p>abcd e [31m</p>"


@pytest.mark.parametrize("name", ["onclick", "onload", "style"])
def test_attributes_that_act_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="refused"):
        h("a", **{name: "x"})


@pytest.mark.parametrize("target", ["javascript:alert(1)", "https://example.com", "//x", " #a"])
def test_links_lead_within_the_page(target: str) -> None:
    with pytest.raises(ValueError, match="within the page"):
        h("a", "x", href=target)
    assert "#a" in str(h("a", "x", href="#a"))


def test_code_is_ours_and_cannot_end_its_element() -> None:
    assert str(code("style", "a > b { }")) == "<style>a > b { }</style>"
    with pytest.raises(ValueError, match="may not hold"):
        code("style", "a</style><script>")


def test_spread() -> None:
    assert spread(["a", "b"]) == ["a", ", ", "b"]
    assert spread([]) == []
