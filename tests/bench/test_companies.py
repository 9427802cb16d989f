"""The questions on fictional companies: whole, told apart, and none of those that are reported."""

from __future__ import annotations

import html
import re
from collections import Counter

import pytest

from bench.companies import Company, companies
from tests.support.questions import assert_new

COMPANIES = list(companies())
UNANSWERABLE = {
    "missing_topic": 30,
    "missing_attribute": 28,
    "false_premise": 12,
    "unknown_entity": 7,
    "off_domain": 3,
}


@pytest.mark.parametrize("company", COMPANIES, ids=lambda company: company.name)
def test_every_quote_stands_in_its_document_and_holds_an_answer(company: Company) -> None:
    texts = {file.name: _plain(file.read_text("utf-8")) for file in company.documents.iterdir()}
    answerable = [case for case in company.cases if case.answerable]
    assert (len(answerable), len(company.cases)) == (70, 150)
    for case in answerable:
        quotes = [evidence.quote for evidence in case.evidence]
        assert all(_plain(e.quote) in texts[e.path] for e in case.evidence), case.id
        assert all(any(answer in quote for quote in quotes) for answer in case.answers), case.id


@pytest.mark.parametrize("company", COMPANIES, ids=lambda company: company.name)
def test_the_others_are_of_all_kinds(company: Company) -> None:
    kinds = Counter(case.kind for case in company.cases if not case.answerable)
    assert kinds == UNANSWERABLE


def test_no_question_is_asked_twice_or_is_one_of_the_examples() -> None:
    for company in COMPANIES:
        assert_new(case.question for case in company.cases)


def _plain(text: str) -> str:
    without_tags = html.unescape(re.sub(r"<[^>]*>", " ", text))
    return " ".join(re.sub(r"[|,]", " ", without_tags).split())
