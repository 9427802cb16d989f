"""`ragkit tune`: check, prepare and tone from the command line, to an answer with the adapter."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ragkit.cli.main import run
from ragkit.cli.session import open_pipeline
from tests.ragkit.cli.conftest import Result
from tests.support import tiny_chat_model

ROOT = Path(__file__).parents[3]
VOICE = ROOT / "examples" / "voice.jsonl"


def line(number: int, **more: Any) -> str:
    said = [
        {"role": "user", "content": f"Say {number}."},
        {"role": "assistant", "content": f"It is {number}.", **more},
    ]
    return json.dumps({"messages": said}) + "\n"


def test_a_sound_file_is_said_to_be_sound(ragkit: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text("".join(map(line, range(12))))
    done = ragkit("tune", "check", str(file), "--price", "3")
    assert done.code == 0
    assert "12 examples, sound" in done.out
    assert "at your price $" in done.out


def test_each_problem_is_told_with_its_line(ragkit: Callable[..., Result], tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    file.write_text("".join(map(line, range(12))) + line(13, weight=2))
    done = ragkit("tune", "check", str(file))
    assert done.code == 1
    assert "line 13: message 2 (assistant) has the weight 2; it must be 0 or 1" in done.out
    told = ragkit("tune", "check", str(file), "--json")
    assert told.code == 1
    assert told.json["problems"][0]["code"] == "weight"


def test_tokens_are_counted_with_a_model(ragkit: Callable[..., Result], tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    base = tiny_chat_model.save(tmp_path / "base")
    file = tmp_path / "train.jsonl"
    file.write_text("".join(map(line, range(10))))
    told = ragkit("tune", "check", str(file), "--base", str(base), "--json").json
    assert told["tokens"]["counted"]
    assert told["tokens"]["trained"] == 10 * len("It is 1.")
    assert told["estimate"]["parameters"] > 10_000


def test_a_set_without_an_index(ragkit: Callable[..., Result], tmp_path: Path) -> None:
    out = tmp_path / "set"
    done = ragkit(
        "tune", "prepare", "--voice", str(VOICE), "--out", str(out), "--no-index", "--json"
    )
    assert done.code == 0
    assert done.json["kinds"]["context"] == 0
    assert sorted(file.name for file in out.iterdir()) == [
        "held_out.jsonl",
        "manifest.json",
        "probes.jsonl",
        "train.jsonl",
    ]


def test_personal_data_is_told_by_place_and_kind_and_nothing_is_written(
    ragkit: Callable[..., Result], tmp_path: Path
) -> None:
    voice = tmp_path / "voice.txt"
    voice.write_text("Tea is served.\n\nWrite to ann@example.com, and mind the steam.\n")
    base = ("tune", "prepare", "--voice", str(voice), "--out", str(tmp_path / "s"), "--no-index")
    done = ragkit(*base)
    assert done.code == 1
    assert "answer of sample line-3 (line 3): e-mail" in done.out
    assert "ann@" not in done.out + done.err
    assert not (tmp_path / "s").exists()
    assert ragkit(*base, "--redact", "--allow-personal-data").code == 2
    assert ragkit(*base, "--redact").code == 0


def test_what_is_no_training_set_is_a_sentence(
    ragkit: Callable[..., Result], tmp_path: Path
) -> None:
    common = ("tune", "tone", "--base", str(tmp_path), "--data", str(tmp_path))
    done = ragkit(*common, "--name", "voice")
    assert done.code == 2
    assert "so it is no training set; make one with `ragkit tune prepare`" in done.err
    (tmp_path / "manifest.json").write_text('{"format": "completion"}')
    assert "prepare it with --format chat" in ragkit(*common, "--name", "voice").err
    assert "is no name of an adapter" in ragkit(*common, "--name", "Our Voice").err


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_from_samples_to_an_answer_with_the_adapter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("peft")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    def do(*arguments: str) -> Result:
        code = run(arguments, opener=open_pipeline)
        captured = capsys.readouterr()
        return Result(code=code, out=captured.out, err=captured.err)

    def invoke(*arguments: str) -> Result:
        return do(*arguments, "--index", "my.index")

    cases = tmp_path / "cases.jsonl"
    questions = (ROOT / "examples" / "questions.jsonl").read_text().splitlines()
    cases.write_text("\n".join(questions[::20]) + "\n")
    assert invoke("ingest", str(ROOT / "examples" / "company")).code == 0
    prepared = invoke(
        "tune", "prepare", "--voice", str(VOICE), "--out", "set", "--cases", str(cases),
        "--redact", "--variants", "1", "--passages", "2", "--prompt-tokens", "700",
    )  # fmt: skip
    assert prepared.code == 0, prepared.err
    assert do("tune", "check", "set/train.jsonl").code == 0

    rows = [json.loads(row) for row in Path("set/train.jsonl").read_text().splitlines()]
    texts = [message["content"] for row in rows for message in row["messages"]]
    base = str(tiny_chat_model.save(tmp_path / "base", context=8192, texts=texts))
    tone = (
        "tune", "tone", "--base", base, "--data", "set", "--epochs", "1", "--probes", "10",
        "--answer-tokens", "12", "--rank", "4", "--learning-rate", "0.01", "--device", "cpu",
    )  # fmt: skip
    tried = invoke(*tone, "--name", "voice")
    assert tried.code == 4, tried.err
    assert "voice: not promoted" in tried.out
    for gate in ("context: not held", "abstention: not held", "retention: held", "tone: "):
        assert gate in tried.out
    assert "step" in tried.err
    ask = ("ask", "How long is probation?", "--min-confidence", "0", "--json")
    refused = invoke(*ask, "--generator", f"local:{base}+voice")
    assert refused.code == 1
    assert refused.json["error"]["type"] == "TuneError"
    assert "the adapter voice is not promoted: context 0.000, wanted" in refused.err

    again = invoke(*tone, "--name", "voice")
    assert again.code == 2
    assert "there is an adapter voice in" in again.err
    forced = invoke(*tone, "--name", "voice", "--resume", "--force", "--json")
    assert forced.code == 0, forced.err
    assert (forced.json["promoted"], forced.json["forced"]) == (False, True)
    assert [gate["name"] for gate in forced.json["gates"]["gates"]] == [
        "context",
        "abstention",
        "retention",
        "tone",
    ]
    monkeypatch.setattr("ragkit.config.Config.load", _short_answers)
    answered = invoke(*ask, "--generator", f"local:{base}+voice")
    assert answered.code == 0, answered.err
    assert answered.json["generator"] == "local:base+voice (unpromoted)"
    assert answered.json["usage"]["completion_tokens"] > 0


def _short_answers(path: object = None) -> Any:
    from ragkit.config import Config

    return Config(max_answer_tokens=12)
