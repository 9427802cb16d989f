"""A report with everything that a report can hold, made by a run of recorded answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from ragkit_eval.cases import Case, Evidence
from ragkit_eval.recorded import Recorded, SaidSentence, Shown
from ragkit_eval.run import Run, RunArm, made
from ragkit_eval.score import entailment, score
from ragkit_eval.summary import PAIRS

SKILL = {
    "no_retrieval": 0.15,
    "persona": 0.15,
    "fine_tuned": 0.3,
    "rag": 0.7,
    "rag_persona": 0.68,
    "rag_fine_tuned": 0.75,
}
"""How often each arm is right."""
TONE = (0.08, 0.35, 0.9, 0.06, 0.3, 0.88)


def cases(count: int = 60, *, documents: int = 30) -> list[Case]:
    """Return cases, every fifth without an answer."""
    found = []
    for number in range(count):
        path = f"policies/rule-{number % documents}.md"
        answerable = number % 5 != 4
        quote = f"The limit of rule {number} is {number + 10} days."
        found.append(
            Case(
                id=f"q{number}",
                question=f"What is the limit of rule {number}?",
                answers=(f"{number + 10} days",) if answerable else (),
                answerable=answerable,
                evidence=(Evidence(path=path, quote=quote, start=0, end=len(quote)),)
                if answerable
                else (),
                kind="number" if answerable else "unknown_entity",
                reviewed=number < 12,
            )
        )
    return found


def answers(asked: list[Case], skill: Mapping[str, float], seed: int = 0) -> list[Recorded]:
    """Return what each arm said to each case: as often right as its skill says."""
    chance = Random(seed)
    return [_answer(arm, worth, case, chance) for case in asked for arm, worth in skill.items()]


def _answer(arm: str, skill: float, case: Case, chance: Random) -> Recorded:
    right = chance.random() < skill
    limit = f"{int(case.id[1:]) + 10}" if right else "99"
    withheld = right if not case.answerable else chance.random() < 0.1
    text = "The documents do not say." if withheld else f"The limit is {limit} days."
    path = case.source if right else "policies/other.md"
    quote = f"The limit of rule {case.id[1:]} is {limit} days."
    shown = Shown(path=path, text=quote, start=0, end=len(quote))
    return Recorded(
        arm=arm,
        id=case.id,
        text=text,
        abstained=withheld,
        confidence=round(min(1.0, max(0.0, chance.gauss(0.7 if right else 0.45, 0.15))), 4),
        passages=(shown,) if arm.startswith("rag") else (),
        sentences=() if withheld else (SaidSentence(text=text, citations=(0,), supported=right),),
        citations=() if withheld else (shown,),
        prompt_tokens=900 if arm.startswith("rag") else 60,
        completion_tokens=14,
        cost=0.0004,
        model="a-model",
        latency_ms={"total": chance.uniform(200, 900)},
    )


def run(skill: Mapping[str, float] | None = None, *, count: int = 60, documents: int = 30) -> Run:
    """Return a run of recorded answers."""
    arms = skill or SKILL
    asked = cases(count, documents=documents)
    rows = score(asked, answers(asked, arms), entails=entailment("verbatim"))
    built_in = {name for pair in PAIRS for name in pair} | {"persona"}
    named = [RunArm(name=name, own=name not in built_in) for name in arms]
    about: dict[str, Any] = {"index": None, "entailment": "verbatim"}
    return made(asked, named, rows, about=about)


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    """A report, what was said and asked, and how long it took."""

    report: dict[str, Any]
    answers: list[Recorded]
    cases: list[Case]
    timings: dict[str, Any]


def figure(
    value: float | None, half: float = 0.05, n: int = 60, status: str = ""
) -> dict[str, Any]:
    """Return a figure as report.json has it, with an interval around it."""
    ends = None if value is None else [round(value - half, 4), round(value + half, 4)]
    return {
        "value": value,
        "ci95": ends,
        "n": n if value is not None else 0,
        "of": n,
        "coverage": 1.0 if value is not None else 0.0,
        "statuses": {},
        "status": status,
    }


def everything() -> Everything:
    """Return a report with tone, freshness and robustness measured."""
    found = run()
    report: dict[str, Any] = json.loads(json.dumps(found.to_json()))
    report["tone"] = {
        "status": "",
        "auc": 0.93,
        "auc_ci95": [0.88, 0.97],
        "samples": 80,
        "markers": [{"name": "exclamation marks a sentence", "house": 0.4, "base": 0.02}],
    }
    for arm, tone in zip(report["arms"], TONE, strict=True):
        arm["figures"]["tone"] = figure(tone)
        if "rag" in arm["name"]:
            arm["freshness"] = {
                "edits": 10,
                "fresh": figure(0.9),
                "stale": figure(0.05),
                "other": figure(0.05),
            }
            arm["robustness"] = {
                "plain": figure(0.75),
                "case": {"value": figure(0.75), "drop": figure(0.0, 0.02)},
                "typos": {"value": figure(0.62), "drop": figure(0.13)},
                "slang": {"value": figure(0.7), "drop": figure(0.05)},
                "emoji": {"value": figure(0.76), "drop": figure(-0.01, 0.02)},
                "paraphrase": {
                    "value": figure(None, status="no_model"),
                    "drop": figure(None, status="no_model"),
                },
            }
    timings = {
        "latency_ms": found.timings(),
        "seconds": 12.5,
        "freshness": {"sync_s": {"n": 3, "p50": 0.2, "p95": 0.4}},
    }
    return Everything(
        report=report,
        answers=[row.answer for row in found.rows],
        cases=list(found.cases),
        timings=timings,
    )
