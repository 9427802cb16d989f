"""May a tuned embedder take the place of its base? Only if it helps, and surely does no harm.

    held out    nDCG@10 on questions that it was not trained on: surely better in dense or hybrid
                search, and in neither worse by more than a margin
    general     on questions of another kind: not worse by more than a margin

"Surely" is the 95 % interval of the paired difference. "Not promoted" is a normal outcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ragkit_eval.before_after import NDCG, Change

HARM = 0.01
"""Of nDCG@10, what a search over held-out questions may surely not lose."""
GENERAL_HARM = 0.03
"""The same over general questions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gate says.

    Attributes:
        promoted: Whether the tuned embedder may answer.
        reasons: Why not, a sentence each; none if it may.
    """

    promoted: bool
    reasons: tuple[str, ...]


def verdict(
    held_out: Sequence[Change],
    general: Sequence[Change],
    *,
    harm: float = HARM,
    general_harm: float = GENERAL_HARM,
) -> Verdict:
    """Return whether a tuned embedder may answer.

    Args:
        held_out: On questions that it was not trained on.
        general: On questions of another kind.
        harm: Margin for the first, 0 or more.
        general_harm: Margin for the second.
    """
    reasons = []
    measured = [change for change in held_out if change.measure == NDCG]
    bounds = {change.mode: change.contrast.ci95 for change in measured}
    if not bounds:
        reasons.append("there is no held-out question")
    elif any(bound is None for bound in bounds.values()):
        reasons.append("the held-out questions are about too few documents for an interval")
    elif not any(bound is not None and bound[0] > 0 for bound in bounds.values()):
        reasons.append("no search is surely better on the held-out questions")
    reasons += _harmed(measured, harm, "held-out")
    reasons += _harmed([c for c in general if c.measure == NDCG], general_harm, "general")
    return Verdict(promoted=not reasons, reasons=tuple(reasons))


def _harmed(changes: Sequence[Change], margin: float, which: str) -> list[str]:
    return [
        f"{change.mode} search may lose {-change.contrast.ci95[0]:.3f} of nDCG@10 on the {which} "
        f"questions, more than {margin}"
        for change in changes
        if change.contrast.ci95 is not None and change.contrast.ci95[0] < -margin
    ]
