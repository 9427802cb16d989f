"""Follows a training of transformers: tells what happens, and stops it where that is wanted."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit_ingest.errors import TuneError


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingEvent:
    """A moment of a training.

    Attributes:
        step: Steps done, counted from 1.
        steps: Of the whole training, if it does not stop early.
        epoch: Epochs done, as a fraction.
        loss: Of the last step's examples, in nats a token.
        held_out_loss: Of the held-out examples, if they were just looked at.
        learning_rate: Of the last step.
        checkpoint: The folder of the checkpoint, if one was just written.
    """

    step: int
    steps: int
    epoch: float
    loss: float
    held_out_loss: float | None = None
    learning_rate: float
    checkpoint: Path | None = None


class TrainingWatch:
    """What is told of one training.

    Args:
        on_event: Called at every moment; None for nobody.
        stopped: Asked after every step; None for never.
        folder: Of the checkpoints.

    Attributes:
        cancelled: Whether it was told to stop.
    """

    def __init__(
        self,
        on_event: Callable[[TrainingEvent], None] | None,
        stopped: Callable[[], bool] | None,
        folder: Path,
    ) -> None:
        self.cancelled = False
        self._on_event = on_event
        self._stopped = stopped
        self._folder = folder
        self._loss = math.nan
        self._rate = 0.0

    def logged(self, state: Any, logs: Mapping[str, Any]) -> None:
        """Take the figures of a step; refuse to go on with a loss that is no number."""
        if "loss" not in logs:
            return
        self._loss = float(logs["loss"])
        self._rate = float(logs.get("learning_rate", 0.0))
        if not math.isfinite(self._loss):
            raise TuneError(
                f"the loss became {self._loss} at step {state.global_step}; lower the learning "
                f"rate, which is {self._rate:.3g}"
            )
        self._tell(state)

    def evaluated(self, state: Any, metrics: Mapping[str, Any]) -> None:
        """Take the loss on the held-out examples."""
        self._tell(state, held_out_loss=float(metrics["eval_loss"]))

    def saved(self, state: Any) -> None:
        """Take a checkpoint."""
        self._tell(state, checkpoint=self._folder / f"checkpoint-{state.global_step}")

    def stepped(self, control: Any) -> None:
        """Stop, with a checkpoint, if that is wanted."""
        if self._stopped is not None and self._stopped():
            self.cancelled = True
            control.should_training_stop = True
            control.should_save = True

    def _tell(self, state: Any, **more: Any) -> None:
        if self._on_event is not None:
            self._on_event(
                TrainingEvent(
                    step=state.global_step,
                    steps=state.max_steps,
                    epoch=float(state.epoch or 0.0),
                    loss=self._loss,
                    learning_rate=self._rate,
                    **more,
                )
            )


def callback(watch: TrainingWatch) -> Any:
    """Return the watch as a callback of transformers' Trainer."""
    from transformers import TrainerCallback

    class Watching(TrainerCallback):
        """Hands what the trainer says over."""

        def on_log(  # type: ignore[override]
            self, _args: Any, state: Any, _control: Any, logs: Any = None, **_rest: Any
        ) -> None:
            watch.logged(state, logs or {})

        def on_evaluate(  # type: ignore[override]
            self, _args: Any, state: Any, _control: Any, metrics: Any = None, **_rest: Any
        ) -> None:
            watch.evaluated(state, metrics or {})

        def on_save(  # type: ignore[override]
            self, _args: Any, state: Any, _control: Any, **_rest: Any
        ) -> None:
            watch.saved(state)

        def on_step_end(  # type: ignore[override]
            self, _args: Any, _state: Any, control: Any, **_rest: Any
        ) -> None:
            watch.stepped(control)

    return Watching()
