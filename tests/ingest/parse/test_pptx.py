from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pptx
import pytest
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from ragkit_ingest.errors import BrokenFileError
from ragkit_ingest.records import Document

Parse = Callable[[str, bytes], Document]
Blocks = Callable[[Document], list[tuple[str, str]]]


def saved(deck: Any) -> bytes:
    buffer = io.BytesIO()
    deck.save(buffer)
    return buffer.getvalue()


def test_a_slide_is_a_page_with_title_items_table_and_notes(parse: Parse, blocks: Blocks) -> None:
    deck = pptx.Presentation()
    first = deck.slides.add_slide(deck.slide_layouts[1])
    first.shapes.title.text = "Kettle plan"
    first.placeholders[1].text = "Boil\nPour"
    first.notes_slide.notes_text_frame.text = "Do not hurry."
    second = deck.slides.add_slide(deck.slide_layouts[5])
    second.shapes.title.text = "Prices"
    table = second.shapes.add_table(3, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    for place, text in enumerate(("Model", "Price", "QK", "12", "HE", "15")):
        table.cell(place // 2, place % 2).text = text
    document = parse("a.pptx", saved(deck))
    assert blocks(document) == [
        ("h1", "Kettle plan"),
        ("list_item", "Boil"),
        ("list_item", "Pour"),
        ("paragraph", "Notes: Do not hurry."),
        ("h2", "Prices"),
        ("table_row", "Model: QK; Price: 12"),
        ("table_row", "Model: HE; Price: 15"),
    ]
    assert [page.label for page in document.pages] == ["Slide 1", "Slide 2"]
    assert document.title == "Kettle plan"


def test_shapes_are_read_from_top_to_bottom_and_charts_as_rows(parse: Parse) -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    for text, left, top in (("low", 1, 6), ("right", 5, 1), ("left", 1, 1)):
        box = slide.shapes.add_textbox(Inches(left), Inches(top), Inches(2), Inches(1))
        box.text_frame.text = text
    data: Any = CategoryChartData()  # type: ignore[no-untyped-call]
    data.categories = ["2024", "2025"]
    data.add_series("Sales", (3, 4))
    place = (Inches(1), Inches(3), Inches(4), Inches(2))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *place, data)
    text = parse("a.pptx", saved(deck)).text
    assert text == "left\n\nright\n\nSales: 2024: 3; 2025: 4\n\nlow"


def test_a_slide_without_text_is_told(parse: Parse) -> None:
    deck = pptx.Presentation()
    deck.slides.add_slide(deck.slide_layouts[6])
    document = parse("a.pptx", saved(deck))
    assert document.notices == ("slide 1 has no text; it may be a picture",)
    assert len(document.pages) == 1


def test_what_is_no_presentation_is_refused(parse: Parse) -> None:
    data = saved(pptx.Presentation())
    for bad in (b"text", data[: len(data) // 2], data[:-40]):
        with pytest.raises(BrokenFileError):
            parse("a.pptx", bad)
