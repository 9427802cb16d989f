"""Training: what it makes, how it stops, and that a killed one goes on where it was."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ragkit.generate.local import LocalChatModel, LocalModelSettings
from ragkit.generate.model import Message
from ragkit.tune.fingerprint import weights_sha256
from ragkit.tune.trainer import TrainingEvent, TrainingResult, TrainingSettings, train
from ragkit.tune.training_folder import drop_checkpoints, finished, interrupted
from ragkit_ingest.errors import ConfigError, TuneError, UsageError
from tests.support import tiny_chat_model

torch = pytest.importorskip("torch")
pytest.importorskip("peft")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_chat_model.save(tmp_path_factory.mktemp("models") / "tiny")


def dialogues(file: Path, numbers: range, reply: str = "It is {}. Mind the steam.") -> Path:
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"Say {number}."},
                {"role": "assistant", "content": reply.format(number)},
            ]
        }
        for number in numbers
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def run(tmp_path: Path, base: Path, **changes: Any) -> TrainingResult:
    options = {key: changes.pop(key) for key in ("on_event", "stopped") if key in changes}
    training = dialogues(tmp_path / "train.jsonl", range(8))
    held_out = changes.pop("held_out", dialogues(tmp_path / "held.jsonl", range(8, 12)))
    values: dict[str, Any] = {
        "base": base,
        "out": tmp_path / "out",
        "epochs": 2,
        "learning_rate": 0.01,
        "rank": 4,
        "device": "cpu",
    }
    return train(training, held_out, TrainingSettings(**values | changes), **options)


def test_a_training_lowers_the_loss_tells_of_it_and_leaves_an_adapter(
    tmp_path: Path, base: Path
) -> None:
    events: list[TrainingEvent] = []
    before = torch.random.get_rng_state()
    result = run(tmp_path, base, epochs=6, on_event=events.append)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert result.steps == 12
    assert result.held_out_loss is not None
    heard = [event.held_out_loss for event in events if event.held_out_loss is not None]
    assert heard[-1] < heard[0]
    assert result.held_out_loss == min(heard)
    assert [event.step for event in events if event.checkpoint] == list(range(1, 13))
    assert {event.steps for event in events} == {12}
    out = tmp_path / "out"
    assert result.adapter == out
    assert finished(out)
    assert not interrupted(out)
    assert not [file for file in out.iterdir() if file.suffix in {".bin", ".pt", ".pth"}]
    drop_checkpoints(out)
    assert not (out / "checkpoints").exists()
    lengths = [len(row) for row in _ids(base, tmp_path / "train.jsonl")]
    assert result.trained_tokens == 6 * sum(lengths)


def _ids(base: Path, file: Path) -> list[list[int]]:
    model = LocalChatModel(LocalModelSettings(model=str(base), device="cpu"))
    rows = [json.loads(line)["messages"] for line in file.read_text().splitlines()]
    texts = [m["content"] for row in rows for m in row]
    counts = model.count_tokens(texts)
    return [[0] * (counts[2 * n] + counts[2 * n + 1] + 4) for n in range(len(rows))]


def test_the_adapter_is_read_by_the_generator_and_says_likelier_what_it_learnt(
    tmp_path: Path, base: Path
) -> None:
    run(tmp_path, base, epochs=6)
    said = [
        Message(role="user", content="Say 3."),
        Message(role="assistant", content="It is 3. Mind the steam."),
    ]

    def loss(adapter: str) -> float:
        settings = LocalModelSettings(model=str(base), adapter=adapter, device="cpu")
        return LocalChatModel(settings).losses([said])[0]

    assert loss(str(tmp_path / "out")) < loss("") - 0.1


def test_the_same_seed_gives_the_same_weights(tmp_path: Path, base: Path) -> None:
    one, same, other = (
        run(tmp_path, base, out=tmp_path / str(n), seed=seed) for n, seed in enumerate((1, 1, 2))
    )
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_without_held_out_examples_it_trains_to_the_end(tmp_path: Path, base: Path) -> None:
    result = run(tmp_path, base, held_out=None)
    assert (result.steps, result.held_out_loss, result.stopped_early) == (4, None, False)


def test_it_stops_early_and_keeps_the_best_weights(tmp_path: Path, base: Path) -> None:
    odd = dialogues(tmp_path / "odd.jsonl", range(4), reply="\u00e9\u00e8\u00ea\u00eb{}")
    heard: list[float] = []
    result = run(
        tmp_path,
        base,
        held_out=odd,
        epochs=40,
        learning_rate=0.05,
        on_event=lambda event: heard.append(event.held_out_loss) if event.held_out_loss else None,
    )
    assert result.stopped_early
    assert result.steps < 80
    assert result.held_out_loss == min(heard) < heard[-1]


def test_a_cancelled_training_leaves_a_checkpoint_and_goes_on_from_it(
    tmp_path: Path, base: Path
) -> None:
    steps: list[int] = []
    cancelled = run(
        tmp_path,
        base,
        on_event=lambda e: steps.append(e.step),
        stopped=lambda: max(steps, default=0) >= 2,
    )
    assert cancelled.cancelled
    assert not cancelled.stopped_early
    assert cancelled.adapter.parent.name == "checkpoints"
    assert (cancelled.adapter / "adapter_model.safetensors").is_file()
    assert interrupted(tmp_path / "out")
    whole = run(tmp_path, base, out=tmp_path / "whole")
    assert run(tmp_path, base).fingerprint == whole.fingerprint


SCRIPT = """
import sys
from pathlib import Path
from ragkit.tune.trainer import TrainingSettings, train

def tell(event):
    if event.checkpoint:
        print(event.step, flush=True)
        sys.stdin.readline()

train(Path(sys.argv[1]), Path(sys.argv[2]), TrainingSettings(
    base=Path(sys.argv[3]), out=Path(sys.argv[4]), epochs=2, learning_rate=0.01, rank=4,
    device="cpu"), on_event=tell)
"""


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_very_same_weights(tmp_path: Path, base: Path) -> None:
    whole = run(tmp_path, base, out=tmp_path / "whole")
    training, held_out = tmp_path / "train.jsonl", tmp_path / "held.jsonl"
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(training), str(held_out), str(base), str(out)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "1\n"
    process.stdin.write("\n")
    process.stdin.flush()
    assert process.stdout.readline() == "2\n"
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    process.stdin.close()
    process.stdout.close()
    assert interrupted(out)
    # As if the kill had come while a third checkpoint was being written.
    torn = out / "checkpoints" / "checkpoint-3"
    torn.mkdir(exist_ok=True)
    (torn / "adapter_model.safetensors").write_bytes(b"half")
    (torn / "trainer_state.json").unlink(missing_ok=True)
    steps: list[int] = []
    result = run(tmp_path, base, on_event=lambda event: steps.append(event.step))
    assert min(steps) == 3
    assert weights_sha256(out) == weights_sha256(tmp_path / "whole")
    assert result.fingerprint == whole.fingerprint
    assert result.trained_tokens == whole.trained_tokens


def test_what_was_begun_is_not_gone_on_with_as_something_else(tmp_path: Path, base: Path) -> None:
    steps: list[int] = []
    run(tmp_path, base, on_event=lambda e: steps.append(e.step), stopped=lambda: bool(steps))
    with pytest.raises(UsageError, match="begun with other settings"):
        run(tmp_path, base, rank=8)
    other = tiny_chat_model.save(tmp_path / "other", context=512)
    with pytest.raises(UsageError, match="begun with another base model"):
        run(tmp_path, other)
    with pytest.raises(UsageError, match="begun with other examples"):
        run(tmp_path, base, held_out=None)
    run(tmp_path, base)
    with pytest.raises(UsageError, match="holds a finished adapter"):
        run(tmp_path, base)


def test_examples_that_are_too_long_are_left_out_and_counted(tmp_path: Path, base: Path) -> None:
    long = {
        "messages": [
            {"role": "user", "content": "Say much."},
            {"role": "assistant", "content": "Tea. " * 100},
        ]
    }
    file = dialogues(tmp_path / "mixed.jsonl", range(4))
    file.write_text(file.read_text() + json.dumps(long) + "\n")
    settings = TrainingSettings(
        base=base, out=tmp_path / "mixed", epochs=1, rank=2, max_tokens=100, device="cpu"
    )
    assert train(file, None, settings).left_out == 1
    short = TrainingSettings(base=base, out=tmp_path / "none", max_tokens=8, device="cpu")
    with pytest.raises(TuneError, match=r"none of 5 examples has 8 tokens or less \(the shortest"):
        train(file, None, short)


def test_a_loss_that_is_no_number_ends_the_training(tmp_path: Path) -> None:
    folder = tiny_chat_model.save(tmp_path / "sick")
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if "embed_tokens" in name)
    weights[name].fill_(float("nan"))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TuneError, match="the loss became nan at step 1; lower the learning rate"):
        run(tmp_path, folder)


def test_what_is_no_model_or_no_dialogues_is_a_sentence(tmp_path: Path, base: Path) -> None:
    settings = TrainingSettings(base=tmp_path, out=tmp_path / "out")
    with pytest.raises(ConfigError, match=r"holds no config.json"):
        train(dialogues(tmp_path / "t.jsonl", range(3)), None, settings)
    settings = TrainingSettings(base=base, out=tmp_path / "out")
    (tmp_path / "bad.jsonl").write_text('{"messages": [{"role": "user", "content": "Hi"}]}\n')
    with pytest.raises(UsageError, match=r"line 1 of .* is no example: its last message is not"):
        train(tmp_path / "bad.jsonl", None, settings)
    (tmp_path / "tool.jsonl").write_text('{"messages": [{"role": "tool", "content": "Hi"}]}\n')
    with pytest.raises(UsageError, match="the role 'tool' cannot be trained here"):
        train(tmp_path / "tool.jsonl", None, settings)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_a_device_that_is_not_there_is_a_sentence(tmp_path: Path, base: Path) -> None:
    with pytest.raises(UsageError, match="there is no cuda device here"):
        run(tmp_path, base, device="cuda")


def test_two_trainings_in_one_folder_do_not_mix(tmp_path: Path, base: Path) -> None:
    from filelock import FileLock

    (tmp_path / "out").mkdir()
    with (
        FileLock(tmp_path / "out" / ".lock"),
        pytest.raises(UsageError, match="another process trains in"),
    ):
        run(tmp_path, base)


@pytest.mark.parametrize(
    "changes", [{"epochs": 0}, {"learning_rate": 0.0}, {"rank": 0}, {"device": "tpu"}, {"seed": -1}]
)
def test_settings_out_of_range(changes: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        TrainingSettings(base=Path(), out=Path(), **changes)
