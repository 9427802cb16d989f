"""What the trials' answers come to: figures, differences and claims, with their intervals.

Every figure is a mean over answers of all seeds. Its interval draws places and seeds anew
(`ragkit_eval.stats.crossed`): a place's questions are right or wrong together, and all arms of a
seed come from the same base model. Differences are of the same question and seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ragkit_eval.cases import Case
from ragkit_eval.demo.contender import CONTENDERS
from ragkit_eval.demo.retention import Kept
from ragkit_eval.demo.trial import Result
from ragkit_eval.demo.voice import HOUSE
from ragkit_eval.demo.wording import refuses
from ragkit_eval.demo.world import World
from ragkit_eval.match import contains_answer
from ragkit_eval.stats.crossed import crossed_mean_ci95
from ragkit_eval.stats.holm import holm
from ragkit_eval.stats.paired import Contrast, contrast
from ragkit_eval.summary import Difference, Figure

MEASURES = {
    "facts": "answerable questions that got the right value",
    "abstention": "unanswerable questions that were refused",
    "edited": "after the documents were edited, questions that got the new value",
    "tone": "answers and refusals in the house voice, by exact rules",
    "retention": "what the model knew or could read before it was tuned, and still does",
    "retention_recall": "of these, facts known by heart",
    "retention_reading": "of these, questions about passages never seen before",
}
"""What is measured, and what it says."""
COMPARED = (
    *(("facts", first, "rag") for first in ("rag_persona", "rag_tone_tuned")),
    *(("facts", first, "rag") for first in ("rag_tone_tuned_mixed", "rag_fact_tuned")),
    *(("facts", first, "rag") for first in ("fact_tuned", "fact_tuned_paraphrased")),
    *(("facts", "rag", second) for second in ("no_retrieval", "tone_tuned")),
    ("facts", "fact_tuned_paraphrased", "fact_tuned"),
    ("abstention", "rag_tone_tuned", "rag"),
    ("abstention", "rag_tone_tuned_mixed", "rag"),
    ("abstention", "rag_fact_tuned", "rag"),
    ("edited", "fact_tuned_paraphrased", "rag"),
    ("edited", "rag_fact_tuned", "rag"),
    ("tone", "persona", "no_retrieval"),
    ("tone", "rag_persona", "persona"),
    ("tone", "rag_tone_tuned", "tone_tuned"),
    ("tone", "rag_tone_tuned_mixed", "tone_tuned"),
    ("tone", "rag_tone_tuned_mixed", "rag_tone_tuned"),
    ("tone", "rag_tone_tuned_mixed", "rag_persona"),
    ("retention", "tone_tuned", "no_retrieval"),
    ("retention", "tone_tuned_mixed", "no_retrieval"),
    ("retention", "fact_tuned_paraphrased", "no_retrieval"),
)
"""The differences that are tested: measure, first, second; declared before any run."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of one answer: to which question, by which seed's model, about which place."""

    question: str
    seed: int
    place: str
    value: float


Values = Mapping[str, Mapping[str, Sequence[Value]]]
"""By measure, then by arm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Something expected of the arm that retrieves and is tuned for tone on the mix.

    It holds if `first >= share * second - slack`.

    Attributes:
        says: In words.
        measure: By what.
        first: An arm.
        second: The arm it is held against.
        share: Of the second's figure that is kept.
        slack: By which it may be lower.
    """

    says: str
    measure: str
    first: str
    second: str
    share: float = 1.0
    slack: float = 0.0


CLAIMS = (
    Claim(
        says="keeps the facts within 2 points of RAG alone",
        measure="facts",
        first="rag_tone_tuned_mixed",
        second="rag",
        slack=0.02,
    ),
    Claim(
        says="keeps 95 % of the tone of tone tuning alone",
        measure="tone",
        first="rag_tone_tuned_mixed",
        second="tone_tuned",
        share=0.95,
    ),
    Claim(
        says="keeps abstention within 5 points of RAG alone",
        measure="abstention",
        first="rag_tone_tuned_mixed",
        second="rag",
        slack=0.05,
    ),
)
"""What the experiment is to confirm or refute, declared before any run."""


def values(
    cases: Sequence[Case], questions: Sequence[Kept], results: Sequence[Result]
) -> dict[str, dict[str, list[Value]]]:
    """Return the value of every answer, by the names of `MEASURES` and then by arm."""
    found: dict[str, dict[str, list[Value]]] = {name: {} for name in MEASURES}
    for contender in CONTENDERS:
        own: dict[str, list[Value]] = {name: [] for name in MEASURES}
        for result in results:
            said = result.answers[contender.name]
            for case in cases:
                for measure, value in _of_answer(case, said[case.id]).items():
                    own[measure].append(Value(case.id, result.seed, case.source, value))
            kept = result.retained[contender.model]
            for one in questions:
                right = float(contains_answer(kept[one.id], (one.answer,)))
                for measure in ("retention", f"retention_{one.kind}"):
                    own[measure].append(Value(one.id, result.seed, one.id, right))
        for name, held in own.items():
            found[name][contender.name] = held
    return found


def _of_answer(case: Case, said: str) -> dict[str, float]:
    """Return the measures that an answer to a case has a value for."""
    right = float(not refuses(said) and contains_answer(said, case.answers))
    if case.kind == "edited":
        return {"edited": right}
    tone = {"tone": float(HOUSE.is_heard_in(said))}
    if case.answerable:
        return {"facts": right, **tone}
    return {"abstention": float(refuses(said)), **tone}


def figure(held: Sequence[Value], *, seed: int = 0) -> Figure:
    """Return the mean of values, with its interval."""
    numbers = [one.value for one in held]
    return Figure(
        value=sum(numbers) / len(numbers) if numbers else None,
        ci95=crossed_mean_ci95(
            numbers, [one.place for one in held], [one.seed for one in held], seed=seed
        ),
        n=len(numbers),
        of=len(numbers),
        status="" if numbers else "no_cases",
    )


def freshness(
    world: World, cases: Sequence[Case], results: Sequence[Result], arm: str
) -> dict[str, Any]:
    """Return what an arm said of edited facts: the new value, the old one, or something else."""
    before = {old.path: next(iter(old.facts.values())) for old in world.documented}
    edited = [case for case in cases if case.kind == "edited"]

    def share(is_it: Callable[[str, Case], bool]) -> dict[str, object]:
        return figure(
            [
                Value(
                    case.id,
                    result.seed,
                    case.source,
                    float(is_it(result.answers[arm][case.id], case)),
                )
                for result in results
                for case in edited
            ]
        ).to_json()

    def fresh(said: str, case: Case) -> bool:
        return contains_answer(said, case.answers)

    def stale(said: str, case: Case) -> bool:
        return not fresh(said, case) and contains_answer(said, (before[case.source],))

    return {
        "edits": len(edited),
        "fresh": share(fresh),
        "stale": share(stale),
        "other": share(lambda said, case: not fresh(said, case) and not stale(said, case)),
    }


def differences(found: Values, *, seed: int = 0) -> list[Difference]:
    """Return the differences of `COMPARED`, their p-values adjusted by Holm over all of them.

    The p-value swaps the arms of whole places, all seeds together; the interval draws both.
    """
    contrasts = [
        _contrast(found[measure][first], found[measure][second], seed)
        for measure, first, second in COMPARED
    ]
    adjusted = holm([one.p_value for one in contrasts])
    return [
        Difference(first=first, second=second, measure=measure, contrast=one, p_holm=p)
        for (measure, first, second), one, p in zip(COMPARED, contrasts, adjusted, strict=True)
    ]


def _contrast(first: Sequence[Value], second: Sequence[Value], seed: int) -> Contrast:
    mine, theirs = [one.value for one in first], [one.value for one in second]
    places = [one.place for one in first]
    interval = crossed_mean_ci95(
        [a - b for a, b in zip(mine, theirs, strict=True)],
        places,
        [one.seed for one in first],
        seed=seed,
    )
    return replace(contrast(mine, theirs, places, seed=seed), ci95=interval)


def judged(claim: Claim, found: Values, *, seed: int = 0) -> dict[str, Any]:
    """Return a claim as it stands in the report.

    Its `verdict` is "holds" if even the lower end of the margin's interval is 0 or more,
    "holds, uncertain" if the margin is but the lower end is not, else "fails".
    """
    first, second = found[claim.measure][claim.first], found[claim.measure][claim.second]
    margins = [
        replace(a, value=a.value - claim.share * b.value + claim.slack)
        for a, b in zip(first, second, strict=True)
    ]
    margin = figure(margins, seed=seed)
    worth = margin.value or 0.0
    low = margin.ci95[0] if margin.ci95 else -1.0
    certain = "holds" if low >= -1e-9 else "holds, uncertain"
    return {
        "says": claim.says,
        "measure": claim.measure,
        "first": claim.first,
        "second": claim.second,
        "share": claim.share,
        "slack": claim.slack,
        "values": [round(figure(one).value or 0.0, 6) for one in (first, second)],
        "margin": round(worth, 6),
        "margin_ci95": margin.to_json()["ci95"],
        "verdict": certain if worth >= -1e-9 else "fails",
    }


def by_seed(found: Values, seed: int) -> dict[str, dict[str, float]]:
    """Return the figures of one seed's models: by arm, then by measure."""
    return {
        contender.name: {
            name: round(sum(mine) / len(mine), 6)
            for name in MEASURES
            if (mine := [one.value for one in found[name][contender.name] if one.seed == seed])
        }
        for contender in CONTENDERS
    }
