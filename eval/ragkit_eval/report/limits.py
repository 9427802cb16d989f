"""What the numbers of a report do not say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ragkit_eval.report.estimate import ran, training_seeds
from ragkit_eval.report.wording import arm_label, counted, listed


def limits(report: Mapping[str, Any]) -> list[str]:
    """Return the limits of a report, those of every run and those of this one."""
    cases, arms = report["cases"], ran(report)
    texts = [
        "Right is decided by words: an answer that says the same in other words counts as wrong, "
        "and one that names the accepted answer among others as right.",
        "Intervals say how figures would vary with other documents and questions of the same kind. "
        "They say nothing of other collections, nor of what people ask that is not among these "
        "cases.",
        "A difference that is not shown is not the same as none: the interval holds what is left "
        "possible.",
        "The intervals of single arms are not adjusted for their number; the p-values of "
        "differences are. Arms that were not declared as a pair are not tested.",
    ]
    if cases["reviewed"] < cases["count"]:
        texts.append(
            f"{counted(cases['count'] - cases['reviewed'], 'case')} not reviewed by a person. "
            "Drafted questions are chosen by a filter that searches, so retrieval looks better on "
            "them than on questions that people ask."
        )
    partial = [arm for arm in arms if arm["answers"] < cases["count"]]
    if partial:
        names = listed([arm_label(arm["name"]) for arm in partial])
        texts.append(
            f"Not every arm was asked every case ({names}): compare arms by the differences, which "
            "are over the same cases, not by their own figures."
        )
    if report.get("entailment") == "words":
        texts.append(
            "Groundedness and citations are judged by rules and a small model, not by people."
        )
    if any(arm.get("models") for arm in arms):
        texts.append(_seeds(report))
    texts.append(
        "Seeds, cache and machine: a model behind an endpoint may change without a word; times are "
        "of one machine and one run."
    )
    return texts


def _seeds(report: Mapping[str, Any]) -> str:
    seeds = training_seeds(report)
    if len(seeds) > 1:
        return (
            f"Models were trained with {len(seeds)} seeds ({', '.join(map(str, seeds))}); other "
            "seeds, data and sizes of model may behave otherwise."
        )
    return (
        "Each model was asked with one seed; how its answers vary with the seed is not in the "
        "intervals."
    )
