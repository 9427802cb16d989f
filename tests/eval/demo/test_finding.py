"""Figures and claims, on answers whose worth is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ragkit_eval.cases import Case
from ragkit_eval.demo import voice
from ragkit_eval.demo.contender import CONTENDERS, MODELS
from ragkit_eval.demo.finding import (
    CLAIMS,
    COMPARED,
    MEASURES,
    by_seed,
    differences,
    figure,
    freshness,
    judged,
    values,
)
from ragkit_eval.demo.retention import kept
from ragkit_eval.demo.trial import Result
from ragkit_eval.demo.world import asked, invent

WORLD = invent(seed=2, known=24, documents=24)
CASES = asked(WORLD)
QUESTIONS = kept(WORLD, seed=2)
OLD = {place.path: next(iter(place.facts.values())) for place in WORLD.documented}


def says(arm: str, case: Case) -> str:
    """Return what a made-up arm says."""
    value = case.answers[0] if case.answers else ""
    if arm == "no_retrieval" or not case.answerable:
        return "The keeper of Vorlan is unknown."
    if arm.startswith("fact_tuned") and case.kind == "edited":
        value = OLD[case.source]
    if arm == "rag_tone_tuned_mixed":
        return voice.HOUSE.answer("Vorlan", "keeper", value)
    return f"The keeper of Vorlan is {value}."


def result(seed: int) -> Result:
    return Result(
        key="",
        seed=seed,
        parameters=1,
        errors={},
        answers={arm.name: {case.id: says(arm.name, case) for case in CASES} for arm in CONTENDERS},
        retained={
            model: {one.id: one.answer if model == "base" else "no" for one in QUESTIONS}
            for model in MODELS
        },
        seconds={},
    )


RESULTS = [result(seed) for seed in (0, 1, 2)]
FOUND = values(CASES, QUESTIONS, RESULTS)


def of(measure: str, arm: str) -> float | None:
    return figure(FOUND[measure][arm]).value


def test_every_measure_has_a_value_for_every_answer_that_it_is_about() -> None:
    counts = {name: len(FOUND[name]["rag"]) for name in MEASURES}
    assert counts == {
        "facts": 3 * 48,
        "abstention": 3 * 24,
        "edited": 3 * 24,
        "tone": 3 * 72,
        "retention": 3 * 72,
        "retention_recall": 3 * 24,
        "retention_reading": 3 * 48,
    }


def test_figures_are_what_was_said() -> None:
    assert (of("facts", "rag"), of("facts", "no_retrieval")) == (1.0, 0.0)
    assert (of("edited", "rag"), of("edited", "fact_tuned")) == (1.0, 0.0)
    assert of("abstention", "rag") == 1.0
    assert of("tone", "rag") == 0.0
    assert of("tone", "rag_tone_tuned_mixed") == pytest.approx(48 / 72)
    assert (of("retention", "no_retrieval"), of("retention", "tone_tuned")) == (1.0, 0.0)


def test_an_edited_fact_is_fresh_stale_or_neither() -> None:
    def shares(arm: str) -> list[object]:
        held = freshness(WORLD, CASES, RESULTS, arm)
        assert held["edits"] == 24
        return [held[name]["value"] for name in ("fresh", "stale", "other")]

    assert shares("rag") == [1.0, 0.0, 0.0]
    assert shares("fact_tuned") == [0.0, 1.0, 0.0]
    assert shares("no_retrieval") == [0.0, 0.0, 1.0]


def test_differences_are_those_that_were_declared() -> None:
    found = differences(FOUND)
    assert [(one.measure, one.first, one.second) for one in found] == [*COMPARED]
    names = {contender.name for contender in CONTENDERS}
    assert {arm for _, *arms in COMPARED for arm in arms} <= names
    best = next(one for one in found if one.second == "no_retrieval" and one.measure == "facts")
    assert best.contrast.difference == 1.0
    assert best.contrast.clusters == 24
    assert best.p_holm < 0.01


def test_a_claim_holds_for_certain_only_if_its_whole_interval_does() -> None:
    facts = CLAIMS[0]
    assert judged(facts, FOUND)["verdict"] == "holds"
    mine = FOUND["facts"]["rag_tone_tuned_mixed"]

    def verdict(wrong: int) -> str:
        worse = [replace(one, value=0.0) if n < wrong else one for n, one in enumerate(mine)]
        changed = {**FOUND, "facts": {**FOUND["facts"], "rag_tone_tuned_mixed": worse}}
        return str(judged(facts, changed)["verdict"])

    assert verdict(0) == "holds"
    assert verdict(1) == "holds, uncertain"
    assert verdict(4) == "fails"


def test_a_share_is_held_against_the_share() -> None:
    tone = CLAIMS[1]
    held = judged(tone, FOUND)
    assert held["share"] == 0.95
    assert held["margin"] == pytest.approx(48 / 72, abs=1e-6)


def test_a_seed_has_figures_of_its_own() -> None:
    half = [
        RESULTS[0],
        replace(RESULTS[1], answers={key: {c.id: "" for c in CASES} for key in RESULTS[1].answers}),
    ]
    found = values(CASES, QUESTIONS, half)
    assert by_seed(found, 0)["rag"]["facts"] == 1.0
    assert by_seed(found, 1)["rag"]["facts"] == 0.0
    assert figure(found["facts"]["rag"]).value == 0.5
    low, high = figure(found["facts"]["rag"]).ci95 or (1, 0)
    assert (low, high) == (0.0, 1.0)
