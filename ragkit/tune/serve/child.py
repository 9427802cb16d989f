"""The process that checks files and trains: one order on stdin, JSON Lines on stdout.

Started by `worker.Worker` as `python -m ragkit.tune.serve.child`. It ends when its stdin closes,
even in the middle of a step, so that no training outlives the server. Nothing that a library
prints reaches the server: the answers' file descriptor is moved away from fd 1.

An order is `{"verb": "check", ...}` or `{"verb": "train", ...}`; the answers are `{"event": ...}`
for each step, then one of `{"result": ...}` and `{"error": {"code", "message", "param"}}`.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from ragkit.tune.check import check_file
from ragkit_ingest.errors import RagkitError

if TYPE_CHECKING:
    from ragkit.tune.training_watch import TrainingEvent

Tell = Callable[[Mapping[str, Any]], None]

_LISTED = 5
_LOCK_WAIT_S = 60
_ADAPTER = ("adapter_model.safetensors", "adapter_config.json")


def main() -> None:
    """Carry out the order, then end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = _take_stdout()
    line = sys.stdin.readline()
    if not line.endswith("\n"):  # the server ended while it gave the order
        raise SystemExit(1)
    order = json.loads(line)
    threading.Thread(target=_end_with_stdin, daemon=True).start()

    def tell(answer: Mapping[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    try:
        _VERBS[order["verb"]](order, tell)
    except RagkitError as exc:
        tell(_error("training_failed", str(exc)))
    except MemoryError:
        tell(_error("out_of_memory", "there is not enough memory; give a smaller batch_size"))
    except Exception as exc:  # noqa: BLE001  (the border: the server gets a sentence)
        said = " ".join(str(exc).split())[:300]
        tell(_error("server_error", f"the training failed ({type(exc).__name__}: {said})"))


def _error(code: str, message: str, param: str | None = None) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "param": param}}


def _check(order: Mapping[str, Any], tell: Tell) -> None:
    for param in ("training_file", "validation_file"):
        if order[param] and (wrong := complaint(Path(order[param]), param)):
            tell(_error(f"invalid_{param}", wrong, param))
            return
    tell({"result": {}})


def complaint(file: Path, param: str) -> str:
    """Return what is wrong with a file of examples, in the hosted service's words; "" if nothing.

    Args:
        file: JSON Lines.
        param: "training_file", or "validation_file", which may hold fewer examples.
    """
    report = check_file(file)
    few = report.examples > 0 and param == "validation_file"
    found = [problem for problem in report.problems if not (few and problem.code == "few")]
    if not found:
        return ""
    said = [f"Line {p.line}: {p.message}." if p.line else f"{p.message}." for p in found[:_LISTED]]
    if more := len(found) - len(said) + report.left_out:
        said.append(f"There are {more} more problems.")
    what = param.replace("_", " ")
    return f"The job failed due to an invalid {what}. Invalid file format. {' '.join(said)}"


def _train(order: Mapping[str, Any], tell: Tell) -> None:
    from filelock import FileLock

    from ragkit.tune.trainer import TrainingSettings, train
    from ragkit.tune.training_folder import finished

    out = Path(order["out"])
    # One that a killed server left behind may be ending still.
    with FileLock(f"{out}.lock", timeout=_LOCK_WAIT_S, mode=0o600):
        if finished(out):  # the server was killed before it heard of it
            tokens = _tokens_of(out)
            tell({"result": {"trained_tokens": tokens, "stopped_early": False, "left_out": 0}})
            return
        steps = Steps(out.parent / "checkpoints", tell)
        result = train(
            Path(order["training_file"]),
            Path(order["validation_file"]) if order["validation_file"] else None,
            TrainingSettings(base=Path(order["base"]), out=out, **order["settings"]),
            on_event=steps.take,
        )
        steps.tell()
    tell(
        {
            "result": {
                "trained_tokens": result.trained_tokens,
                "stopped_early": result.stopped_early,
                "left_out": result.left_out,
            }
        }
    )


class Steps:
    """Makes one answer of each step's events, and keeps the checkpoints' adapters.

    The trainer itself removes all but the last checkpoints.

    Args:
        folder: Where the checkpoints' adapters are kept.
        tell: Takes the answers.
    """

    def __init__(self, folder: Path, tell: Tell) -> None:
        self._folder = folder
        self._tell = tell
        self._held: dict[str, Any] | None = None

    def take(self, event: TrainingEvent) -> None:
        """Take an event: of a step, then of a look at the held-out examples, then of a save."""
        if self._held is None or event.step != self._held["step"]:
            self.tell()
            self._held = {
                "step": event.step,
                "steps": event.steps,
                "loss": _number(event.loss),
                "held_out_loss": None,
                "checkpoint": "",
            }
        if event.held_out_loss is not None:
            self._held["held_out_loss"] = _number(event.held_out_loss)
        if event.checkpoint is not None:
            self._held["checkpoint"] = str(self._kept(event.checkpoint, event.step))
            self.tell()

    def tell(self) -> None:
        """Tell of the step whose events were taken, if that was not done."""
        held, self._held = self._held, None
        if held is not None:
            self._tell({"event": held})

    def _kept(self, checkpoint: Path, step: int) -> Path:
        place = self._folder / f"step-{step}"
        half = self._folder / f"step-{step}.part"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(parents=True)
        for name in _ADAPTER:
            try:
                os.link(checkpoint / name, half / name)
            except OSError:  # a disk without hard links
                shutil.copyfile(checkpoint / name, half / name)
        shutil.rmtree(place, ignore_errors=True)
        half.replace(place)
        return place


def _tokens_of(out: Path) -> int | None:
    """Return the trained tokens that a finished training wrote down; None if it did not."""
    states = (out / "checkpoints").glob("*/trainer_state.json")
    seen = [json.loads(file.read_text(encoding="utf-8")) for file in states]
    return max((int(state["num_input_tokens_seen"]) for state in seen), default=None)


def _number(value: float) -> float | None:
    """Return what JSON can hold of a number."""
    return value if math.isfinite(value) else None


_VERBS = {"check": _check, "train": _train}


def _take_stdout() -> TextIO:
    """Return the server's pipe, and point fd 1 at stderr."""
    answers = os.dup(1)
    sys.stdout.flush()
    os.dup2(2, 1)
    return os.fdopen(answers, "w", encoding="utf-8")


def _end_with_stdin() -> None:
    while sys.stdin.read(1 << 16):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
