"""What a run shows, in sentences that are made of its intervals alone.

A difference is shown only where its 95 % interval leaves out zero and its p-value, adjusted for all
differences of the run, is below .05. All else is called not shown, with what the interval allows
and what so many cases would have found. Ends of intervals are rounded outwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ragkit_eval.report.estimate import of_measure, ran
from ragkit_eval.report.wording import (
    arm_label,
    counted,
    label,
    listed,
    p_value,
    percent,
    percent_range,
    points,
    points_range,
    points_up,
    sentence_start,
    signed_points,
)
from ragkit_eval.stats.paired import LEAST_CLUSTERS

FEW_CASES = 30
"""With fewer, a report says that they are few."""
LEVEL = 0.05
"""Of the adjusted tests."""
ROLES = {
    "neither": "no_retrieval",
    "prompt": "persona",
    "tune": "fine_tuned",
    "retrieve": "rag",
    "retrieve_prompt": "rag_persona",
    "both": "rag_fine_tuned",
}
"""Which arms answer what to do; a report's `roles` names others."""


class Kind(StrEnum):
    """How much a sentence says."""

    SHOWN = "shown"
    NOT_SHOWN = "not shown"
    CAUTION = "caution"
    FACT = "fact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence of the verdict.

    Attributes:
        kind: How much it says.
        text: What it says.
        measure: By which measure; empty if by none.
    """

    kind: Kind
    text: str
    measure: str = ""


def verdict(report: Mapping[str, Any]) -> list[Sentence]:
    """Return the sentences of a report: the advice, the differences, then what to be careful of."""
    differences = report["differences"]
    measures = dict.fromkeys(d["measure"] for d in differences)
    asked = [name for at, name in enumerate(measures) if at == 0 or name == "tone"]
    advised = [advice(differences, report.get("roles") or ROLES, name) for name in asked]
    return [
        *filter(None, advised),
        *_leading_figures(report),
        *(difference_sentence(d, of=len(differences)) for d in differences),
        *cautions(report),
    ]


def is_shown(difference: Mapping[str, Any]) -> bool:
    """Return whether a difference is shown: by its interval, and by its adjusted test."""
    ends = difference["ci95"]
    return ends is not None and not ends[0] <= 0 <= ends[1] and difference["p_holm"] < LEVEL


def difference_sentence(difference: Mapping[str, Any], *, of: int) -> Sentence:
    """Return what a difference shows.

    Args:
        difference: Of the report's `differences`.
        of: How many differences the p-values are adjusted for.
    """
    first, second = arm_label(difference["first"]), arm_label(difference["second"])
    measure, value, ends = difference["measure"], difference["difference"], difference["ci95"]
    if ends is None:
        text = (
            f"{sentence_start(first)} and {second} differ by {signed_points(value)} points in "
            f"{_named(measure)} over {counted(difference['cases'], 'case')}, but these are of only "
            f"{counted(difference['clusters'], 'document')}: too few for an interval, so nothing "
            "is shown."
        )
        return Sentence(kind=Kind.NOT_SHOWN, text=text, measure=measure)
    low, high = ends
    if low <= 0 <= high:
        return Sentence(kind=Kind.NOT_SHOWN, text=_open(difference, low, high), measure=measure)
    if value < 0:
        first, second, low, high = second, first, -high, -low
    lead = f"{sentence_start(first)} {_by(measure, value)} {second}"
    inside = f"95 % interval {points_range(low, high)}, Holm {p_value(difference['p_holm'])}"
    if is_shown(difference):
        return Sentence(kind=Kind.SHOWN, text=f"{lead} ({inside}).", measure=measure)
    text = (
        f"{lead} on these cases ({inside}), but after correction for "
        f"{counted(of, 'comparison')} this may be chance: no difference shown."
    )
    return Sentence(kind=Kind.NOT_SHOWN, text=text, measure=measure)


def advice(
    differences: Sequence[Mapping[str, Any]], roles: Mapping[str, str], measure: str
) -> Sentence | None:
    """Return whether to retrieve, tune, do both or just prompt better, by one measure.

    Args:
        differences: Of the report.
        roles: Arms by the roles of `ROLES`.
        measure: By what.

    Returns:
        None unless at least two of the ways are compared with doing without them.
    """
    held = {(d["first"], d["second"]): d for d in differences if d["measure"] == measure}
    said: dict[str, str] = {}
    parts = []
    for name, words, first, second in _LEVERS:
        found = held.get((roles.get(first, ""), roles.get(second, "")))
        if found is not None:
            said[name] = _effect(found)
            parts.append(f"{words} {_effect_words(found)}")
    if len(said) < 2 or not said.keys() & {"retrieve", "tune"}:
        return None
    text = (
        f"Retrieve, tune, both, or just prompt better? By {_named(measure)}: {'; '.join(parts)}. "
        f"{_conclusion(said)}"
    )
    shown = any(effect == "up" for effect in said.values())
    return Sentence(kind=Kind.SHOWN if shown else Kind.NOT_SHOWN, text=text, measure=measure)


def cautions(report: Mapping[str, Any]) -> list[Sentence]:
    """Return what the reader must know of the cases and of arms that did not run."""
    cases = report["cases"]
    texts = [_reviewed(cases["reviewed"], cases["count"])]
    if cases["sources"] < LEAST_CLUSTERS:
        texts.append(
            f"Too few documents: the cases are of {counted(cases['sources'], 'source')}, and "
            f"intervals need at least {LEAST_CLUSTERS}. No figure here says how sure it is."
        )
    if cases["count"] < FEW_CASES:
        texts.append(
            f"Too few cases: with {cases['count']} only very large differences can be found. "
            f"Take these figures as a trial of the set-up; {FEW_CASES} is a bare least, and "
            "several hundred tell small differences."
        )
    texts += [
        f"{sentence_start(arm_label(arm['name']))} failed on {arm['outcomes']['failed']} of "
        f"{counted(arm['answers'], 'case')}; these have no value, and comparisons leave them out."
        for arm in ran(report)
        if arm["outcomes"]["failed"]
    ]
    texts += _unasked(report)
    return [Sentence(kind=Kind.CAUTION, text=text) for text in texts]


_LEVERS = (
    ("retrieve", "retrieval", "retrieve", "neither"),
    ("tune", "fine-tuning", "tune", "neither"),
    ("both_tune", "fine-tuning on top of retrieval", "both", "retrieve"),
    ("both_retrieve", "retrieval on top of fine-tuning", "both", "tune"),
    ("prompt", "a persona prompt", "prompt", "neither"),
    ("retrieve_prompt", "a persona prompt on top of retrieval", "retrieve_prompt", "retrieve"),
)


def _effect(difference: Mapping[str, Any]) -> str:
    if not is_shown(difference):
        return "open"
    return "up" if difference["difference"] > 0 else "down"


def _effect_words(difference: Mapping[str, Any]) -> str:
    effect = _effect(difference)
    if effect == "open":
        return "is not shown to change anything"
    size = counted_points(difference["difference"])
    return f"{'adds' if effect == 'up' else 'costs'} {size}"


def _conclusion(said: Mapping[str, str]) -> str:
    up = {name for name, effect in said.items() if effect == "up"}
    retrieves = "retrieve" in up or ("tune" in up and "both_retrieve" in up)
    tunes = ("tune" in up and "retrieve" not in up) or (retrieves and "both_tune" in up)
    prompts = ("retrieve_prompt" if retrieves else "prompt") in up
    if retrieves and tunes:
        text = "Do both"
    elif retrieves:
        text = "Retrieve"
    elif tunes:
        text = "Tune"
    elif prompts:
        return "Just prompt better; nothing else is shown to help."
    elif up:
        return "Only on top of something that is not itself shown to help; ask more cases."
    else:
        return "These cases do not tell; ask more of them before you pay for any of it."
    return f"{text}{', and prompt better' if prompts else ''}; more than that is not shown to help."


def counted_points(value: float) -> str:
    """Return a size in points with its noun: "1 point", "12 points"."""
    size = points(value)
    return f"{size} {'point' if size == '1' else 'points'}"


def _named(measure: str) -> str:
    return "right answers" if measure == "correct" else label(measure)


def _by(measure: str, value: float) -> str:
    if measure == "correct":
        size = points(value)
        return f"answers {size} {'point' if size == '1' else 'points'} more questions right than"
    return f"scores {counted_points(value)} higher in {label(measure)} than"


def _open(difference: Mapping[str, Any], low: float, high: float) -> str:
    """Return the sentence of an interval that holds zero."""
    first, second = arm_label(difference["first"]), arm_label(difference["second"])
    name, cases = _named(difference["measure"]), difference["cases"]
    if low == high == 0:
        return (
            f"No difference shown between {first} and {second} in {name}: they score the same on "
            f"all {counted(cases, 'case')}, which does not say how small a difference would be "
            "found."
        )
    text = (
        f"No difference shown between {first} and {second} in {name}: {first} scores between "
        f"{points_range(low, high, signed=True).replace(' to ', ' and ')} points more"
    )
    found = difference["detectable"]
    if found is not None:
        size = points_up(found)
        text += (
            f"; with {counted(cases, 'case')} only differences of {size} "
            f"{'point' if size == '1' else 'points'} or more would usually be found"
        )
    if difference["p_holm"] < LEVEL:
        text += f"; the test alone would say otherwise (Holm {p_value(difference['p_holm'])})"
    return f"{text}."


def _leading_figures(report: Mapping[str, Any]) -> list[Sentence]:
    """Return how many answers are right: of the arm that most are compared with, or of all."""
    differences = report["differences"]
    compared = [d[side] for d in differences for side in ("second", "first")]
    base = max(compared, key=compared.count) if compared else None
    measure = differences[0]["measure"] if differences else ""
    said = [
        Sentence(kind=Kind.FACT, text=text, measure=measure)
        for arm in ran(report)
        if base in (None, arm["name"]) and (text := _right(arm))
    ]
    if base is None:
        said.append(Sentence(kind=Kind.CAUTION, text="Nothing is compared: no declared pair ran."))
    return said


def _right(arm: Mapping[str, Any]) -> str:
    found = of_measure(arm, "correct")
    if found.value is None:
        return ""
    ends = (
        "too few documents for an interval"
        if found.low is None or found.high is None
        else f"95 % interval {percent_range(found.low, found.high)}"
    )
    return (
        f"{sentence_start(arm_label(arm['name']))} handles {round(found.value * found.n):,} of "
        f"{counted(found.n, 'question')} rightly ({percent(found.value)}, {ends})."
    )


def _reviewed(reviewed: int, count: int) -> str:
    if reviewed == count:
        return f"A person has reviewed {'the case' if count == 1 else f'all {count:,} cases'}."
    if not reviewed:
        return (
            f"No person has reviewed the {counted(count, 'case')}: some may be ambiguous or have "
            "a wrong answer."
        )
    return (
        f"A person has reviewed {reviewed:,} of {counted(count, 'case')}; others may be ambiguous "
        "or have a wrong answer."
    )


def _unasked(report: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each reason why arms did not run, and for answers to no case."""
    reasons: dict[str, list[str]] = {}
    for arm in report["arms"]:
        if arm["status"] != "run":
            reasons.setdefault(arm["reason"], []).append(arm_label(arm["name"]))
    texts = [f"Not run: {listed(names)} ({reason})." for reason, names in reasons.items()]
    unknown = report.get("unknown_ids", 0)
    if unknown:
        texts.append(f"{counted(unknown, 'recorded answer')} to unknown cases left out.")
    return texts
