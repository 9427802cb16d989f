"""`ragkit search`: compact hits, and their JSON."""

from __future__ import annotations

from typing import Any

from ragkit.answer import SearchResult


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
