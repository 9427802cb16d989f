"""The cases whose outcome differs between arms, and as many of them as a page can hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ragkit_eval.cases import Case
from ragkit_eval.recorded import Recorded

MOST_CASES = 80
MOST_CHARACTERS = 1_000_000
"""Of all the texts shown together."""
ANSWER_CHARACTERS = 1200
PASSAGE_CHARACTERS = 700
MOST_PASSAGES = 5
MOST_ARMS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What an arm said to a case.

    Attributes:
        answer: As recorded.
        outcome: "correct", "abstained", "wrong" or "failed".
    """

    answer: Recorded
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """A case whose outcome differs between arms.

    Attributes:
        case: The case.
        said: By every arm that answered it, in the order of the arms.
    """

    case: Case
    said: tuple[Said, ...]


def disagreements(
    rows: Sequence[Mapping[str, Any]], answers: Sequence[Recorded], cases: Sequence[Case]
) -> list[Disagreement]:
    """Return the cases whose outcome differs between arms.

    Those that one arm has right and another wrong come first, then those with a failed or withheld
    answer; each in the order of the cases.

    Args:
        rows: Of the report.
        answers: Of the run.
        cases: Of the run.
    """
    outcomes = {(row["arm"], row["id"]): row["outcome"] for row in rows}
    by_case: dict[str, list[Said]] = {}
    for answer in answers:
        outcome = outcomes.get((answer.arm, answer.id))
        if outcome is not None:
            by_case.setdefault(answer.id, []).append(Said(answer=answer, outcome=outcome))
    found = [
        Disagreement(case=case, said=tuple(by_case[case.id]))
        for case in cases
        if len({one.outcome for one in by_case.get(case.id, [])}) > 1
    ]
    return sorted(found, key=lambda one: not {"correct", "wrong"} <= {s.outcome for s in one.said})


def bounded(found: Sequence[Disagreement]) -> list[Disagreement]:
    """Return the first of them, at most `MOST_CASES` and `MOST_CHARACTERS`."""
    kept: list[Disagreement] = []
    left = MOST_CHARACTERS
    for one in found[:MOST_CASES]:
        left -= _size(one)
        if left < 0 and kept:
            break
        kept.append(one)
    return kept


def _size(one: Disagreement) -> int:
    return sum(
        min(ANSWER_CHARACTERS, len(said.answer.text))
        + sum(
            min(PASSAGE_CHARACTERS, len(passage.text))
            for passage in (said.answer.passages or ())[:MOST_PASSAGES]
        )
        + sum(min(PASSAGE_CHARACTERS, len(cited.text)) for cited in said.answer.citations)
        for said in one.said[:MOST_ARMS]
    )
