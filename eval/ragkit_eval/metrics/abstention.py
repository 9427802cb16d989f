"""Abstention: is the answer right, wrong or withheld, and is it withheld where it should be?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What came of a question."""

    CORRECT = "correct"
    ABSTAINED = "abstained"
    WRONG = "wrong"


CRAG_WORTH = {Outcome.CORRECT: 1.0, Outcome.ABSTAINED: 0.0, Outcome.WRONG: -1.0}
"""What an outcome counts, see `crag_score`."""


def outcome(*, answerable: bool, abstained: bool, right: bool) -> Outcome:
    """Return which of the three came of a question.

    For a question that the documents do not answer, abstaining is correct and every answer is
    wrong. For one that they do, an answer is right or wrong, and abstaining is neither.
    """
    if not answerable:
        return Outcome.CORRECT if abstained else Outcome.WRONG
    if abstained:
        return Outcome.ABSTAINED
    return Outcome.CORRECT if right else Outcome.WRONG


def crag_score(outcomes: Sequence[Outcome]) -> float | None:
    """Return the mean of 1 for a correct, 0 for a withheld and -1 for a wrong answer.

    Returns:
        A value in [-1, 1]; None without outcomes.

    Source:
        Yang et al., "CRAG: Comprehensive RAG Benchmark", NeurIPS 2024, section 3: truthfulness,
        without its half point for answers that are right with a flaw.
    """
    return sum(CRAG_WORTH[one] for one in outcomes) / len(outcomes) if outcomes else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AbstentionScore:
    """How well abstaining picks the questions that cannot be answered.

    Attributes:
        precision: Of the withheld answers, the share of questions without an answer; None if
            none was withheld.
        recall: Of the questions without an answer, the share withheld; None if there are none.
        f1: Their harmonic mean; None if either has no value, 0 where both are 0.
    """

    precision: float | None
    recall: float | None
    f1: float | None


def abstention_score(answerable: Sequence[bool], abstained: Sequence[bool]) -> AbstentionScore:
    """Return precision, recall and F1 of abstaining, each in [0, 1].

    Args:
        answerable: Whether the documents answer each question.
        abstained: Whether its answer was withheld, in the same order.

    Raises:
        ValueError: If the lengths differ.
    """
    if len(answerable) != len(abstained):
        raise ValueError(f"there are {len(answerable)} questions and {len(abstained)} answers")
    hits = sum(held and not can for can, held in zip(answerable, abstained, strict=True))
    withheld, without = sum(abstained), len(answerable) - sum(answerable)
    precision = hits / withheld if withheld else None
    recall = hits / without if without else None
    return AbstentionScore(
        precision=precision,
        recall=recall,
        f1=None if precision is None or recall is None else 2 * hits / (withheld + without),
    )
