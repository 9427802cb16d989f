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
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO

from ragkit.tune.check import check_file
from ragkit_ingest.errors import RagkitError

Tell = Callable[[Mapping[str, Any]], None]

_LISTED = 5
_LOCK_WAIT_S = 60


def main() -> None:
    """Carry out the order, then end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = _take_stdout()
    order = json.loads(sys.stdin.readline())
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

    from ragkit.tune.trainer import TrainingEvent, TrainingSettings, train

    def on_event(event: TrainingEvent) -> None:
        tell(
            {
                "event": {
                    "step": event.step,
                    "steps": event.steps,
                    "loss": _number(event.loss),
                    "held_out_loss": _number(event.held_out_loss),
                    "checkpoint": str(event.checkpoint or ""),
                }
            }
        )

    settings = TrainingSettings(
        base=Path(order["base"]), out=Path(order["out"]), **order["settings"]
    )
    # One that a killed server left behind may be ending still.
    with FileLock(f"{order['out']}.lock", timeout=_LOCK_WAIT_S, mode=0o600):
        result = train(
            Path(order["training_file"]),
            Path(order["validation_file"]) if order["validation_file"] else None,
            settings,
            on_event=on_event,
            stopped=lambda: False,
        )
    tell(
        {
            "result": {
                "adapter": str(result.adapter),
                "trained_tokens": result.trained_tokens,
                "stopped_early": result.stopped_early,
            }
        }
    )


def _number(value: float | None) -> float | None:
    """Return what JSON can hold of a number."""
    return value if value is not None and math.isfinite(value) else None


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
