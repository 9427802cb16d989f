"""The unmodified openai client, from the upload to a chat with the tuned model, real training."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from openai import NotFoundError, OpenAI
from openai.types.fine_tuning import FineTuningJob

from tests.support.tune_server import client, examples, in_thread

ANSWER = "o" * 24
SAID = "o" * 8
ASK: list[Any] = [{"role": "user", "content": "Question 3?"}]


def ended(api: OpenAI, job: str, *, timeout_s: float = 240) -> FineTuningJob:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        found = api.fine_tuning.jobs.retrieve(job)
        if found.status in {"succeeded", "failed", "cancelled"}:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{job} did not end: {found.status}")


def says(api: OpenAI, model: str) -> str:
    answer = api.chat.completions.create(
        model=model,
        messages=ASK,
        temperature=0,
        max_completion_tokens=8,
    )
    return answer.choices[0].message.content or ""


def test_a_model_is_tuned_and_asked(base: Path, tmp_path: Path) -> None:
    with in_thread(base, tmp_path / "data") as url, client(url) as api:
        training = api.files.create(file=("voice.jsonl", examples(16, ANSWER)), purpose="fine-tune")
        held_out = api.files.create(file=("held.jsonl", examples(4, ANSWER)), purpose="fine-tune")
        created = api.fine_tuning.jobs.create(
            model="tiny",
            training_file=training.id,
            validation_file=held_out.id,
            suffix="voice",
            seed=7,
            method={
                "type": "supervised",
                "supervised": {
                    "hyperparameters": {
                        "n_epochs": 8,
                        "batch_size": 4,
                        "learning_rate_multiplier": 100.0,
                    }
                },
            },
        )
        assert created.status == "validating_files"
        job = ended(api, created.id)
        assert (job.status, job.error) == ("succeeded", None)
        assert job.fine_tuned_model is not None
        assert job.fine_tuned_model.startswith("ft:tiny:ragkit:voice:")
        assert job.trained_tokens is not None
        assert job.trained_tokens > 16 * 20

        messages = [event.message for event in api.fine_tuning.jobs.list_events(job.id, limit=100)]
        assert messages[0] == "The job has successfully completed"
        assert f"New fine-tuned model created: {job.fine_tuned_model}" in messages
        assert messages[-1] == f"Created fine-tuning job: {job.id}"
        losses = [event.data for event in api.fine_tuning.jobs.list_events(job.id) if event.data]
        assert losses[0]["train_loss"] < losses[-1]["train_loss"]  # type: ignore[index]

        checkpoint = next(iter(api.fine_tuning.jobs.checkpoints.list(job.id)))
        assert checkpoint.metrics.valid_loss is not None
        assert says(api, "tiny") != SAID
        assert says(api, job.fine_tuned_model) == SAID
        assert says(api, checkpoint.fine_tuned_model_checkpoint) == SAID

        table = api.files.content(job.result_files[0]).text.splitlines()
        assert table[0] == "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"
        assert [line.split(",")[0] for line in table[1:]] == [
            str(step) for step in range(1, len(table))
        ]

        assert api.models.delete(job.fine_tuned_model).deleted
        with pytest.raises(NotFoundError, match="does not exist"):
            says(api, job.fine_tuned_model)
        assert says(api, checkpoint.fine_tuned_model_checkpoint) == SAID
