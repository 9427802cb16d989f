"""Review in a terminal: one case after the other, accept, edit or reject; quit and go on later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ragkit_eval.cases import Case

Ask = Callable[[str, str], str]
"""(prompt, what is taken for an empty line): what the person typed."""
Save = Callable[[Sequence[Case]], None]
KEYS = "[a]ccept, [e]dit, [r]eject, [s]kip, [q]uit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """How a review ended.

    Attributes:
        cases: What is left, in order.
        accepted: How many were accepted now, edited ones with them.
        rejected: How many were rejected now.
    """

    cases: tuple[Case, ...]
    accepted: int
    rejected: int

    @property
    def open(self) -> int:
        """How many are not reviewed."""
        return sum(not case.reviewed for case in self.cases)


def review(
    cases: Sequence[Case], show: Callable[[Case, int, int], None], ask: Ask, save: Save
) -> Review:
    """Go through the cases that nobody has reviewed; every decision is saved at once.

    Args:
        cases: All cases; reviewed ones are kept as they are.
        show: Shows a case with its number and how many there are to review.
        ask: Asks the person. An `EOFError` of it counts as quitting.
        save: Keeps the cases as they are by then.
    """
    left: list[Case | None] = list(cases)
    todo = [place for place, case in enumerate(cases) if not case.reviewed]
    accepted = rejected = 0
    for number, place in enumerate(todo, start=1):
        case = cases[place]
        show(case, number, len(todo))
        decision = _decision(case, ask)
        if decision == "quit":
            break
        if decision == "skip":
            continue
        if isinstance(decision, Case):
            accepted += 1
            left[place] = decision
        else:
            rejected += 1
            left[place] = None
        save([kept for kept in left if kept is not None])
    return Review(
        cases=tuple(kept for kept in left if kept is not None),
        accepted=accepted,
        rejected=rejected,
    )


def _decision(case: Case, ask: Ask) -> Case | str:
    """Return the case as accepted, or "reject", "skip" or "quit"."""
    while True:
        try:
            key = ask(f"{KEYS}: ", "").strip().lower()[:1]
            if key == "e":
                return _edited(case, ask)
        except EOFError:
            return "quit"
        if key == "a":
            return replace(case, reviewed=True)
        for letter, word in (("r", "reject"), ("s", "skip"), ("q", "quit")):
            if key == letter:
                return word


def _edited(case: Case, ask: Ask) -> Case:
    question = ask("question: ", case.question).strip() or case.question
    if not case.answerable:
        return replace(case, question=question, reviewed=True)
    said = ask("answers, | between them: ", " | ".join(case.answers))
    answers = tuple(part.strip() for part in said.split("|") if part.strip()) or case.answers
    if said == " | ".join(case.answers):
        answers = case.answers
    return replace(case, question=question, answers=answers, reviewed=True)
