"""Questions are the same if their words are, whatever stands between them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ragkit_eval.cases import load_cases

EXAMPLES = Path(__file__).parents[2] / "examples" / "questions.jsonl"


def worded(questions: Iterable[str]) -> list[str]:
    """Return the words of each question."""
    return [" ".join(re.findall(r"\w+", question.casefold())) for question in questions]


def assert_new(questions: Iterable[str]) -> None:
    """Assert that no question is asked twice, or is one of the examples."""
    asked = worded(questions)
    assert len(set(asked)) == len(asked)
    assert not set(worded(case.question for case in load_cases(EXAMPLES))) & {*asked}
