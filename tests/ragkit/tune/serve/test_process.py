"""The process that checks and trains: what it answers, and what becomes of one that dies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ragkit.tune.serve.child import Steps, complaint
from ragkit.tune.serve.process import ChildProcess
from ragkit.tune.training_watch import TrainingEvent
from tests.support.tune_server import adapter, examples


def order(tmp_path: Path, content: bytes, verb: str = "check") -> dict[str, Any]:
    file = tmp_path / "train.jsonl"
    file.write_bytes(content)
    return {"verb": verb, "training_file": str(file), "validation_file": ""}


def test_a_sound_file(tmp_path: Path) -> None:
    process = ChildProcess(order(tmp_path, examples()), tmp_path / "log.txt")
    assert list(process.answers()) == [{"result": {}}]
    process.close()


def test_one_that_is_killed_from_outside(tmp_path: Path) -> None:
    process = ChildProcess(order(tmp_path, examples()), tmp_path / "log.txt")
    process._process.kill()
    (answer,) = process.answers()
    assert answer["error"]["code"] == "server_error"
    assert "signal 9" in answer["error"]["message"]
    process.close()


def test_one_that_we_end_says_nothing_more(tmp_path: Path) -> None:
    process = ChildProcess(order(tmp_path, examples()), tmp_path / "log.txt")
    process.end()
    assert list(process.answers()) == []
    process.close()
    process.close()


def test_one_that_cannot_do_what_it_is_told(tmp_path: Path) -> None:
    process = ChildProcess(order(tmp_path, b"", verb="nonsense"), tmp_path / "log.txt")
    (answer,) = process.answers()
    assert answer["error"]["code"] == "server_error"
    assert "KeyError" in answer["error"]["message"]
    process.close()


def test_a_training_that_had_ended_is_not_begun_again(tmp_path: Path) -> None:
    """As when the server is killed between the trainer's end and its note of it."""
    out = adapter(tmp_path / "training")
    state = out / "checkpoints" / "checkpoint-9" / "trainer_state.json"
    state.parent.mkdir(parents=True)
    state.write_text('{"num_input_tokens_seen": 77}', encoding="utf-8")
    what = order(tmp_path, examples(), "train") | {"base": "none", "out": str(out), "settings": {}}
    process = ChildProcess(what, tmp_path / "log.txt")
    (answer,) = process.answers()
    assert answer == {"result": {"trained_tokens": 77, "stopped_early": False, "left_out": 0}}
    process.close()


def test_it_ends_with_the_server(tmp_path: Path) -> None:
    """As when the server is killed: its end of the pipe is closed."""
    process = ChildProcess(order(tmp_path, examples()), tmp_path / "log.txt")
    inner = process._process
    assert inner.stdin is not None
    inner.stdin.write(b'{"verb": "wait"}')  # half a line: it waits for the rest
    inner.stdin.close()
    assert inner.wait(60) != 0
    process.close()


@pytest.mark.parametrize(
    ("content", "param", "said"),
    [
        (examples(), "training_file", ""),
        (examples(2), "validation_file", ""),
        (examples(2), "training_file", "at least 10"),
        (b"", "validation_file", "invalid validation file"),
        (b"x\n" * 50, "training_file", "There are 45 more problems."),
    ],
    ids=["sound", "short and sound", "short", "empty", "wrong"],
)
def test_what_is_said_of_a_file(tmp_path: Path, content: bytes, param: str, said: str) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(content)
    found = complaint(file, param)
    assert said in found
    assert bool(found) == bool(said)


def event(step: int, **more: Any) -> TrainingEvent:
    return TrainingEvent(step=step, steps=2, epoch=0.5, loss=1.5, learning_rate=1e-4, **more)


def test_a_step_is_told_once_and_its_checkpoint_outlives_the_trainers(tmp_path: Path) -> None:
    told: list[Any] = []
    steps = Steps(tmp_path / "kept", told.append)
    saved = adapter(tmp_path / "checkpoint-1")
    steps.take(event(1))
    steps.take(event(1, held_out_loss=1.25))
    assert told == []
    steps.take(event(1, checkpoint=saved))
    (saved / "adapter_model.safetensors").unlink()
    steps.take(event(2, held_out_loss=float("nan")))
    steps.tell()
    steps.tell()
    one, two = (one["event"] for one in told)
    assert (one["step"], one["loss"], one["held_out_loss"]) == (1, 1.5, 1.25)
    assert (Path(one["checkpoint"]) / "adapter_model.safetensors").is_file()
    assert (two["step"], two["held_out_loss"], two["checkpoint"]) == (2, None, "")
