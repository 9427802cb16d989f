"""Gates: what is written is what is checked, and what has no value holds no gate."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit_eval.gate import Gate, Verdict, judge, load_gates, parse
from ragkit_eval.run import RunArm
from ragkit_eval.saved import SavedRun
from ragkit_eval.stats.paired import contrast
from ragkit_ingest.errors import ConfigError, UsageError
from tests.support.saved_run import answers, case, said, write_run

CASES = [case(n) for n in range(1, 21)]
A, B = [True] * 15 + [False] * 5, [True] * 8 + [False] * 12


@pytest.fixture
def run(tmp_path: Path) -> SavedRun:
    held = answers("rag", CASES, A) + answers("old-arm", CASES, B) + answers("my arm", CASES, A)
    arms = [RunArm(name=name) for name in ("rag", "old-arm", "my arm")]
    off = RunArm(name="tuned", missing="no tuned model is configured")
    return write_run(tmp_path / "run", CASES, held, arms=[*arms, off])


def check(run: SavedRun, text: str, baseline: SavedRun | None = None) -> Verdict:
    (verdict,) = judge([parse(text)], run, baseline)
    return verdict


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("rag.correct >= 0.75", True),
        ("rag.correct > 0.75", False),
        ("rag.correct <= .75", True),
        ("rag.correct < 0.75", False),
        ("rag.correct == 0.75", True),
        ("rag.correct==0.76", False),
        ("rag.correct >= 0.7500001", True),  # compared as a report gives it, to six digits
        ("rag.crag >= -1", True),
        ('"my arm".correct >= 0.7', True),
        ("old-arm.hit@5 == 1.", True),
        ("rag.correct.n == 20", True),
        ("rag.content_f1.coverage == 1", True),
        ("rag.correct - old-arm.correct >= 0.35", True),
        ("rag.correct - old-arm.correct > 0.35", False),
        ("  ( rag.correct - old-arm.correct ).n == 20  ", True),
        ("old-arm.correct - rag.correct < 0", True),
    ],
)
def test_what_holds(run: SavedRun, text: str, holds: bool) -> None:
    found = check(run, text)
    assert found.holds is holds
    assert found.value is not None


def test_the_ends_of_intervals(run: SavedRun) -> None:
    low, high = run.arms["rag"]["figures"]["correct"]["ci95"]
    assert check(run, "rag.correct.low > 0").value == low
    assert check(run, "rag.correct.high > 0").value == high
    ends = contrast(
        [float(x) for x in A], [float(x) for x in B], [f"doc{n}.md" for n in range(1, 21)]
    ).ci95
    assert ends is not None
    assert check(run, "(rag.correct - old-arm.correct).low > 0").value == round(ends[0], 6)
    assert check(run, "(rag.correct - old-arm.correct).high > 0").value == round(ends[1], 6)


def test_a_status_holds_no_gate(run: SavedRun, tmp_path: Path) -> None:
    for text, reason in (
        ("rag.ece <= 1", "no confidence"),
        ("rag.cost <= 1000", "no price configured"),
        ("tuned.correct >= 0", "did not run: no tuned model is configured"),
        ("rag.correct - tuned.correct >= -1", "did not run"),
        ("rag.aurc - old-arm.aurc <= 1", "no confidence"),
        ("(rag.abstention_f1 - old-arm.abstention_f1).low <= 1", "has no .low"),
        ("rag.abstention_f1.low <= 1", "has no value"),
    ):
        found = check(run, text)
        assert (found.holds, found.value) == (False, None)
        assert reason in found.reason
    few = write_run(tmp_path / "few", CASES[:4], answers("rag", CASES[:4], [True] * 4))
    found = check(few, "rag.correct.low >= 0")
    assert not found.holds
    assert "has no interval" in found.reason


def test_failed_answers_have_no_value_and_show_in_n(tmp_path: Path) -> None:
    broken = [said("rag", one, "", failure="gone") for one in CASES[:5]]
    run = write_run(tmp_path, CASES, broken + answers("rag", CASES[5:], [True] * 15))
    assert check(run, "rag.content_f1.coverage >= 0.9").value == 0.75
    assert check(run, "rag.correct >= 0.75").value == 0.75
    assert check(run, "rag.content_f1 >= 0.5").n == 15


def test_beside_a_baseline(run: SavedRun, tmp_path: Path) -> None:
    base = write_run(tmp_path / "base", CASES, answers("rag", CASES, [True] * 16 + [False] * 4))
    assert not check(run, "rag.correct >= baseline", base).holds
    assert not check(run, "rag.correct >= baseline - 0.04", base).holds
    found = check(run, "rag.correct >= baseline - 0.05", base)
    assert (found.holds, found.value, found.bound) == (True, 0.75, 0.75)
    assert check(run, "rag.correct <= baseline+.1", base).holds
    assert check(run, "rag.correct - baseline == -0.05", base).holds
    ends = contrast(
        [float(x) for x in A], [1.0] * 16 + [0.0] * 4, [f"doc{n}.md" for n in range(1, 21)]
    ).ci95
    assert ends is not None
    assert check(run, "(rag.correct - baseline).low >= -1", base).value == round(ends[0], 6)
    absent = check(run, "old-arm.correct >= baseline", base)
    assert not absent.holds
    assert "the baseline has no value" in absent.reason
    assert check(run, "rag.correct.low >= baseline - 1", base).bound == -0.2


def test_a_baseline_of_other_cases_is_compared_over_those_in_both(
    run: SavedRun, tmp_path: Path
) -> None:
    other = [*CASES[:10], case(11, question="Another?"), case(99)]
    base = write_run(tmp_path / "base", other, answers("rag", other, [True] * 9 + [False] * 3))
    found = check(run, "rag.correct >= baseline", base)  # 10 of 10 and 9 of 10
    assert (found.holds, found.value, found.bound, found.n) == (True, 1.0, 0.9, 10)
    assert check(run, "rag.correct - baseline == 0.1", base).n == 10
    assert check(run, "rag.correct.coverage >= baseline", base).value == 1.0
    assert check(run, "rag.correct.low >= baseline - 1", base).value == 1.0
    whole = check(run, "rag.abstention_recall >= baseline", base)
    assert not whole.holds
    assert "of other cases" in whole.reason
    assert check(run, "rag.correct >= 0.75", base).value == 0.75  # needs no baseline: all cases


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("reg.correct >= 0", "no arm 'reg'; its arms are rag, old-arm, my arm, tuned"),
        ("rag.corect >= 0", "no measure 'corect'; the measures are correct"),
        ("rag.correct - reg.correct >= 0", "no arm 'reg'"),
        ("rag.correct >= baseline", "needs another run"),
        ("rag.correct - baseline >= 0", "needs another run"),
    ],
)
def test_what_is_unknown_is_refused(run: SavedRun, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check(run, text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "rag", "rag.correct", "rag.correct >= ", "rag.correct => 1", "rag.correct >= x"),
        *("rag.correct >= nan", "rag.correct >= inf", "rag.correct >= 1e3", "correct >= 1"),
        *("(rag.correct >= 0", "rag.correct) >= 0", "rag.correct >= 0.7 and rag.crag >= 0"),
        *("baseline >= 0.5", "baseline - rag.correct >= 0", "rag.correct >= 0.7; rm"),
        *("rag.correct.low - old.correct >= 0", "rag.correct - old.correct.low >= 0"),
        *("(rag.correct.low).high >= 0", ".correct >= 0", '"rag.correct >= 0', "rag. >= 0"),
        "rag.correct >= 0.7\x00",
    ],
)
def test_what_is_no_gate_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse(text)


@given(st.text(max_size=60))
def test_any_text_is_a_gate_or_refused(text: str) -> None:
    with suppress(UsageError):
        assert isinstance(parse(text), Gate)


def test_arms_may_hold_dots_and_measures_are_the_last_part(tmp_path: Path) -> None:
    run = write_run(tmp_path, CASES, answers("gpt-4.1", CASES, A))
    assert check(run, "gpt-4.1.correct.low > 0.1").holds
    assert parse("gpt-4.1.correct.low > 0.1").first.arm == "gpt-4.1"


def test_gates_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "gates.toml"
    file.write_text('baseline = "base"\n[gates]\nfacts = "rag.correct >= 0.7"\n')
    gates, baseline = load_gates(file)
    assert [(gate.name, gate.text) for gate in gates] == [("facts", "rag.correct >= 0.7")]
    assert baseline == tmp_path / "base"
    file.write_text('gates = ["rag.correct  >= 0.7", "rag.crag > 0"]')
    gates, baseline = load_gates(file)
    assert [gate.name for gate in gates] == ["rag.correct >= 0.7", "rag.crag > 0"]
    assert baseline is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gates = [", "not valid TOML"),
        ("gate = []", "sets 'gate', which is not known"),
        ("gates = []", "holds no gates"),
        ("", "holds no gates"),
        ("gates = [3]", "the gate 3; it must be a text"),
        ('gates = ["a"]', "is no gate"),
        ('gates = ["a.b > 1"]\nbaseline = 3', "sets baseline to 3"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "gates.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=said):
        load_gates(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_gates(tmp_path / "none.toml")
