"""A browser of the cases that the arms disagree on, readable without scripts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ragkit_eval.cases import Case
from ragkit_eval.recorded import Recorded, Shown
from ragkit_eval.report.block import Section, breakable, facts_list
from ragkit_eval.report.disagreement import (
    ANSWER_CHARACTERS,
    MOST_ARMS,
    MOST_PASSAGES,
    PASSAGE_CHARACTERS,
    Disagreement,
    Said,
    bounded,
    disagreements,
)
from ragkit_eval.report.element import Child, Element, h, spread
from ragkit_eval.report.estimate import ran
from ragkit_eval.report.wording import OUTCOME_LABELS, OUTCOMES, arm_label, counted, cut, listed

_SIGNS = {"correct": "\u2713", "abstained": "\u25cb", "wrong": "\u2717", "failed": "!"}
_QUESTION = 600
_ACCEPTED = 6


def browser_section(
    report: Mapping[str, Any], answers: Sequence[Recorded], cases: Sequence[Case]
) -> Section:
    """Return the cases with what each arm said, what it cited and what it was shown."""
    title = "Where the arms disagree"
    if not answers or not cases:
        return Section(
            name="disagreements",
            title=title,
            body=(h("p", "answers.jsonl and cases.jsonl are not with the report.", class_="none"),),
        )
    every = disagreements(report["rows"], answers, cases)
    if not every:
        return Section(
            name="disagreements",
            title=title,
            body=(h("p", "The arms had the same outcome on every case.", class_="none"),),
        )
    shown = bounded(every)
    left = len(every) - len(shown)
    lead = f"{counted(len(every), 'case')} of {len(cases):,} with different outcomes"
    if left:
        lead += f"; the first {len(shown)} are shown, {left} are left out (rows.csv has them all)"
    arms = [arm["name"] for arm in ran(report)]
    return Section(
        name="disagreements",
        title=title,
        lead=f"{lead}. Open one for the answers, their citations and the passages.",
        body=(
            _filters(arms),
            h("div", *(_case(one, arms) for one in shown), id="cases"),
        ),
    )


def _filters(arms: Sequence[str]) -> Element:
    """Return the controls of the filter, hidden until the script that they need runs."""
    every = h("option", "any arm", value="")
    return h(
        "div",
        h(
            "label",
            "Show cases where ",
            h(
                "select",
                every,
                *(h("option", arm_label(name), value=str(at)) for at, name in enumerate(arms)),
                id="filter-arm",
            ),
        ),
        h(
            "label",
            " is ",
            h(
                "select",
                h("option", "anything", value=""),
                *(h("option", OUTCOME_LABELS[name], value=name) for name in OUTCOMES),
                id="filter-outcome",
            ),
        ),
        h("output", "", id="filter-count"),
        class_="filters",
        id="filters",
        hidden=True,
    )


def _case(one: Disagreement, arms: Sequence[str]) -> Element:
    case, said = one.case, one.said[:MOST_ARMS]
    by_outcome = {
        name: [arm_label(s.answer.arm) for s in one.said if s.outcome == name] for name in OUTCOMES
    }
    chips = [
        h(
            "span",
            h("b", f"{_SIGNS[name]} {OUTCOME_LABELS[name]}", class_=name),
            f" {', '.join(names)}",
            class_="chip",
        )
        for name, names in by_outcome.items()
        if names
    ]
    places = {name: at for at, name in enumerate(arms)}
    held = " ".join(f"{places.get(s.answer.arm, '')}:{s.outcome}" for s in one.said)
    left = len(one.said) - len(said)
    return h(
        "details",
        h(
            "summary",
            h("span", h("bdi", cut(case.question, _QUESTION)), class_="question"),
            h("span", *chips, class_="chips"),
        ),
        _known(case),
        *map(_said, _alike(said)),
        h("p", f"{counted(left, 'more arm')} left out.", class_="none") if left else None,
        *_shown(said),
        class_="case",
        data_outcomes=held,
    )


def _known(case: Case) -> Element:
    accepted: list[Child] = ["none: the documents do not answer it"]
    if case.answers:
        accepted = spread([h("bdi", cut(a, 300)) for a in case.answers[:_ACCEPTED]], " \u00b7 ")
        left = len(case.answers) - _ACCEPTED
        accepted += [f" and {left} more"] if left > 0 else []
    pairs: list[tuple[str, Child]] = [
        ("case", h("span", h("bdi", case.id), f" ({case.kind})" if case.kind else None)),
        ("accepted", h("span", *accepted)),
    ]
    for evidence in case.evidence[:3]:
        quote = h("q", h("bdi", cut(evidence.quote, PASSAGE_CHARACTERS)))
        pairs.append(("stands in", h("span", *breakable(evidence.path), ": ", quote)))
    return facts_list(pairs)


def _alike(said: Sequence[Said]) -> list[list[Said]]:
    """Return what was said, with arms that said and cited the same together."""
    groups: dict[tuple[object, ...], list[Said]] = {}
    for one in said:
        answer = one.answer
        key = (one.outcome, answer.text, answer.citations, answer.failure)
        groups.setdefault(key, []).append(one)
    return list(groups.values())


def _said(group: Sequence[Said]) -> Element:
    """Return an answer with the arms that gave it."""
    answer, outcome = group[0].answer, group[0].outcome
    if answer.failure:
        text = h("p", h("bdi", cut(answer.failure, 400)), class_="none")
    else:
        text = h("blockquote", h("bdi", cut(answer.text, ANSWER_CHARACTERS) or "(nothing)"))
    names = listed([arm_label(one.answer.arm) for one in group])
    return h(
        "div",
        h(
            "h3",
            h("bdi", names),
            h("small", f"{_SIGNS[outcome]} {OUTCOME_LABELS[outcome]}{_sure(group)}"),
            class_=outcome,
        ),
        text,
        *_cited(answer),
        class_="said",
    )


def _sure(group: Sequence[Said]) -> str:
    known = [one.answer.confidence for one in group if one.answer.confidence is not None]
    if not known:
        return ""
    low, high = f"{min(known):.2f}", f"{max(known):.2f}"
    return f", confidence {low}" if low == high else f", confidence {low} to {high}"


def _cited(answer: Recorded) -> list[Element]:
    if not answer.citations:
        return []
    items = [_passage(one) for one in answer.citations[:MOST_PASSAGES]]
    left = len(answer.citations) - len(items)
    more = [h("li", f"and {left} more")] if left > 0 else []
    return [
        h(
            "details",
            h("summary", counted(len(answer.citations), "citation")),
            h("ol", *items, *more),
        )
    ]


def _shown(said: Sequence[Said]) -> list[Element]:
    """Return the passages, once for all arms that were shown the same."""
    groups: dict[tuple[Shown, ...], list[str]] = {}
    for one in said:
        if one.answer.passages:
            groups.setdefault(one.answer.passages, []).append(arm_label(one.answer.arm))
    found = []
    for passages, names in groups.items():
        items = [_passage(one) for one in passages[:MOST_PASSAGES]]
        left = len(passages) - len(items)
        more = [h("li", f"and {left} more")] if left > 0 else []
        heading = f"{counted(len(passages), 'passage')} shown to {listed(names)}"
        found.append(h("details", h("summary", heading), h("ol", *items, *more)))
    return found


def _passage(one: Shown) -> Element:
    place = "" if one.start is None else f" {one.start}:{one.end}"
    head = h("cite", *breakable(one.path or "no path"), place)
    return h("li", head, h("p", h("bdi", cut(one.text, PASSAGE_CHARACTERS))))
