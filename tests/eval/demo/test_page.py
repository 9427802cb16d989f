"""The figures in the documentation are those of the report beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ragkit_eval.demo.page import BEGIN, END, put_into, tables
from ragkit_ingest.errors import UsageError

ROOT = Path(__file__).parents[3]
REPORT = ROOT / "examples" / "retrieve-or-fine-tune" / "report.json"
PAGE = ROOT / "docs" / "retrieve-or-fine-tune.md"


def test_figures_are_put_between_the_marks() -> None:
    page = f"above\n{BEGIN}\nold\n{END}\nbelow\n"
    once = put_into(page, "new")
    assert once == f"above\n{BEGIN}\n\nnew\n\n{END}\nbelow\n"
    assert put_into(once, "new") == once


@pytest.mark.parametrize("page", ["", BEGIN, f"{END}{BEGIN}"])
def test_a_page_without_the_marks_is_refused(page: str) -> None:
    with pytest.raises(UsageError, match="needs the marks"):
        put_into(page, "new")


def test_the_page_has_the_figures_of_the_report() -> None:
    report = json.loads(REPORT.read_text(encoding="utf-8"))
    page = PAGE.read_text(encoding="utf-8")
    assert put_into(page, tables(report)) == page
