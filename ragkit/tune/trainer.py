"""Trains a LoRA adapter on dialogues, with the loss on what the assistant says.

The base model is read from a folder: safetensors only, no code of a model is run, nothing is
downloaded. Checkpoints are written as it goes; a training that was cut off, by whatever, goes on
from the last whole one when it is started again with the same settings and files.

Source: Hu et al., "LoRA", 2021; adapters on all linear layers and the learning rate after
Dettmers et al., "QLoRA", 2023, and Schulman, "LoRA Without Regret", 2025.
"""

from __future__ import annotations

import errno
import math
import os
import random
import shutil
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit.generate.dialogue import CannotBeSetError, Learnt, endings, learnt
from ragkit.generate.local import best_device, check_folder
from ragkit.tune.example import Example, load_examples
from ragkit.tune.fingerprint import adapter_fingerprint, base_fingerprint, file_sha256
from ragkit.tune.training_folder import (
    begin,
    checkpoints,
    finished,
    last_checkpoint,
    locked,
    resumable,
)
from ragkit.tune.training_watch import TrainingEvent, TrainingWatch, callback
from ragkit_ingest.disk import flush
from ragkit_ingest.errors import MissingExtraError, RagkitError, StorageError, TuneError, UsageError

__all__ = ["TrainingEvent", "TrainingResult", "TrainingSettings", "train"]

_KEPT_CHECKPOINTS = 3
_DROPOUT = 0.05
_WARM_UP = 0.05
_CLIP = 1.0
# A checkpoint and an evaluation this often in each epoch.
_A_EPOCH = 2
_DEVICES = ("", "cpu", "cuda", "mps")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSettings:
    """How an adapter is trained.

    Attributes:
        base: The folder of the model, as `save_pretrained` wrote it.
        out: Where the adapter goes, and its checkpoints until then.
        epochs: How often every example is read, 1 or more.
        learning_rate: At its highest; it rises over the first twentieth and falls to 0.
        rank: Of the matrices that are learnt, 1 or more.
        alpha: They are scaled by alpha / rank.
        batch_size: Examples of one step, 1 or more.
        max_tokens: Longer examples are left out, 8 or more: cut, they would lose their answer.
        seed: Of the first weights and of the order.
        patience: Evaluations on held-out examples without a better loss until it ends; 0 for
            never. There are two in each epoch.
        device: "cpu", "cuda" or "mps"; "" for the best there is.
    """

    base: Path
    out: Path
    epochs: int = 3
    learning_rate: float = 2e-4
    rank: int = 16
    alpha: int = 32
    batch_size: int = 4
    max_tokens: int = 1024
    seed: int = 0
    patience: int = 2
    device: str = ""

    def __post_init__(self) -> None:
        least = {"epochs": 1, "rank": 1, "alpha": 1, "batch_size": 1, "max_tokens": 8}
        for name, low in {**least, "seed": 0, "patience": 0}.items():
            if getattr(self, name) < low:
                raise UsageError(f"{name} must be {low} or more, not {getattr(self, name)}")
        if not 0 < self.learning_rate <= 1:
            raise UsageError(
                f"learning_rate must be above 0 and at most 1, not {self.learning_rate}"
            )
        if self.device not in _DEVICES:
            raise UsageError(f"device must be cpu, cuda or mps, not {self.device!r}")

    def to_json(self) -> dict[str, object]:
        """Return what shapes the adapter; the folders and the device do not."""
        return {
            "epochs": self.epochs,
            "learning_rate": self.learning_rate,
            "rank": self.rank,
            "alpha": self.alpha,
            "batch_size": self.batch_size,
            "max_tokens": self.max_tokens,
            "seed": self.seed,
            "patience": self.patience,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """What a training made.

    Attributes:
        adapter: The folder of the adapter; if it was cancelled, of the last checkpoint.
        steps: Steps done.
        loss: Mean over all steps since it was started or taken up again, in nats a token.
        held_out_loss: Of the adapter on the held-out examples; None without any.
        trained_tokens: Tokens read, repeats counted, padding not.
        stopped_early: Whether the held-out loss got no better.
        cancelled: Whether it was told to stop.
        fingerprint: Of the adapter and its base; see `ragkit.tune.fingerprint`.
        left_out: Examples that were longer than `max_tokens`.
    """

    adapter: Path
    steps: int
    loss: float
    held_out_loss: float | None
    trained_tokens: int
    stopped_early: bool
    cancelled: bool
    fingerprint: str
    left_out: int = 0

    def to_json(self) -> dict[str, object]:
        """Return the figures as JSON values."""
        return {
            "steps": self.steps,
            "loss": self.loss,
            "held_out_loss": self.held_out_loss,
            "trained_tokens": self.trained_tokens,
            "stopped_early": self.stopped_early,
            "left_out": self.left_out,
        }


def train(
    training: Path,
    held_out: Path | None,
    settings: TrainingSettings,
    *,
    on_event: Callable[[TrainingEvent], None] | None = None,
    stopped: Callable[[], bool] | None = None,
) -> TrainingResult:
    """Train an adapter, or go on with a training that was cut off in the same folder.

    Args:
        training: Chat JSON Lines, one `{"messages": [...]}` each, the last message the
            assistant's; one of weight 0 is read and not learnt.
        held_out: The same, to see when to stop; None to train to the end.
        settings: How.
        on_event: Called after every step, evaluation and checkpoint.
        stopped: Asked after every step; a checkpoint is written once it says so.

    Returns:
        What was made. The adapter is whole when this returns, and not there before.

    Raises:
        UsageError: If a file holds no such dialogues, the folder holds a finished adapter or a
            training with other settings, or the model is none.
        TuneError: If no example is short enough, the loss is no number, or the training fails.
        StorageError: If the disk is full.
    """
    check_folder(settings.base, "config.json", "a causal language model")
    examples = load_examples(training)
    others = load_examples(held_out) if held_out is not None else []
    base = base_fingerprint(settings.base)
    if finished(settings.out):
        raise UsageError(f"{settings.out} holds a finished adapter; train into another folder")
    with locked(settings.out), _translated(settings):
        _check_device(settings.device)
        begin(
            settings.out,
            base=base,
            settings=settings.to_json(),
            training=file_sha256(training),
            held_out=file_sha256(held_out) if held_out is not None else None,
        )
        run = _Run(settings, on_event, stopped)
        done = run.train(examples, others)
        adapter = last_checkpoint(settings.out) if done.cancelled else settings.out
        return TrainingResult(
            adapter=adapter,
            steps=done.steps,
            loss=done.loss,
            held_out_loss=done.held_out_loss,
            trained_tokens=done.tokens,
            stopped_early=done.stopped_early,
            cancelled=done.cancelled,
            fingerprint=adapter_fingerprint(adapter, base),
            left_out=done.left_out,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    steps: int
    loss: float
    held_out_loss: float | None
    tokens: int
    stopped_early: bool
    cancelled: bool
    left_out: int


class _Run:
    """One training in this process."""

    def __init__(
        self,
        settings: TrainingSettings,
        on_event: Callable[[TrainingEvent], None] | None,
        stopped: Callable[[], bool] | None,
    ) -> None:
        self._settings = settings
        self._on_event = on_event
        self._stopped = stopped
        self._folder = checkpoints(settings.out)

    def train(self, examples: Sequence[Example], others: Sequence[Example]) -> _Done:
        """Train, and write the adapter unless it was cancelled."""
        with _own_randomness(), _quiet():
            model, tokenizer = _loaded(self._settings)
            learning, left_out = self._set(examples, tokenizer, model)
            judging, _ = self._set(others, tokenizer, model) if others else ([], 0)
            device = self._settings.device or best_device()
            trainer, watch = self._trainer(
                _adapted(model, self._settings), learning, judging, _padding(tokenizer), device
            )
            out = trainer.train(resume_from_checkpoint=resumable(self._settings.out))
            state = trainer.state
            if not math.isfinite(out.training_loss):
                raise TuneError(
                    f"the loss became {out.training_loss}; lower the learning rate, which is "
                    f"{self._settings.learning_rate}"
                )
            if not watch.cancelled:
                _save(trainer.model, self._settings.out)
        return _Done(
            steps=state.global_step,
            loss=out.training_loss,
            held_out_loss=state.best_metric if judging else None,
            tokens=int(state.num_input_tokens_seen),
            stopped_early=not watch.cancelled and state.global_step < state.max_steps,
            cancelled=watch.cancelled,
            left_out=left_out,
        )

    def _set(
        self, examples: Sequence[Example], tokenizer: Any, model: Any
    ) -> tuple[list[dict[str, Any]], int]:
        """Return the examples as tokens, and how many were too long."""
        ends = endings(model, tokenizer)
        most = self._settings.max_tokens
        found: list[Learnt] = []
        for number, example in enumerate(examples, start=1):
            try:
                one = learnt(example.messages, example.weights, tokenizer, ends)
            except CannotBeSetError as exc:
                raise TuneError(
                    f"example {number} cannot be set by the model's chat template: {exc}"
                ) from exc
            found.append(one)
        short = [one for one in found if len(one.ids) <= most and any(x >= 0 for x in one.labels)]
        if not short:
            least = min(len(one.ids) for one in found)
            raise TuneError(
                f"none of {len(examples)} examples has {most} tokens or less (the shortest has "
                f"{least}); raise max_tokens"
            )
        return [{"input_ids": one.ids, "labels": one.labels} for one in short], len(found) - len(
            short
        )

    def _trainer(
        self,
        model: Any,
        learning: list[dict[str, Any]],
        judging: list[dict[str, Any]],
        padding: int,
        device: str,
    ) -> tuple[Any, TrainingWatch]:
        from transformers import EarlyStoppingCallback, Trainer, TrainingArguments

        settings = self._settings
        a_epoch = math.ceil(len(learning) / settings.batch_size)
        every = max(1, math.ceil(a_epoch / _A_EPOCH))
        watch = TrainingWatch(self._on_event, self._stopped, self._folder)
        callbacks = [callback(watch)]
        if judging and settings.patience:
            callbacks.append(EarlyStoppingCallback(early_stopping_patience=settings.patience))
        arguments = TrainingArguments(
            output_dir=str(self._folder),
            num_train_epochs=settings.epochs,
            learning_rate=settings.learning_rate,
            lr_scheduler_type="linear",
            warmup_steps=math.ceil(a_epoch * settings.epochs * _WARM_UP),
            max_grad_norm=_CLIP,
            weight_decay=0.0,
            per_device_train_batch_size=settings.batch_size,
            per_device_eval_batch_size=settings.batch_size,
            seed=settings.seed,
            data_seed=settings.seed,
            eval_strategy="steps" if judging else "no",
            eval_steps=every if judging else None,
            save_strategy="steps",
            save_steps=every,
            save_total_limit=_KEPT_CHECKPOINTS,
            load_best_model_at_end=bool(judging),
            metric_for_best_model="eval_loss" if judging else None,
            greater_is_better=False if judging else None,
            restore_callback_states_from_checkpoint=True,
            include_num_input_tokens_seen="non_padding",
            logging_steps=1,
            logging_nan_inf_filter=False,
            report_to="none",
            disable_tqdm=True,
            use_cpu=device == "cpu",
            bf16=device == "cuda" and _reads_bf16(),
            dataloader_pin_memory=False,
            remove_unused_columns=False,
            label_names=["labels"],
        )
        if arguments.n_gpu > 1:  # one is used; others would split the batch
            arguments._n_gpu = 1
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=learning,
            eval_dataset=judging or None,
            data_collator=_Collator(padding),
            callbacks=callbacks,
        )
        _unprinted(trainer)
        return trainer, watch


class _Collator:
    """Makes a batch of examples, filled up to the longest.

    Args:
        padding: The token to fill up with.
    """

    def __init__(self, padding: int) -> None:
        self._padding = padding

    def __call__(self, examples: Sequence[dict[str, list[int]]]) -> dict[str, Any]:
        """Return tensors of shape (examples, longest)."""
        import torch

        longest = max(len(one["input_ids"]) for one in examples)

        def filled(values: list[int], with_: int) -> list[int]:
            return values + [with_] * (longest - len(values))

        return {
            "input_ids": torch.tensor([filled(e["input_ids"], self._padding) for e in examples]),
            "labels": torch.tensor([filled(e["labels"], -100) for e in examples]),
            "attention_mask": torch.tensor(
                [filled([1] * len(e["input_ids"]), 0) for e in examples]
            ),
        }


def _check_device(device: str) -> None:
    """Refuse a device that is not there: transformers would train on the CPU instead."""
    import torch

    missing = (device == "cuda" and not torch.cuda.is_available()) or (
        device == "mps" and not torch.backends.mps.is_available()
    )
    if missing:
        raise UsageError(f"there is no {device} device here; give another --device, such as cpu")


def _unprinted(trainer: Any) -> None:
    """Take out what would print the figures: they are told by events."""
    from transformers import PrinterCallback, ProgressCallback

    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)


def _loaded(settings: TrainingSettings) -> tuple[Any, Any]:
    """Return the model and its tokenizer, from the folder alone."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    local = {"local_files_only": True, "trust_remote_code": False}
    halved = (settings.device or best_device()) == "cuda" and _reads_bf16()
    tokenizer: Any = AutoTokenizer.from_pretrained(str(settings.base), **local)
    model: Any = AutoModelForCausalLM.from_pretrained(
        str(settings.base),
        dtype=torch.bfloat16 if halved else torch.float32,
        use_safetensors=True,
        **local,
    )
    if not tokenizer.is_fast:
        raise TuneError(
            f"the tokenizer of {settings.base} is a slow one, which cannot say where its tokens "
            "stand; save the model again with a tokenizer.json"
        )
    model.config.use_cache = False
    return model, tokenizer


def _adapted(model: Any, settings: TrainingSettings) -> Any:
    import torch
    from peft import LoraConfig, TaskType, get_peft_model

    shape = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=_DROPOUT,
        target_modules="all-linear",
        bias="none",
        task_type=TaskType.CAUSAL_LM,
    )
    torch.manual_seed(settings.seed)
    with warnings.catch_warnings():  # peft asks transformers by a deprecated name
        warnings.simplefilter("ignore", FutureWarning)
        return get_peft_model(model, shape)


def _padding(tokenizer: Any) -> int:
    """Return any token: what it fills is neither read nor learnt."""
    return int(tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0)


def _reads_bf16() -> bool:
    import torch

    return torch.cuda.is_available() and torch.cuda.is_bf16_supported()


def _save(model: Any, out: Path) -> None:
    """Write the adapter beside, then move it in; its configuration, which makes it one, last."""
    aside = out / ".new"
    shutil.rmtree(aside, ignore_errors=True)
    model.save_pretrained(str(aside), safe_serialization=True, save_embedding_layers=False)
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        flush(aside / name)
        (aside / name).replace(out / name)
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers from printing: what happens is told by events."""
    from transformers.utils import logging

    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]


@contextmanager
def _own_randomness() -> Iterator[None]:
    """Leave the draws of the rest of the program alone."""
    import numpy as np
    import torch

    before, numbers = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(before)
        np.random.set_state(numbers)


@contextmanager
def _translated(settings: TrainingSettings) -> Iterator[None]:
    """Turn what transformers and peft raise into ours; their errors have no root in common."""
    try:
        yield
    except RagkitError:
        raise
    except ImportError as exc:
        raise MissingExtraError(f"training an adapter ({exc})", "local-llm") from exc
    except OSError as exc:
        if exc.errno in {errno.ENOSPC, errno.EROFS, errno.EDQUOT}:
            raise StorageError(
                f"{settings.out} cannot be written ({exc.strerror}); what was trained is kept in "
                "its checkpoints, so go on once there is room"
            ) from exc
        raise TuneError(_said(settings, exc)) from exc
    except Exception as exc:
        raise TuneError(_said(settings, exc)) from exc


def _said(settings: TrainingSettings, exc: Exception) -> str:
    said = " ".join(str(exc).split())[:200]
    kind = type(exc).__name__
    advice = "check the model's files"
    if "OutOfMemory" in kind or "out of memory" in said:
        advice = "lower batch_size or max_tokens, or use a smaller model"
    return f"the training on {settings.base} failed ({kind}: {said}); {advice}"
