"""`ragkit eval questions`, `run` and `import`, from the command line, on a real small index."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ragkit.cli.main import run
from ragkit.config import Config
from ragkit.pipeline import Pipeline
from ragkit_eval.cases import load_cases
from ragkit_ingest.store.exact import ExactStore
from tests.support.fake_chat_model import FakeChatModel
from tests.support.hashing import HashingEmbedder

LEAVE = """# Leave policy

The annual leave of every employee is 25 days. Employees may carry over up to five days of annual
leave into the next year.

## Sickness

An illness must be reported within 24 hours to the head of department. The first-aid room of the
Boiler Hall was opened on 3 May 2021.
"""
KETTLES = """# Kettles

| Model | Capacity | Price |
|---|---|---|
| QK-200 | 1.7 litres | €89 |
| QK-350 | 2.5 litres | €129 |

A boil-over is a test that ran longer than its limit.

## Can the tones be switched off?

In Cosy, choose Rooms, then Sound, and set the volume to zero.
"""
URNS = """# Urns

| Model | Weight | Price |
|---|---|---|
| Urn-12 | 8 kg | €300 |

The warranty of an Urn-12 is 36 months. The urns are tested twice a year at each site.
"""


@dataclass
class Bench:
    """Runs commands on the index of three documents."""

    folder: Path
    capsys: Any
    monkeypatch: Any
    model: FakeChatModel | None = None
    config: Config = field(default_factory=lambda: Config(min_confidence=0.0))

    def open(self, index: str, **_: object) -> Pipeline:
        generator: Any = self.model or "extractive"
        return Pipeline(
            index,
            config=self.config,
            embedder=HashingEmbedder(),
            generator=generator,
            store=ExactStore(),
        )

    def __call__(self, *arguments: str, typed: str = "") -> tuple[int, str, str]:
        import io
        import sys

        self.monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        code = run(["eval", *arguments, "--index", str(self.folder / "index")], opener=self.open)
        said = self.capsys.readouterr()
        return code, said.out, said.err

    def report(self, name: str = "out") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / name / "report.json").read_text())
        return found


@pytest.fixture
def bench(tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.chdir(tmp_path)
    for name, text in (("leave.md", LEAVE), ("kettles.md", KETTLES), ("urns.md", URNS)):
        (tmp_path / "docs").mkdir(exist_ok=True)
        (tmp_path / "docs" / name).write_text(text, encoding="utf-8")
    made = Bench(folder=tmp_path, capsys=capsys, monkeypatch=monkeypatch)
    with made.open(str(tmp_path / "index")) as rag:
        rag.ingest(tmp_path / "docs")
    return made


@pytest.fixture
def cases(tmp_path: Path) -> str:
    lines: list[dict[str, object]] = [
        {"id": "q1", "question": "How many days is the annual leave?", "answers": ["25 days"],
         "answerable": True, "kind": "number",
         "evidence": [{"path": "leave.md", "quote": "annual leave of every employee is 25 days."}]},
        {"id": "q2", "question": "How long is the warranty of an Urn-12?", "answers": ["36 months"],
         "answerable": True, "kind": "number",
         "evidence": [{"path": "urns.md", "quote": "The warranty of an Urn-12 is 36 months."}]},
        {"id": "q3", "question": "Who painted the Watch?", "answers": [], "answerable": False},
    ]  # fmt: skip
    file = tmp_path / "cases.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return str(file)


def test_a_run_without_a_model(bench: Bench, cases: str) -> None:
    code, out, err = bench("run", cases, "--out", "out")
    assert (code, err) == (0, "")
    assert "not run: rag: no chat model is configured" in " ".join(out.split())
    report = bench.report()
    assert report["schema"] == "ragkit-eval-report/1"
    assert report["cases"]["count"] == 3
    arms = {arm["name"]: arm for arm in report["arms"]}
    assert arms["rag"]["status"] == "not_run"
    assert arms["extractive"]["answers"] == 3
    assert arms["oracle"]["answers"] == 2  # nothing is gold for a question without an answer
    assert arms["oracle"]["figures"]["hit@5"]["value"] == 1.0
    assert arms["oracle"]["figures"]["span_recall@5"]["value"] == 1.0
    assert {d["first"] for d in report["differences"]} == {"oracle"}
    with (bench.folder / "out" / "rows.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["arm"], row["id"]) for row in rows] == [
        ("extractive", "q1"), ("oracle", "q1"), ("extractive", "q2"), ("oracle", "q2"),
        ("extractive", "q3"),
    ]  # fmt: skip
    assert rows[-1]["content_f1"] == "unanswerable"


def test_two_runs_are_the_same_bytes_and_the_second_asks_nothing(bench: Bench, cases: str) -> None:
    assert bench("run", cases, "--out", "one")[0] == 0
    assert bench("run", cases, "--out", "two", "--no-cache")[0] == 0
    code, out, _ = bench("run", cases, "--out", "three", "--json")
    assert code == 0
    assert json.loads(out)["timings"]["from_cache"] == 5
    for name in ("report.json", "report.md", "rows.csv", "answers.jsonl", "cases.jsonl"):
        first = (bench.folder / "one" / name).read_bytes()
        assert first == (bench.folder / "two" / name).read_bytes()
        assert first == (bench.folder / "three" / name).read_bytes()
    pages = [
        re.sub(
            '<section id="cost".*?</section>', "", (bench.folder / run / "report.html").read_text()
        )
        for run in ("one", "two", "three")
    ]
    assert "right answers" in pages[0]
    assert len(set(pages)) == 1


def test_arms_of_a_chat_model_share_passages_and_are_paid_once(bench: Bench, cases: str) -> None:
    model = FakeChatModel("The annual leave of every employee is 25 days. [1]")
    bench.model, bench.config = model, Config(min_confidence=0.0, persona="Brief.")
    code, _, err = bench("run", cases, "--out", "out", "--repeats", "1")
    assert (code, err) == (0, "")
    # 4 arms ask 3 cases and the oracle 2, each twice
    assert len(model.asked) == 2 * (4 * 3 + 2)
    answers = [json.loads(line) for line in _text(bench).splitlines()]
    shown = {
        (a["arm"], a["id"]): [(p["path"], p["start"]) for p in a["passages"] or ()] for a in answers
    }
    for id_ in ("q1", "q2", "q3"):
        assert shown["rag", id_] == shown["rag_persona", id_] == shown["extractive", id_]
        assert not shown["no_retrieval", id_]
    figures = {arm["name"]: arm.get("figures") for arm in bench.report()["arms"]}
    assert figures["rag"]["determinism"]["value"] == 1.0
    assert figures["rag"]["prompt_tokens"]["value"] > 0
    assert figures["no_retrieval"]["groundedness"]["status"] == "no_passages"
    prompts = ["\n".join(m.content for m in messages) for messages in model.asked]
    assert sum("Voice:" in prompt for prompt in prompts) == 2 * 2 * 3
    asked = len(model.asked)
    assert bench("run", cases, "--out", "again", "--repeats", "1")[0] == 0
    assert len(model.asked) == asked
    assert bench("run", cases, "--out", "again", "--arms", "rag", "--seed", "7")[0] == 0
    assert len(model.asked) == asked + 3


def test_an_interrupted_run_goes_on_where_it_was(bench: Bench, cases: str) -> None:
    def stops(messages: Any) -> str:
        if "Urn-12" in messages[-1].content.rpartition("Question")[2]:
            raise KeyboardInterrupt
        return "25 days [1]"

    bench.model = FakeChatModel(stops)
    assert bench("run", cases, "--out", "out", "--arms", "rag")[0] == 130
    bench.model = FakeChatModel("25 days [1]")
    assert bench("run", cases, "--out", "out", "--arms", "rag")[0] == 0
    assert len(bench.model.asked) == 2


def test_an_edited_document_is_asked_again(bench: Bench, cases: str) -> None:
    assert bench("run", cases, "--out", "out", "--arms", "extractive")[0] == 0
    (bench.folder / "docs" / "leave.md").write_text(LEAVE.replace("25 days", "27 days"))
    with bench.open(str(bench.folder / "index")) as rag:
        rag.ingest(bench.folder / "docs")
    assert bench("run", cases, "--out", "out", "--arms", "extractive")[0] == 0
    text = _text(bench)
    assert "27 days" in text
    assert "25 days" not in text


def test_arms_of_ones_own(bench: Bench, cases: str) -> None:
    file = bench.folder / "arms.toml"
    file.write_text('[arms.few]\ngenerator = "extractive"\nk = 1\nmode = "lexical"\n')
    code, _, _ = bench(
        "run", cases, "--out", "out", "--arms-file", "arms.toml", "--arms", "few,extractive"
    )
    assert code == 0
    report = bench.report()
    few = next(arm for arm in report["arms"] if arm["name"] == "few")
    assert (few["own"], few["settings"]["retrieval"]["k"]) == (True, 1)
    assert {(d["first"], d["second"]) for d in report["differences"]} == {("few", "extractive")}
    file.write_text("[arms.few]\nk = 1000\n")
    code, _, err = bench("run", cases, "--out", "out", "--arms-file", "arms.toml")
    assert code == 2
    assert "the arm few: k must be between 1 and 100" in err


def test_recorded_answers_are_scored_again_alike(bench: Bench, cases: str) -> None:
    assert bench("run", cases, "--out", "out")[0] == 0
    recorded = str(bench.folder / "out" / "answers.jsonl")
    assert bench("run", cases, "--out", "again", "--answers", recorded)[0] == 0
    first, again = bench.report(), bench.report("again")
    ran = [arm for arm in first["arms"] if arm["status"] == "run"]
    for arm, scored in zip(ran, again["arms"], strict=True):
        assert arm["outcomes"] == scored["outcomes"]
        assert arm["figures"]["content_f1"] == scored["figures"]["content_f1"]
    code, _, err = bench("run", cases, "--out", "x", "--answers", recorded, "--arms", "nobody")
    assert (code, "records no arm 'nobody'" in err) == (2, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--arms", "rag"], "the arm rag cannot run: no chat model"),
        (["--arms", "ragg"], "there is no arm 'ragg'"),
        (["--entailment", "guess"], "none of words, verbatim"),
        (["--answers", "x", "--repeats", "1"], "takes no arms file"),
        (["--answers", "nothing.jsonl"], "cannot be read"),
        (["--tuned", "gpt"], "there is no generator 'gpt'"),
    ],
)
def test_what_cannot_be_asked(bench: Bench, cases: str, options: list[str], said: str) -> None:
    code, _, err = bench("run", cases, "--out", "out", *options)
    assert code == 2
    assert said in " ".join(err.split())
    assert not (bench.folder / "out").exists()


def test_a_model_that_fails_is_a_row_and_an_exit_code(bench: Bench, cases: str) -> None:
    from ragkit_ingest.errors import GeneratorError

    def fails(_: Any) -> str:
        raise GeneratorError("the server is gone")

    bench.model = FakeChatModel(fails)
    code, _, err = bench("run", cases, "--out", "out", "--arms", "rag,extractive")
    assert code == 1
    assert "The arm rag failed on q1: the server is gone" in err
    arms = {arm["name"]: arm for arm in bench.report()["arms"]}
    assert arms["rag"]["outcomes"]["failed"] == 3
    assert arms["rag"]["figures"]["content_f1"]["status"] == "failed"
    assert arms["extractive"]["outcomes"]["failed"] == 0


def test_questions_are_drafted_with_their_evidence_and_alike_for_a_seed(bench: Bench) -> None:
    code, out, _ = bench("questions", "-n", "12", "--out", "a.jsonl")
    assert code == 0
    assert "reviewed" in out
    drafted = load_cases(Path("a.jsonl"))
    assert len(drafted) > 6
    assert {case.answerable for case in drafted} == {True, False}
    with bench.open(str(bench.folder / "index")) as rag:
        for case in drafted:
            assert case.answerable == bool(case.evidence)
            assert case.quality is not None
            assert not case.reviewed
            for evidence in case.evidence:
                assert evidence.start is not None
                assert evidence.end is not None
                stored = rag.show(evidence.path, span=(evidence.start, evidence.end))
                assert stored.text == evidence.quote
    assert bench("questions", "-n", "12", "--out", "b.jsonl")[0] == 0
    assert Path("a.jsonl").read_bytes() == Path("b.jsonl").read_bytes()
    code, _, err = bench("questions", "--out", "a.jsonl")
    assert (code, "is there already" in err) == (2, True)


def test_review_is_kept_and_resumed(bench: Bench) -> None:
    code, out, _ = bench("questions", "-n", "8", "--out", "a.jsonl", "--review", typed="a\nr\nq\n")
    assert code == 0
    assert "1 accepted, 1 rejected" in out
    left = load_cases(Path("a.jsonl"))
    assert sum(case.reviewed for case in left) == 1
    code, out, _ = bench("questions", "--out", "a.jsonl", "--review", typed="a\n")
    assert "1 accepted, 0 rejected" in out
    again = load_cases(Path("a.jsonl"))
    assert len(again) == len(left)
    assert sum(case.reviewed for case in again) == 2


def test_a_sheet(bench: Bench) -> None:
    assert bench("questions", "-n", "8", "--out", "a.jsonl", "--csv", "s.csv")[0] == 0
    text = Path("s.csv").read_text(encoding="utf-8-sig")
    Path("s.csv").write_text(text.replace("\n,", "\naccept,"), encoding="utf-8")
    code, out, _ = bench("questions", "--out", "a.jsonl", "--csv", "s.csv", "--json")
    found = json.loads(out)
    assert (code, found["reviewed"]) == (0, found["cases"])


def test_a_model_drafts_only_what_it_quotes(bench: Bench) -> None:
    good = {"question": "How long is the warranty of the Urn-12?", "answer": "36 months",
            "quote": "The warranty of an Urn-12 is 36 months."}  # fmt: skip
    lines = [good, good | {"quote": "Nobody wrote this."}, good | {"answer": "40 months"}, [1]]
    bench.model = FakeChatModel("\n".join([*map(json.dumps, lines), "chatter"]))
    assert bench("questions", "-n", "6", "--out", "a.jsonl", "--unanswerable", "0")[0] == 0
    own = [case for case in load_cases(Path("a.jsonl")) if case.kind == "model"]
    assert [(case.answers, case.evidence[0].quote) for case in own] == [
        (("36 months",), "The warranty of an Urn-12 is 36 months.")
    ]


def test_import(bench: Bench) -> None:
    line = {"user_input": "How much?", "reference": "1.7 litres", "reference_contexts": ["A text."]}
    Path("set.jsonl").write_text(json.dumps(line))
    code = run(
        ["eval", "import", "ragas", "set.jsonl", "--out", "c.jsonl", "--corpus", "corpus"],
        opener=bench.open,
    )
    assert (code, len(load_cases(Path("c.jsonl")))) == (0, 1)
    assert [path.read_text() for path in Path("corpus").iterdir()] == ["A text."]
    assert run(["eval", "import", "ragas", "no", "--out", "c.jsonl"], opener=bench.open) == 2


def _text(bench: Bench) -> str:
    return (bench.folder / "out" / "answers.jsonl").read_text(encoding="utf-8")
