"""`ragkit search`: compact hits, and their JSON."""

from __future__ import annotations

from typing import Any

import pytest

from ragkit.answer import SearchResult
from ragkit.cli.answer_view import place


def test_hits_say_where_and_how_they_begin(ragkit: Any) -> None:
    result = ragkit("search", "notice")
    assert result.code == 0
    assert result.out.splitlines()[:2] == [
        "  1  contracts/work.pdf, page 4  7:75  score 0.875",
        "     Terms > Notice",
    ]
    assert "     The notice period is three months." in result.out


def test_nothing_found_is_said(ragkit: Any, pipeline: Any) -> None:
    pipeline.found = SearchResult(query="zebra", mode="hybrid", hits=())
    assert ragkit("search", "zebra").out == "Nothing found.\n"


def test_options_reach_the_pipeline(ragkit: Any, pipeline: Any) -> None:
    ragkit("search", "notice", "--mode", "lexical", "-k", "4", "--where", "format=pdf")
    assert pipeline.last("search") == {
        "query": "notice",
        "mode": "lexical",
        "k": 4,
        "where": {"format": "pdf"},
    }


def test_an_unknown_mode_is_usage_and_names_the_modes(ragkit: Any) -> None:
    result = ragkit("search", "notice", "--mode", "fuzzy")
    assert result.code == 2
    for mode in ("hybrid", "dense", "lexical"):
        assert mode in result.err


def test_json(ragkit: Any) -> None:
    result = ragkit("search", "notice", "--json")
    hit = result.json["hits"][0]
    assert (hit["rank"], hit["path"], hit["start"], hit["dense_rank"]) == (
        1,
        "contracts/work.pdf",
        7,
        1,
    )


@pytest.mark.parametrize(
    ("path", "page", "label", "shown"),
    [
        ("a.md", None, "", "a.md"),
        ("a.pdf", 4, "", "a.pdf, page 4"),
        ("a.pdf", 4, "4", "a.pdf, page 4"),
        ("a.PDF", 4, "iv", "a.PDF, page iv (4 in the file)"),
        ("mail.eml/a.pdf", 9, "5", "mail.eml/a.pdf, page 5 (9 in the file)"),
        ("a.xlsx", 2, "Prices!A2:F51", "a.xlsx, Prices!A2:F51"),
        ("a.pptx", 3, "Slide 3", "a.pptx, Slide 3"),
        ("a.epub", 3, "long words " * 10, f"a.epub, {' '.join(['long words'] * 5)}..."),
        ("a.epub", 3, "an\x1b[31m odd\nlabel", "a.epub, an\\x1b[31m odd label"),
    ],
)
def test_places_are_called_what_people_call_them(
    make: Any, path: str, page: int | None, label: str, shown: str
) -> None:
    for found in (make.passage, make.citation):
        assert place(found(path=path, page=page, page_label=label)) == shown


def test_json_has_the_label(ragkit: Any, pipeline: Any, make: Any) -> None:
    hit = make.passage(page_label="Prices!A2:F51")
    pipeline.found = SearchResult(query="x", mode="hybrid", hits=(hit,))
    assert ragkit("search", "x", "--json").json["hits"][0]["page_label"] == "Prices!A2:F51"
