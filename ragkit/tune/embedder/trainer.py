"""Trains a sentence-transformers model on triplets, within a budget of steps and minutes.

The ranking loss is taken over the first quarter, half and all of a vector's dimensions at once
(Matryoshka), so that the vectors may be cut later. Checkpoints are written as it goes; cut off, a
training with the same settings and triplets goes on from the last one. Only safetensors are
written, and no code of a model is run.

Source: Henderson et al., "Efficient Natural Language Response Suggestion", 2017 (the loss);
Kusupati et al., "Matryoshka Representation Learning", NeurIPS 2022.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ragkit.tune.embedder.negative import Triplet
from ragkit_ingest.disk import replacing
from ragkit_ingest.embed.bert_graph import has_bf16
from ragkit_ingest.embed.sentence_transformer import quiet
from ragkit_ingest.errors import MissingExtraError, StorageError, TuneError, UsageError

_RUN = "run.json"
_CHECKPOINTS = "checkpoints"
_TUNED = "tuned"
_SAVES = 5
_PARTS = (1, 2, 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderTraining:
    """How an embedder is trained.

    Attributes:
        base: The folder of the model.
        out: Where everything goes.
        minutes: Most minutes of training, above 0; a step that was begun is finished.
        max_steps: Most steps, 1 or more.
        epochs: How often every triplet is read, 1 or more, as far as the budget allows.
        batch_size: Triplets of one step, 2 or more: each is a negative for the others.
        learning_rate: Small, so that what the model knows is kept; above 0 to 1e-3.
        max_tokens: Of a passage that is read in training, 16 or more; less is quicker.
        seed: Of the order.
    """

    base: Path
    out: Path
    minutes: float = 10.0
    max_steps: int = 400
    epochs: int = 2
    batch_size: int = 16
    learning_rate: float = 1e-5
    max_tokens: int = 128
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"max_steps": 1, "epochs": 1, "batch_size": 2, "max_tokens": 16, "seed": 0}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise UsageError(f"{name} must be {low} or more, not {getattr(self, name)}")
        if not self.minutes > 0:
            raise UsageError(f"minutes must be above 0, not {self.minutes}")
        if not 0 < self.learning_rate <= 1e-3:
            raise UsageError(
                f"learning_rate must be above 0 and at most 0.001, not {self.learning_rate}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbedderTrained:
    """What a training made.

    Attributes:
        folder: The tuned model, before any mixing.
        steps: Steps done, those before an interruption included.
        loss: Mean of the last steps; None if none was noted.
        triplets: How many there were.
        seconds: Of training now.
        out_of_time: Whether the minutes ended it.
    """

    folder: Path
    steps: int
    loss: float | None
    triplets: int
    seconds: float
    out_of_time: bool


def train(
    triplets: Sequence[Triplet],
    settings: EmbedderTraining,
    progress: Callable[[int, int], None] | None = None,
) -> EmbedderTrained:
    """Train, or go on with a training that was cut off.

    Args:
        triplets: Two or more.
        settings: How.
        progress: Called after each step with the step, and how many there are at most.

    Raises:
        MissingExtraError: If what training needs is not installed.
        TuneError: If there is too little to train on, or the training fails.
        StorageError: If the disk is full or read-only.
    """
    if len(triplets) < settings.batch_size:
        raise TuneError(
            f"{len(triplets)} pairs are too few for one step of {settings.batch_size}; index more "
            "documents first"
        )
    _quiet()
    with _translated(settings), quiet():
        return _Training(triplets, settings, progress).run()


@contextmanager
def _translated(settings: EmbedderTraining) -> Iterator[None]:
    """Turn what the libraries raise into ours; they have no error root in common."""
    try:
        yield
    except ImportError as exc:
        raise MissingExtraError(f"tuning an embedder ({exc})", "tune") from exc
    except OSError as exc:
        raise StorageError(
            f"the training in {settings.out} cannot be written or read ({exc.strerror or exc}); "
            "free disk space, then run the same command again: it goes on from its last checkpoint"
        ) from exc
    except (RuntimeError, ValueError, TypeError, KeyError) as exc:
        said = " ".join(str(exc).split())[:200]
        raise TuneError(
            f"the training of {settings.base} failed ({type(exc).__name__}: {said})"
        ) from exc


class _Training:
    """One run."""

    def __init__(
        self,
        triplets: Sequence[Triplet],
        settings: EmbedderTraining,
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self._triplets = triplets
        self._settings = settings
        self._progress = progress

    def run(self) -> EmbedderTrained:
        settings = self._settings
        resumed = self._begin()
        started = time.monotonic()
        trainer, watch = self._trainer(started)
        trainer.train(resume_from_checkpoint=resumed)
        tuned = settings.out / _TUNED
        trainer.model.max_seq_length = watch.max_tokens
        trainer.model.save_pretrained(str(tuned), safe_serialization=True, create_model_card=False)
        return EmbedderTrained(
            folder=tuned,
            steps=int(trainer.state.global_step),
            loss=watch.loss,
            triplets=len(self._triplets),
            seconds=time.monotonic() - started,
            out_of_time=watch.out_of_time,
        )

    def _begin(self) -> bool:
        """Note what is trained; return whether a training of the same is there to go on with."""
        out = self._settings.out
        out.mkdir(parents=True, exist_ok=True)
        run = self._describe()
        try:
            same = json.loads((out / _RUN).read_text(encoding="utf-8")) == run
        except (OSError, ValueError):
            same = False
        checkpoints = out / _CHECKPOINTS
        if not same:
            shutil.rmtree(checkpoints, ignore_errors=True)
            with replacing(out / _RUN) as file:
                file.write(f"{json.dumps(run, indent=1)}\n".encode())
        return any((one / "trainer_state.json").is_file() for one in checkpoints.glob("*-*"))

    def _describe(self) -> dict[str, object]:
        held = {name: value for name, value in asdict(self._settings).items() if name != "out"}
        total = hashlib.sha256()
        for triplet in self._triplets:
            total.update(json.dumps(asdict(triplet)).encode("utf-8", "surrogatepass"))
        held.pop("minutes")  # more time for the same training is no other training
        return {**held, "base": str(self._settings.base), "triplets_sha256": total.hexdigest()}

    def _trainer(self, started: float) -> tuple[Any, Any]:
        import torch
        from datasets import Dataset  # type: ignore[import-untyped]
        from sentence_transformers import (
            SentenceTransformer,
            SentenceTransformerTrainer,
            SentenceTransformerTrainingArguments,
        )
        from sentence_transformers.base.sampler import BatchSamplers
        from sentence_transformers.sentence_transformer.losses import (
            MatryoshkaLoss,
            MultipleNegativesRankingLoss,
        )

        settings = self._settings
        model = SentenceTransformer(
            str(settings.base),
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )
        model.model_card_data.widget = [{"text": ""}]  # else some are chosen, and a bar is shown
        reads = int(model.max_seq_length or settings.max_tokens)
        model.max_seq_length = min(reads, settings.max_tokens)
        width = int(model.get_embedding_dimension() or 0)
        loss = MatryoshkaLoss(
            model,
            MultipleNegativesRankingLoss(model),
            matryoshka_dims=[width // part for part in _PARTS],
        )
        steps = min(
            settings.max_steps,
            max(1, settings.epochs * len(self._triplets) // settings.batch_size),
        )
        on_cpu = not (torch.cuda.is_available() or torch.backends.mps.is_available())
        arguments = SentenceTransformerTrainingArguments(
            output_dir=str(settings.out / _CHECKPOINTS),
            max_steps=steps,
            per_device_train_batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            lr_scheduler_type="constant_with_warmup",
            warmup_steps=max(1, steps // 10),
            batch_sampler=BatchSamplers.NO_DUPLICATES,
            seed=settings.seed,
            data_seed=settings.seed,
            save_strategy="steps",
            save_steps=max(1, steps // _SAVES),
            save_total_limit=2,
            logging_strategy="steps",
            logging_steps=max(1, steps // 10),
            use_cpu=on_cpu,
            bf16=on_cpu and has_bf16(),
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
        )
        watch = _watch(started, settings.minutes * 60, self._progress, reads)
        data = Dataset.from_dict(
            {
                "anchor": [one.question for one in self._triplets],
                "positive": [one.positive for one in self._triplets],
                "negative": [one.negative for one in self._triplets],
            }
        )
        trainer = SentenceTransformerTrainer(
            model=model, args=arguments, train_dataset=data, loss=loss, callbacks=[watch]
        )
        from transformers import PrinterCallback

        trainer.remove_callback(PrinterCallback)
        return trainer, watch


def _watch(
    started: float, most_s: float, progress: Callable[[int, int], None] | None, reads: int
) -> Any:
    """Return a callback of the trainer that tells of each step, and ends it in time."""
    from transformers import TrainerCallback

    class Watch(TrainerCallback):
        max_tokens = reads
        out_of_time = False
        loss: float | None = None

        def on_step_end(
            self,
            args: Any,  # noqa: ARG002
            state: Any,
            control: Any,
            **kwargs: Any,  # noqa: ARG002
        ) -> Any:
            if progress is not None:
                progress(state.global_step, state.max_steps)
            if time.monotonic() - started >= most_s and state.global_step < state.max_steps:
                self.out_of_time = True
                control.should_save = True
                control.should_training_stop = True
            return control

        def on_log(
            self,
            args: Any,  # noqa: ARG002
            state: Any,
            control: Any,
            **kwargs: Any,  # noqa: ARG002
        ) -> Any:
            noted = [entry["loss"] for entry in state.log_history if "loss" in entry]
            self.loss = float(noted[-1]) if noted else None
            return control

    return Watch()


def _quiet() -> None:
    """Keep what the libraries would send, or print, from being sent or printed."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
