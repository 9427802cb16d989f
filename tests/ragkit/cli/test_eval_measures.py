"""`ragkit eval run` with --voice, --freshness and --robustness."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragkit.cli.main import run
from ragkit.config import Config
from ragkit.pipeline import Pipeline
from ragkit.tune.sample import load_samples
from ragkit_ingest.store.exact import ExactStore
from tests.support.hashing import HashingEmbedder

Command = Callable[..., tuple[int, str, str]]
_THINGS = "urn kettle lid hub base cable tray sensor filter spout boiler handle"
THINGS = _THINGS.split()


@pytest.fixture
def command(tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    cases, samples = [], []
    for n, thing in enumerate(THINGS * 2):
        name, days = f"{thing}{n // 12}.md", 20 + n
        text = f"The warranty of the {thing} of class {'ABCDEF'[n % 6]}{n // 12} is {days} months."
        (tmp_path / "docs" / name).write_text(f"# {thing.title()}\n\n{text}\n", encoding="utf-8")
        cases.append(
            {"id": f"q{n}", "question": text.replace("The warranty", "How long is the warranty")
             .replace(f" is {days} months.", "?"), "answers": [f"{days} months"],
             "answerable": True, "evidence": [{"path": name, "quote": text}]}
        )  # fmt: skip
        samples.append({"prompt": f"p{n}", "reply": f"I'd mind your {thing}, dear! Cheers."})
        samples.append({"reply": f"Sorry, we shan't say. Do ask the {thing} of {n}. Cheers."})
    Path("cases.jsonl").write_text("\n".join(map(json.dumps, cases)))
    Path("voice.jsonl").write_text("\n".join(map(json.dumps, samples)))

    def opened(index: str, **_: object) -> Pipeline:
        return Pipeline(
            index,
            config=Config(min_confidence=0.0),
            embedder=HashingEmbedder(),
            generator="extractive",
            store=ExactStore(),
        )

    with opened(str(tmp_path / "index")) as rag:
        rag.ingest(tmp_path / "docs")

    def called(*arguments: str) -> tuple[int, str, str]:
        code = run(["eval", "run", *arguments, "--index", "index"], opener=opened)
        said = capsys.readouterr()
        return code, said.out, said.err

    return called


def report(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(name, "report.json").read_text(encoding="utf-8"))
    return found


ALL = ("--voice", "voice.jsonl", "--freshness", "2", "--robustness", "3", "--arms", "extractive")


def test_all_three_stand_in_the_report_and_twice_the_same(command: Command) -> None:
    code, out, err = command("cases.jsonl", "--out", "one", *ALL)
    assert (code, err) == (0, "")
    assert "tone: AUC 1.00" in out
    assert "freshness: extractive: of 2 edits 1.000 fresh, 0.000 stale" in out
    assert "robustness: extractive:" in out
    found = report("one")
    assert found["tone"]["status"] == ""
    assert found["tone"]["base"] == ["extractive"]
    (arm,) = found["arms"]
    assert arm["figures"]["tone"]["n"] == 24
    assert arm["freshness"]["edits"] == 2
    assert arm["robustness"]["lower"]["drop"]["n"] == 3
    assert found["freshness"]["edits"] == 2
    assert found["robustness"]["cases"] == 3
    assert 0 <= found["rows"][0]["scores"]["tone"] < 0.5
    assert json.loads(Path("one", "timings.json").read_text())["freshness"]["sync_s"]["n"] == 2
    assert command("cases.jsonl", "--out", "two", *ALL, "--no-cache")[0] == 0
    for name in ("report.json", "rows.csv", "answers.jsonl"):
        assert Path("one", name).read_bytes() == Path("two", name).read_bytes()


def test_recorded_answers_have_a_tone_too(command: Command) -> None:
    assert command("cases.jsonl", "--out", "one", "--arms", "extractive")[0] == 0
    assert report("one")["tone"]["status"] == "no_voice"
    assert report("one")["arms"][0]["figures"]["tone"]["status"] == "no_voice"
    options = ("--answers", "one/answers.jsonl", "--voice", "voice.jsonl")
    code, out, _ = command("cases.jsonl", "--out", "two", *options)
    assert (code, "tone: AUC" in out) == (0, True)
    replies = [one.answer for one in load_samples(Path("voice.jsonl"))]
    Path("alone.jsonl").write_text("\n".join(json.dumps({"answer": one}) for one in replies))
    Path("alone.txt").write_text("\n\n".join(replies))
    tones = []
    for name in ("alone.jsonl", "alone.txt"):
        assert command("cases.jsonl", "--out", name[-3:], *options[:-1], name)[0] == 0
        tones.append(report(name[-3:])["tone"])
    assert tones[0]["samples"] == len(set(replies))
    assert tones[0] == tones[1]
    Path("few.jsonl").write_text('{"reply": "Cheers."}')
    code, out, _ = command("cases.jsonl", "--out", "three", *options[:-1], "few.jsonl")
    assert (code, "tone: too few samples" in out) == (0, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--voice", "nothing.jsonl"], "cannot be read"),
        (["--voice-base", "rag"], "--voice-base needs --voice FILE"),
        (["--voice", "voice.jsonl", "--voice-base", "rag", "--arms", "extractive"],
         "names 'rag', which does not answer; extractive do"),
        (["--answers", "a.jsonl", "--freshness", "1"], "model, repeats, freshness or robustness"),
        (["--answers", "a.jsonl", "--robustness", "1"], "model, repeats, freshness or robustness"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured(command: Command, options: list[str], said: str) -> None:
    code, _, err = command("cases.jsonl", "--out", "out", *options)
    assert code == 2
    assert said in " ".join(err.split())
    assert not Path("out").exists()
