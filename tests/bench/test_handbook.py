"""The questions on the handbook: whole, told apart, and none of those that are reported."""

from __future__ import annotations

import json
from pathlib import Path

from bench.handbook import handbook
from tests.support.questions import assert_new

ROOT = Path(__file__).parents[2]
HELD = json.loads((ROOT / "bench" / "handbook_questions.json").read_text(encoding="utf-8"))


def test_every_answer_lies_within_the_quote_of_a_page() -> None:
    answerable = [entry for entry in HELD["questions"] if "page" in entry]
    assert (len(answerable), len(HELD["questions"])) == (216, 430)
    for entry in answerable:
        assert entry["page"] in HELD["pages"]
        start, end = entry["quote"]
        assert entry["answers"]
        assert all(start <= first < last <= end for first, last in entry["answers"])


def test_no_question_is_asked_twice_or_is_one_of_the_examples() -> None:
    assert_new(entry["question"] for entry in HELD["questions"])


def test_the_spans_are_turned_into_the_pages_words(tmp_path: Path) -> None:
    for page in HELD["pages"]:
        file = tmp_path / "scale" / "sourcegraph_handbook" / page
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"{place:05d}" for place in range(0, 60_000, 5)))
    cases = handbook(tmp_path, tmp_path / "pages")
    assert sum(1 for _ in (tmp_path / "pages").rglob("*.md")) == len(HELD["pages"]) == 72
    for case, entry in zip(cases, HELD["questions"], strict=True):
        assert case.answerable == ("page" in entry)
        if case.answerable:
            (evidence,) = case.evidence
            start, end = entry["quote"]
            assert len(evidence.quote) == end - start
            assert all(answer in evidence.quote for answer in case.answers)
