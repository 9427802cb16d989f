"""What is judged: an answer with its question, its passages and what is known of the case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ragkit_eval.cases import Case
from ragkit_eval.recorded import Recorded
from ragkit_eval.saved import SavedRow, SavedRun, unknown_arm
from ragkit_ingest.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An arm's answer to a case.

    Attributes:
        case: What was asked, and what is known of it.
        row: What the answer was worth.
        answer: What was said and shown.
    """

    case: Case
    row: SavedRow
    answer: Recorded

    @property
    def passages(self) -> list[str]:
        """The texts that the arm was shown."""
        return [passage.text for passage in self.answer.passages or () if passage.text.strip()]

    @property
    def quotes(self) -> list[str]:
        """The evidence of the case."""
        return [evidence.quote for evidence in self.case.evidence if evidence.quote.strip()]


def items(run: SavedRun, arms: Sequence[str] = ()) -> dict[str, dict[str, Item]]:
    """Return the answers of a run by arm and case, in the order of its rows.

    Args:
        run: As it was written.
        arms: Only these; none for all that ran.

    Raises:
        UsageError: If an arm is unknown or did not run, or the run's other files are missing.
    """
    for name in arms:
        if name not in run.arms:
            unknown_arm(name, run)
        if name not in run.ran:
            raise UsageError(f"the arm {name} of {run.file} did not run; there is nothing to judge")
    answers = run.answers()
    for held, name in ((run.cases, "cases.jsonl"), (answers, "answers.jsonl")):
        if not held:
            raise UsageError(
                f"{run.file.with_name(name)} is not there; judging needs it, run the evaluation "
                "again"
            )
    cases = run.cases or {}
    found: dict[str, dict[str, Item]] = {name: {} for name in arms or run.ran}
    for row in run.rows:
        if row.arm not in found:
            continue
        answer = answers.get((row.arm, row.id))
        if answer is None or row.id not in cases:
            raise UsageError(
                f"the answer of {row.arm} to {row.id} is not in answers.jsonl beside {run.file}; "
                "run the evaluation again"
            )
        found[row.arm][row.id] = Item(case=cases[row.id], row=row, answer=answer)
    return found
