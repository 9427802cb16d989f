"""`ragkit demo`: three questions about the example company, and what to type next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ragkit.cli.demo import QUESTIONS, example_company


def test_the_demo_asks_three_questions_and_says_what_is_next(
    ragkit: Any, pipeline: Any, make: Any
) -> None:
    pipeline.answers[QUESTIONS[2][1]] = make.abstention(QUESTIONS[2][1])
    result = ragkit("demo")
    assert result.code == 0
    for _, question in QUESTIONS:
        assert question in result.out
    assert "The documents do not say." in result.out
    assert "ragkit chat --index .ragkit-demo" in result.out
    assert pipeline.opened[0][0] == ".ragkit-demo"
    assert pipeline.last("ingest")["paths"] == (str(example_company()),)


def test_the_demo_stays_out_of_the_user_s_own_index(
    ragkit: Any, pipeline: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAGKIT_INDEX", "/my/own/index")
    ragkit("demo")
    ragkit("demo", "--index", "elsewhere")
    assert [index for index, _ in pipeline.opened] == [".ragkit-demo", "elsewhere"]


def test_json(ragkit: Any) -> None:
    result = ragkit("demo", "--json")
    assert [answer["question"] for answer in result.json["answers"]] == [q for _, q in QUESTIONS]
    assert result.json["ingest"]["files"]["indexed"] == 2


def test_the_example_company_is_there() -> None:
    company = example_company()
    assert isinstance(company, Path)
    assert len([path for path in company.rglob("*") if path.is_file()]) >= 25
