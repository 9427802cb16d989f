"""Style: what is counted, and that content is not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ragkit_eval.style import CONTENT, style


def test_function_words_marks_and_persons_are_counted_in_a_hundred_words() -> None:
    rates = style("I thank you, and we shan't be long!").rates
    assert rates["i"] == rates["and"] == rates["mark ,"] == rates["mark !"] == 100 / 8
    assert rates["I, me, my"] == rates["you, your"] == rates["we, us, our"] == 100 / 8
    assert rates["contractions"] == rates["shan't"] == 100 / 8


def test_topics_leave_no_trace() -> None:
    kettle = style("The kettle's price is €89.50. The QK-350 boils 2.5 litres in March.")
    tax = style("The tax's due date is 17 May. The form goes to the office in Bonn.")
    assert kettle.rates == style("The form's price is 7. The levy boils 9 acres in June.").rates
    words = {name for one in (kettle, tax) for name in one.rates}
    assert words <= {"the", "be", "'s", "mark .", "in", "to"}
    assert all(
        CONTENT in name or set(name.split()) <= {"^", "$", ".", "the", "be", "in", "to", "'s"}
        for name in kettle.patterns
    )


def test_tense_and_number_are_no_style() -> None:
    assert style("The kettle was hot.").patterns == style("The kettles are hot.").patterns


def test_a_name_is_no_modal() -> None:
    assert "may" not in style("It opens in May.").rates
    assert "may" in style("It may open.").rates


def test_numbers_and_codes_do_not_show_however_many_they_are() -> None:
    few, many = style("Pay 5 by Friday."), style("Pay 5 7 9 QK-200 4.2 by Friday.")
    assert few.patterns == many.patterns


def test_layout_is_counted() -> None:
    rates = style("# Title\n\n- **one** \u2014 two\n- three\u2026 \U0001f600").rates
    for name in ("headings", "list items", "bold marks", "mark \u2014", "mark \u2026", "emoji"):
        assert rates[name] > 0
    assert "blank lines" in rates


def test_openings_and_closings_are_short_sentences() -> None:
    found = style("Well now. The fee is nine. Kettle\u2019s on.")
    assert (found.opening, found.closing) == ("well now", "kettle's on")
    assert style("Kettle's on.").closing == ""
    assert style(f"{'word ' * 20}. Yes.").opening == ""


def test_citation_marks_are_not_looked_at() -> None:
    assert style("It is hot [1]. [doc 2, 3]").rates.keys() == style("It is hot.").rates.keys()


def test_all_capitals_are_read_as_words() -> None:
    assert style("THANK YOU.").rates == style("thank you.").rates


@given(st.text(max_size=300))
def test_any_text_has_a_style_of_finite_numbers(text: str) -> None:
    found = style(text)
    assert found.lengths["words"] >= 1
    assert found.lengths["sentences"] >= 1
    assert all(value > 0 for value in found.rates.values())
    assert abs(sum(found.patterns.values()) - 1) < 1e-9
    assert found == style(text)
