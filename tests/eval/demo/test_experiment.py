"""The experiment: resumed, stopped, and, slowly, as a whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ragkit_eval.demo import experiment
from ragkit_eval.demo.experiment import look_up, run
from ragkit_eval.demo.finding import MEASURES
from ragkit_eval.demo.lesson import PASSAGES, passage
from ragkit_eval.demo.page import tables
from ragkit_eval.demo.recipe import Recipe, recipe
from ragkit_eval.demo.shape import Shape
from ragkit_eval.demo.trial import Order, order_of
from ragkit_eval.demo.vocabulary import UNKNOWN, encode
from ragkit_eval.demo.world import asked, invent
from ragkit_eval.run import Run
from ragkit_ingest.errors import GeneratorError

TINY = Recipe(
    name="standard",
    seeds=(0, 1),
    known=8,
    documents=8,
    shape=Shape(hidden=16, inner=16, layers=1, heads=2),
    steps=4,
    first_steps=1,
    second_steps=1,
    reading=2,
    recall=2,
    tone_steps=2,
    fact_steps=2,
)


def test_ragkit_finds_the_old_facts_before_the_edits_and_the_new_ones_after() -> None:
    world = invent(seed=0, known=8, documents=8)
    cases = asked(world)
    found = look_up(world, cases)
    assert found.shown == 1.0
    assert found.about["documents"] == 8
    old = {place.path: passage(place) for place in world.documented}
    new = {place.path: passage(place) for place in world.edited}
    for case in cases:
        shown = found.passages[case.id]
        assert len(shown) == PASSAGES
        for one in shown:
            assert one.text == (new if case.kind == "edited" else old)[one.path]
            assert UNKNOWN not in encode(one.text)


def test_an_order_survives_its_file() -> None:
    order = Order(recipe=TINY, seed=1, passages={"a": ["b"]}, key="k", base_key="b")
    assert order_of(json.loads(json.dumps(order.to_json()))) == order


@pytest.mark.parametrize("name", ["standard", "quick", "larger"])
def test_recipes_have_their_names(name: str) -> None:
    assert recipe(name).name == name
    assert recipe(name, seeds=2).seeds == (0, 1)


def test_there_is_no_other_recipe() -> None:
    with pytest.raises(ValueError, match="'huge'"):
        recipe("huge")


@pytest.mark.slow
def test_an_interrupted_run_goes_on_with_what_was_finished(tmp_path: Path) -> None:
    first, _ = run(tmp_path, TINY, jobs=2)
    kept = tmp_path / "seeds" / "seed-0.json"
    before = kept.read_bytes()
    (tmp_path / "seeds" / "seed-1.json").write_text("{ half of a", encoding="utf-8")
    stamp = kept.stat().st_mtime_ns
    again, _ = run(tmp_path, TINY)
    assert again.to_json() == first.to_json()
    assert kept.stat().st_mtime_ns == stamp
    run(tmp_path, replace(TINY, steps=5, seeds=(0,)))
    assert kept.read_bytes() != before


@pytest.mark.slow
def test_a_trial_that_fails_says_why(tmp_path: Path) -> None:
    broken = replace(TINY, device="nowhere", seeds=(3,))
    with pytest.raises(GeneratorError, match=r"the trial of seed 3 ended with code 1: .*nowhere"):
        run(tmp_path, broken)
    assert not (tmp_path / "seeds" / "seed-3.json").exists()


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    folder = tmp_path_factory.mktemp("quick")
    found, timings = run(folder, recipe("quick"))
    found.write(folder, more_timings=timings)
    return found, folder


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_directions_that_are_certain(quick: tuple[Run, Path]) -> None:
    report = json.loads((quick[1] / "report.json").read_text(encoding="utf-8"))
    figures = {arm["name"]: arm["figures"] for arm in report["arms"]}
    fresh = {arm["name"]: arm["freshness"] for arm in report["arms"]}
    assert figures["rag"]["facts"]["value"] > figures["tone_tuned"]["facts"]["value"]
    stale = fresh["fact_tuned_paraphrased"]
    assert stale["stale"]["value"] > stale["fresh"]["value"]
    alone, together = figures["tone_tuned_mixed"]["tone"], figures["rag_tone_tuned_mixed"]["tone"]
    assert together["value"] >= 0.9 * alone["value"] > 0


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_report_has_every_figure_with_its_interval(quick: tuple[Run, Path]) -> None:
    report = json.loads((quick[1] / "report.json").read_text(encoding="utf-8"))
    assert report["schema"] == "ragkit-eval-report/1"
    assert report["passages"]["with_evidence"] > 0.9
    for arm in report["arms"]:
        for name in MEASURES:
            figure = arm["figures"][name]
            low, high = figure["ci95"]
            assert low - 1e-9 <= figure["value"] <= high + 1e-9
        shares = [arm["freshness"][name]["value"] for name in ("fresh", "stale", "other")]
        assert sum(shares) == pytest.approx(1.0)
        assert arm["freshness"]["edits"] == 24
    assert set(MEASURES) <= set(report["measures"])
    assert len(report["rows"]) == len(quick[0].rows) == 96 * 11
    assert "| `rag` |" in tables(report)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_arms_that_retrieve_are_shown_the_same_passages(quick: tuple[Run, Path]) -> None:
    shown: dict[str, set[tuple[str, ...]]] = {}
    for row in quick[0].rows:
        if row.answer.arm.startswith("rag"):
            texts = tuple(one.text for one in row.answer.passages or ())
            shown.setdefault(row.case.id, set()).add(texts)
        else:
            assert row.answer.passages == ()
    assert {len(texts) for texts in shown.values()} == {1}


def test_the_code_that_decides_a_trial_is_there() -> None:
    folder = Path(experiment.__file__).parent
    assert all((folder / f"{name}.py").is_file() for name in experiment._DECIDING)
