"""`ragkit eval compare`, `gate`, `judge` and `validate-metrics`, from the command line."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree  # type: ignore[import-untyped]

from ragkit.cli.main import run
from tests.support import chat_server
from tests.support.chat_server import ChatServer, completion
from tests.support.endpoint_server import Answer, error
from tests.support.saved_run import answers, case, said, write_run

CASES = [case(n) for n in range(1, 41)]
BEFORE, AFTER = [True] * 20 + [False] * 20, [True] * 19 + [False] + [True] * 12 + [False] * 8


class Bench:
    """Runs `ragkit eval` on two runs of 40 cases."""

    def __init__(self, capsys: Any) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        code = run(["eval", *arguments])
        told = self._capsys.readouterr()
        return code, told.out, told.err


@pytest.fixture
def bench(tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAGKIT_DATA", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    held = answers("rag", CASES, BEFORE) + answers("plain", CASES, [True] * 5 + [False] * 35)
    write_run(tmp_path / "one", CASES, held)
    write_run(tmp_path / "two", CASES, answers("rag", CASES, AFTER))
    return Bench(capsys)


def words(text: str) -> str:
    return " ".join(text.split())


# -- compare -----------------------------------------------------------------------------------


def test_compare_shows_what_changed(bench: Bench) -> None:
    code, out, err = bench("compare", "one", "two", "--out", "page.md")
    assert (code, err) == (0, "")
    assert "40 cases, the same in both runs" in out
    assert "12 fixed, 1 regressed, 8 still failing, 19 still right" in words(out)
    assert "regressed q20: How heavy is thing 20?" in words(out)
    assert "correct: It is 20 kg." in words(out)
    assert "arms only before: plain" in words(out)
    page = Path("page.md").read_text(encoding="utf-8")
    assert "### Regressed (1)" in page
    code, out, _ = bench("compare", "one", "two", "--json")
    report = json.loads(out)
    assert report["schema"] == "ragkit-eval-comparison/1"
    assert report["arms"][0]["counts"]["fixed"] == 12
    assert bench("compare", "one", "two", "--json")[1] == out


def test_compare_two_arms_of_a_run(bench: Bench) -> None:
    code, out, _ = bench("compare", "one", "--arms", "plain:rag", "--measures", "correct", "--json")
    (arm,) = json.loads(out)["arms"]
    assert (code, arm["before"], arm["after"], list(arm["measures"])) == (
        *(0, "plain", "rag"),
        ["correct"],
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["one"], "give a second run"),
        (["one", "none"], "there is no report at none"),
        (["one", "two", "--arms", "rag:x"], "no arm 'x'"),
        (["one", "two", "--measures", "x"], "there is no measure 'x'"),
    ],
)
def test_compare_refuses(bench: Bench, arguments: list[str], told: str) -> None:
    code, out, err = bench("compare", *arguments)
    assert (code, out) == (2, "")
    assert told in err


# -- gate --------------------------------------------------------------------------------------


def test_gates_that_hold(bench: Bench) -> None:
    code, out, err = bench(
        "gate", "two", "rag.correct >= 0.7", "rag.correct >= baseline", "--baseline", "one"
    )
    assert (code, err) == (0, "")
    assert "every gate holds" in out


def test_a_gate_that_does_not_hold_is_exit_code_4(bench: Bench) -> None:
    gates = ["rag.correct >= 0.9", "rag.correct > 0", "rag.cost <= 1"]
    code, out, _ = bench("gate", "two", *gates, "--junit", "junit.xml")
    assert code == 4
    assert "2 of 3 gates do not hold" in out
    assert "FAILS rag.correct >= 0.9 it is 0.775 (40 cases)" in words(out)
    root = etree.parse("junit.xml").getroot()
    assert [root.get("tests"), root.get("failures")] == ["3", "2"]
    assert [test.get("name") for test in root.iter("testcase")] == gates
    assert "no price configured" in root.findall(".//failure")[1].get("message")
    code, out, _ = bench("gate", "two", *gates, "--json")
    found = json.loads(out)
    assert (code, found["holds"], [one["holds"] for one in found["gates"]]) == (
        *(4, False),
        [False, True, False],
    )


def test_gates_from_a_file_with_its_own_baseline(bench: Bench) -> None:
    Path("ci").mkdir()
    Path("ci/gates.toml").write_text(
        'baseline = "../one"\n[gates]\nfacts = "rag.correct >= baseline - 0.02"\n'
    )
    code, out, _ = bench("gate", "two", "--gates", "ci/gates.toml")
    assert code == 0
    assert "facts: rag.correct >= baseline - 0.02" in words(out)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["two"], "there is no gate to judge"),
        (["two", "rag.correct"], "is no gate"),
        (["two", "plain.correct > 0"], "no arm 'plain'; its arms are rag"),
        (["two", "rag.x > 0"], "no measure 'x'; the measures are correct"),
        (["two", "rag.correct >= baseline"], "give --baseline DIR"),
        (["none", "rag.correct > 0"], "there is no report"),
    ],
)
def test_gate_refuses(bench: Bench, arguments: list[str], told: str) -> None:
    code, _, err = bench("gate", *arguments)
    assert code == 2
    assert told in err


# -- judge -------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server.serving() as server:
        yield server


def fair(server: ChatServer, request: dict[str, Any]) -> Answer:
    """Say which answer holds the accepted one."""
    prompt = request["messages"][-1]["content"]
    accepted = prompt.split("ACCEPTED ANSWER ")[1].splitlines()[1]
    a, b = (accepted in prompt.split(f"ANSWER {which} ")[1].splitlines()[1] for which in "AB")
    better = "tie" if a == b else "A" if a else "B"
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    return completion(json.dumps({"better": better}), "stop", usage)


def judging(server: ChatServer, *more: str) -> list[str]:
    return [
        *("judge", "one", "--pairs", "rag:plain"),
        *("--judge", "openai:m", "--judge-url", server.url, *more),
    ]


def test_a_judge_compares_two_arms(bench: Bench, server: ChatServer) -> None:
    server.always = fair
    code, out, err = bench(*judging(server))
    assert (code, err) == (0, "")
    assert words(out).startswith("NOT CALIBRATED")
    assert "15 won, 25 tied, 0 lost, of 40 cases" in words(out)
    judges = json.loads(Path("one/judges.json").read_text())
    assert (judges["calibrated"], len(judges["verdicts"]["rag:plain"])) == (False, 40)
    assert judges["bill"]["calls"] == len(server.requests) == 30
    report = json.loads(Path("one/report.json").read_text())
    assert report["judges"]["calibrated"] is False
    assert "NOT CALIBRATED" in report["judges"]["banners"][0]
    assert report["judges"]["pairs"][0]["win_rate"] == 27.5 / 40
    code, out, _ = bench(*judging(server, "--json"))
    assert json.loads(out)["bill"] | {"cost": 0} == {
        "calls": 0,
        "cached": 30,
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "estimated": False,
        "cost": 0,
    }
    assert len(server.requests) == 30
    assert bench("gate", "one", "rag.correct > 0")[0] == 0  # the report is still one


def test_a_dry_run_asks_nothing_and_tells_the_cost(bench: Bench, server: ChatServer) -> None:
    more = ["--dry-run", "--price-in", "2", "--price-out", "10"]
    code, out, _ = bench(*judging(server, *more))
    assert code == 0
    assert "openai:m would be asked 30 times" in words(out)
    assert "Nothing was asked." in out
    assert server.requests == []
    bill = json.loads(bench(*judging(server, *more, "--json"))[1])["bill"]
    assert bill["cost"] == pytest.approx(
        (bill["prompt_tokens"] * 2 + bill["completion_tokens"] * 10) / 1e6, abs=1e-6
    )
    assert not Path("one/judges.json").exists()
    assert not Path("one/judge-cache").exists()


def test_a_judge_is_calibrated_by_labels(bench: Bench, server: ChatServer) -> None:
    server.always = fair
    good = {"rag": BEFORE, "plain": [True] * 5 + [False] * 35}
    rows = [
        {"id": one.id, "arm": arm, "label": int(right)}
        for arm, held in good.items()
        for one, right in zip(CASES, held, strict=True)
    ]
    Path("labels.jsonl").write_text("\n".join(map(json.dumps, rows)))
    code, out, _ = bench(*judging(server, "--labels", "labels.jsonl"))
    assert code == 0
    assert "NOT CALIBRATED" not in out
    assert "agrees with 40 labels of people in 100%, kappa 1.00" in words(out)
    assert json.loads(Path("one/report.json").read_text())["judges"]["calibrated"] is True
    Path("labels.jsonl").write_text("\n".join(map(json.dumps, rows[:29] + rows[40:69])))
    out = bench(*judging(server, "--labels", "labels.jsonl"))[1]
    assert "NOT CALIBRATED" in out
    assert "29 of the 30 labels" in words(out)


def test_a_judge_that_fails_ends_with_exit_code_1(bench: Bench, server: ChatServer) -> None:
    server.always = error(401, "no key")
    code, out, err = bench(*judging(server))
    assert code == 1
    assert "no verdict on any of 40 cases" not in out  # 25 say the same, and are ties
    assert "judge failed 15" in words(out)
    assert "could not be asked" in err


def test_hostile_answers_do_not_reach_the_terminal(bench: Bench, server: ChatServer) -> None:
    server.always = lambda *_: completion("\x1b[31m no verdict \u202e", "stop")
    held = [said("a", CASES[0], "\x1b[31mred"), said("b", CASES[0], "7")]
    write_run(Path("three"), CASES[:1], held)
    code, out, _ = bench(
        *("judge", "three", "--pairs", "a:b", "--judge", "openai:m", "--judge-url", server.url)
    )
    assert code == 0
    assert "malformed 1" in out
    assert "\x1b[31m" not in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["one"], "say what to judge"),
        (["one", "--metrics", "x"], "there is no measure 'x'; those of ragas are exact_match"),
        (["one", "--metrics", "faithfulness"], "this needs a model that judges; give --judge"),
        (["one", "--pairs", "rag:plain"], "this needs a model that judges; give --judge"),
        (["one", "--pairs", "rag:rag", "--judge", "openai:m"], "names no two arms"),
        (["one", "--pairs", "rag", "--judge", "openai:m"], "names no two arms"),
        (["one", "--pairs", "rag:plain", "--judge", "openai:m"], "give --judge-url"),
        (["one", "--pairs", "rag:plain", "--judge", "extractive"], "cannot judge"),
        (["one", "--pairs", "rag:plain", "--judge", "magic"], "there is no generator 'magic'"),
        (["one", "--arms", "x", "--pairs", "rag:plain"], "no arm 'x'"),
        (["one", "--pairs", "rag:plain", "--labels", "none"], "the labels none cannot be read"),
    ],
)
def test_judge_refuses(bench: Bench, arguments: list[str], told: str) -> None:
    code, _, err = bench("judge", *arguments)
    assert code == 2
    assert told in err


def test_judging_needs_what_was_said(bench: Bench) -> None:
    Path("one/answers.jsonl").unlink()
    code, _, err = bench("judge", "one", "--metrics", "exact_match")
    assert (code, "answers.jsonl is not there" in err) == (2, True)


@pytest.mark.skipif(importlib.util.find_spec("ragas") is None, reason="ragas is not installed")
@pytest.mark.filterwarnings("ignore")
def test_measures_of_ragas(bench: Bench, server: ChatServer) -> None:
    code, out, err = bench("judge", "one", "--metrics", "string_present,rouge_score", "--json")
    found = json.loads(out)
    assert (code, err, found["judge"], found["calibrated"]) == (0, "", None, None)
    assert found["banners"] == []
    assert found["ragas"]["rag"]["string_present"]["value"] == 0.5
    server.always = lambda *_: completion('{"statements": []}', "stop")
    more = ["--judge", "openai:m", "--judge-url", server.url]
    code, out, _ = bench("judge", "one", "--metrics", "faithfulness", "--arms", "rag", *more)
    assert code == 0
    assert "NOT CALIBRATED" in out
    assert "not a number" in words(out)
    judges = json.loads(Path("one/judges.json").read_text())
    assert judges["ragas"]["rag"]["faithfulness"]["statuses"] == {"not_a_number": 40}
    assert {row["arm"] for row in judges["rows"]} == {"rag"}


@pytest.mark.skipif(importlib.util.find_spec("ragas") is not None, reason="ragas is installed")
def test_without_ragas_the_install_line_is_said(bench: Bench) -> None:
    code, _, err = bench("judge", "one", "--metrics", "exact_match")
    assert code == 2
    assert "pip install 'ragkit[eval]'" in err


# -- validate-metrics --------------------------------------------------------------------------


def test_validating_metrics(bench: Bench) -> None:
    good, bad = "The notice period is three months.", "It depends."
    entries = [
        {
            "instance_id": n,
            "query": "How long is it?",
            "gt_answer": good,
            "model1": {"response": bad if n % 2 else good},
            "model2": {"response": good if n % 2 else bad},
            **dict.fromkeys(
                ("correctness_label", "completeness_label", "overall_label"), 2 if n % 2 else -1
            ),
        }
        for n in range(12)
        for _ in range(2)
    ]
    Path("labels.json").write_text(json.dumps(entries))
    code, out, err = bench("validate-metrics", "labels.json", "--lexical")
    assert (code, err) == (0, "")
    assert "12 pairs of answers, 24 labels" in words(out)
    assert "content_f1" in out
    code, out, _ = bench("validate-metrics", "labels.json", "--lexical", "--json", "--half", "odd")
    found = json.loads(out)
    assert (code, found["half"], found["pairs"]) == (0, "odd", 6)
    assert found["measures"]["content_f1"]["overall"]["status"] == "does_not_vary"


def test_where_the_labels_are_is_said(bench: Bench) -> None:
    code, _, err = bench("validate-metrics")
    assert code == 2
    assert "https://raw.githubusercontent.com/amazon-science/RAGChecker" in err
