"""Two runs beside each other: each case falls into one place, and chance is called chance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ragkit_eval.compare import Change, Comparison, arm_pairs, compare
from ragkit_eval.comparison_page import page
from ragkit_eval.run import RunArm
from ragkit_eval.saved import SavedRun
from ragkit_eval.stats.mcnemar import mcnemar_p_value
from ragkit_ingest.errors import UsageError
from tests.support.saved_run import answers, case, said, write_run

CASES = [case(n) for n in range(1, 21)]
BEFORE = [True] * 10 + [False] * 10
AFTER = [True] * 9 + [False] + [True] * 6 + [False] * 4


def run(folder: Path, right: list[bool], arm: str = "a", **more: Any) -> SavedRun:
    return write_run(folder, CASES, answers(arm, CASES, right), **more)


@pytest.fixture
def found(tmp_path: Path) -> Comparison:
    return compare(run(tmp_path / "1", BEFORE), run(tmp_path / "2", AFTER), samples=200)


def test_each_case_is_in_one_place(found: Comparison) -> None:
    (arm,) = found.arms
    assert arm.counts == {"fixed": 6, "regressed": 1, "still_failing": 4, "still_right": 9}
    assert [one.id for one in arm.of(Change.REGRESSED)] == ["q10"]
    assert [one.id for one in arm.of(Change.FIXED)] == [f"q{n}" for n in range(11, 17)]
    (lost,) = arm.of(Change.REGRESSED)
    assert lost.question == "How heavy is thing 10?"
    assert (lost.before, lost.after) == ("correct", "wrong")
    assert (lost.said_before, lost.said_after) == ("It is 10 kg.", "It is a mystery.")


def test_the_test_is_the_exact_one_over_pairs(found: Comparison) -> None:
    (arm,) = found.arms
    correct = next(one for one in arm.measures if one.name == "correct")
    assert correct.contrast is not None
    assert (correct.before, correct.after) == (0.5, 0.75)
    assert correct.contrast.difference == pytest.approx(0.25)
    assert correct.contrast.test == "mcnemar"
    assert correct.contrast.p_value == pytest.approx(mcnemar_p_value(6, 1))
    assert correct.p_holm is not None
    assert correct.p_holm >= correct.contrast.p_value
    assert "may be chance" in arm.verdict


def test_p_values_are_adjusted_over_all_measures_and_arms(tmp_path: Path) -> None:
    held = answers("a", CASES, BEFORE) + answers("b", CASES, BEFORE)
    later = answers("a", CASES, AFTER) + answers("b", CASES, AFTER)
    one, two = write_run(tmp_path / "1", CASES, held), write_run(tmp_path / "2", CASES, later)
    found = compare(one, two, measures=["correct"], samples=200)
    assert [m.p_holm for arm in found.arms for m in arm.measures] == pytest.approx(
        [2 * mcnemar_p_value(6, 1)] * 2
    )


def test_the_declared_measures_do_not_pay_for_the_others(tmp_path: Path) -> None:
    one, two = run(tmp_path / "1", [False] * 9 + [True] * 11), run(tmp_path / "2", [True] * 20)
    (arm,) = compare(one, two, samples=200).arms
    p_holm = {m.name: m.p_holm for m in arm.measures}
    assert p_holm["correct"] == pytest.approx(2 * mcnemar_p_value(9, 0))  # and content_f1
    assert "It became better" in arm.verdict
    others = [m for m in arm.measures if m.contrast and m.name not in ("correct", "content_f1")]
    assert p_holm["contains_answer"] == pytest.approx(min(1.0, len(others) * mcnemar_p_value(9, 0)))


def test_a_sure_change_is_called_one(tmp_path: Path) -> None:
    one, two = run(tmp_path / "1", [False] * 20), run(tmp_path / "2", [True] * 20)
    better = compare(one, two, measures=["correct"], samples=200).arms[0]
    worse = compare(two, one, measures=["correct"], samples=200).arms[0]
    assert "It became better" in better.verdict
    assert "It became worse" in worse.verdict


def test_a_run_beside_itself_has_not_changed(tmp_path: Path) -> None:
    one = run(tmp_path / "1", BEFORE)
    found = compare(one, one, samples=200)
    (arm,) = found.arms
    assert (arm.counts["fixed"], arm.counts["regressed"], found.settings) == (0, 0, ())
    assert {m.p_holm for m in arm.measures if m.contrast} == {1.0}
    assert "chance" not in arm.verdict


def test_the_same_runs_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = run(tmp_path / "1", BEFORE), run(tmp_path / "2", AFTER)
    first, again = (compare(one, two, samples=200) for _ in range(2))
    assert json.dumps(first.to_json()) == json.dumps(again.to_json())
    assert page(first) == page(again)


def test_two_arms_of_one_run(tmp_path: Path) -> None:
    held = answers("a", CASES, BEFORE) + answers("b:c", CASES, AFTER)
    one = write_run(tmp_path, CASES, held)
    pairs = arm_pairs(["a:b:c"], one, one)
    assert pairs == [("a", "b:c")]
    found = compare(one, one, arms=pairs, samples=200)
    assert (found.arms[0].name, found.arms[0].counts["fixed"]) == ("a to b:c", 6)


def test_pairs_that_nobody_knows_are_refused(tmp_path: Path) -> None:
    held = answers("a", CASES, BEFORE) + answers("a:a", CASES, AFTER)
    one = write_run(tmp_path, CASES, held)
    with pytest.raises(UsageError, match=r"no arm 'x'; its arms are a, a:a"):
        arm_pairs(["a:x"], one, one)
    with pytest.raises(UsageError, match="no arm 'rag'"):
        arm_pairs(["rag"], one, one)
    with pytest.raises(UsageError, match="in 2 ways"):
        arm_pairs(["a:a"], one, one)


def test_arms_that_came_and_went_and_settings_that_changed(tmp_path: Path) -> None:
    index = {"digest": "1" * 64, "documents": 3, "embedder": "minilm"}
    arms = [
        RunArm(name="a", settings={"name": "a", "retrieval": {"k": 5}, "generator": "x"}),
        RunArm(name="gone"),
        RunArm(name="off", missing="no chat model is configured"),
    ]
    both = answers("a", CASES, BEFORE) + answers("gone", CASES, BEFORE)
    one = write_run(tmp_path / "1", CASES, both, arms=arms, about={"index": index})
    later = [
        RunArm(name="a", settings={"name": "a", "retrieval": {"k": 8}, "generator": "x"}),
        RunArm(name="new"),
        RunArm(name="off", missing="no chat model is configured"),
    ]
    more = answers("a", CASES, BEFORE) + answers("new", CASES, BEFORE)
    two = write_run(
        tmp_path / "2", CASES, more, arms=later, about={"index": index | {"documents": 4}}, seed=1
    )
    found = compare(one, two, samples=200)
    assert (found.missing_arms, found.new_arms) == (("gone",), ("new",))
    assert [arm.name for arm in found.arms] == ["a"]
    changed = {one.name: (one.before, one.after) for one in found.settings}
    assert changed == {"index.documents": (3, 4), "seed": (0, 1)}
    (setting,) = found.arms[0].settings
    assert (setting.name, setting.before, setting.after) == ("retrieval.k", 5, 8)
    with pytest.raises(UsageError, match="did not run: no chat model"):
        compare(one, two, arms=[("off", "a")])


def test_other_cases_are_compared_where_they_are_the_same(tmp_path: Path) -> None:
    other = [*CASES[:5], case(6, question="Another?"), case(99)]
    one = run(tmp_path / "1", BEFORE)
    two = write_run(tmp_path / "2", other, answers("a", other, [False] * 7))
    found = compare(one, two, samples=200)
    (arm,) = found.arms
    assert arm.counts == {"fixed": 0, "regressed": 5, "still_failing": 0, "still_right": 0}
    assert found.to_json()["cases"] == {
        "same": False,
        "shared": 5,
        "changed": ["q6"],
        "evidence_changed": [],
        "missing": [f"q{n}" for n in range(7, 21)],
        "new": ["q99"],
    }
    assert "Compared: 5 that are in both" in page(found)


def test_a_case_that_one_arm_did_not_answer_is_counted(tmp_path: Path) -> None:
    one = run(tmp_path / "1", BEFORE)
    two = write_run(tmp_path / "2", CASES, answers("a", CASES[:18], AFTER[:18]))
    (arm,) = compare(one, two, samples=200).arms
    assert arm.unanswered == ("q19", "q20")
    assert sum(arm.counts.values()) == 18


def test_a_failed_answer_is_not_right(tmp_path: Path) -> None:
    broken = [said("a", one, "", failure="no connection") for one in CASES]
    one, two = run(tmp_path / "1", [True] * 20), write_run(tmp_path / "2", CASES, broken)
    (arm,) = compare(one, two, samples=200).arms
    assert (arm.counts["regressed"], arm.cases[0].after) == (20, "failed")
    content = next(m for m in arm.measures if m.name == "content_f1")
    assert content.contrast is None
    assert content.to_json()["status"] == "no_case_with_a_value_in_both"


def test_nothing_to_compare_is_refused(tmp_path: Path) -> None:
    one, two = run(tmp_path / "1", BEFORE), run(tmp_path / "2", BEFORE, arm="b")
    with pytest.raises(UsageError, match="have no arm in common"):
        compare(one, two)
    with pytest.raises(UsageError, match="there is no measure 'x'; the measures are correct"):
        compare(one, one, measures=["x"])


HOSTILE = "<img src=x> | ![a](http://x.y/z) [b](c) `d` **e** \x1b[31m\u202e\nnew # line <script>"


def test_hostile_text_does_not_act_in_the_page(tmp_path: Path) -> None:
    cases = [case(1, question=HOSTILE), *CASES[1:]]
    one = write_run(tmp_path / "1", cases, answers("a", cases, BEFORE))
    worse = [said("a", cases[0], HOSTILE), *answers("a", cases, AFTER)[1:]]
    text = page(compare(one, write_run(tmp_path / "2", cases, worse), samples=200))
    from markdown_it import MarkdownIt

    html = MarkdownIt("commonmark").enable("table").render(text)
    assert not any(f"<{tag}" in html for tag in ("img", "script", "a "))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert html.count("<table>") == 1
    assert "&lt;script&gt;" in html.replace("&lt; script", "&lt;script")
