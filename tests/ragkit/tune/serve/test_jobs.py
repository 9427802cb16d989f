"""Jobs over HTTP, with training that is not real: shapes, lists, the queue, ends, restarts."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai import APIStatusError, BadRequestError, NotFoundError, OpenAI
from openai.types.fine_tuning import FineTuningJob

from tests.support.tune_server import FakeTrainer, client, examples, in_thread


def upload(api: OpenAI, content: bytes = b"") -> str:
    file = ("train.jsonl", content or examples())
    return api.files.create(file=file, purpose="fine-tune").id


def create(api: OpenAI, **more: Any) -> FineTuningJob:
    options: dict[str, Any] = {"model": "tiny"} | more
    if "training_file" not in options:
        options["training_file"] = upload(api)
    return api.fine_tuning.jobs.create(**options)


def until(look: Callable[[], Any], *, timeout_s: float = 200) -> Any:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.005)
    raise AssertionError("it did not come to pass")


def reach(api: OpenAI, job: str, *statuses: str) -> FineTuningJob:
    def look() -> FineTuningJob | None:
        found = api.fine_tuning.jobs.retrieve(job)
        return found if found.status in statuses else None

    found: FineTuningJob = until(look)
    return found


def messages(api: OpenAI, job: str) -> list[str]:
    """Return what happened, oldest first."""
    return [event.message for event in api.fine_tuning.jobs.list_events(job, limit=100)][::-1]


def refused(call: Callable[..., object], *args: Any, **options: Any) -> dict[str, Any]:
    """Return the error that a call is answered with; it has all of OpenAI's four fields."""
    with pytest.raises(APIStatusError) as caught:
        call(*args, **options)
    body: dict[str, Any] = caught.value.response.json()["error"]
    assert set(body) == {"message", "type", "param", "code"}
    assert "Traceback" not in caught.value.response.text
    return {"status": caught.value.status_code, **body}


def test_a_job_from_its_creation_to_its_model(api: OpenAI, trainer: FakeTrainer) -> None:
    metadata = {"team": "editors"}
    created = create(api, suffix="voice", seed=7, metadata=metadata)
    assert created.hyperparameters.n_epochs == "auto"
    assert created.fine_tuned_model is None
    job = reach(api, created.id, "succeeded")
    assert (job.seed, job.metadata, job.trained_tokens) == (7, metadata, 1234)
    assert (job.hyperparameters.n_epochs, job.hyperparameters.batch_size) == (3, 4)
    assert job.method is not None
    assert job.method.type == "supervised"
    assert job.finished_at is not None
    name = f"ft:tiny:ragkit:voice:{job.id.removeprefix('ftjob-')[:8]}"
    assert job.fine_tuned_model == name
    assert messages(api, job.id) == [
        f"Created fine-tuning job: {job.id}",
        f"Validating training file: {job.training_file}",
        "Files validated, moving job to queued state",
        "Fine-tuning job started",
        "Step 1/3: training loss=2.00",
        "Step 2/3: training loss=1.00",
        "Step 3/3: training loss=0.67, validation loss=0.83",
        f"Checkpoint created at step 3 with Snapshot ID: {name}:ckpt-step-3",
        "2 examples of more than 2048 tokens were left out",
        f"New fine-tuned model created: {name}",
        "The job has successfully completed",
    ]
    (checkpoint,) = api.fine_tuning.jobs.checkpoints.list(job.id)
    assert checkpoint.fine_tuned_model_checkpoint == f"{name}:ckpt-step-3"
    assert checkpoint.metrics.train_loss == pytest.approx(2 / 3)
    assert [model.id for model in api.models.list()] == ["tiny", name]
    assert api.models.retrieve(f"{name}:ckpt-step-3").owned_by == "org-ragkit"
    (result,) = job.result_files
    assert api.files.retrieve(result).purpose == "fine-tune-results"
    assert api.files.content(result).text.splitlines()[1:] == [
        "1,2.0,,,",
        "2,1.0,,,",
        f"3,{2 / 3},,{2.5 / 3},",
    ]
    check, train = trainer.orders
    assert check["verb"] == "check"
    assert train["settings"] == {
        "epochs": 3,
        "batch_size": 4,
        "learning_rate": 2e-4,
        "max_tokens": 2048,
        "seed": 7,
        "device": "cpu",
    }


@pytest.mark.parametrize("new", [True, False])
def test_hyperparameters_in_both_places(api: OpenAI, trainer: FakeTrainer, new: bool) -> None:
    wanted = {"n_epochs": 2, "batch_size": "auto", "learning_rate_multiplier": 2}
    if new:
        how: dict[str, Any] = {
            "method": {"type": "supervised", "supervised": {"hyperparameters": wanted}}
        }
    else:
        how = {"hyperparameters": wanted}
    job = reach(api, create(api, **how).id, "succeeded")
    assert job.hyperparameters.learning_rate_multiplier == 2
    settings = trainer.orders[-1]["settings"]
    assert (settings["epochs"], settings["learning_rate"]) == (2, 4e-4)


@pytest.mark.parametrize(
    ("wrong", "param"),
    [
        ({"model": "gpt-9"}, "model"),
        ({"model": "ft:tiny:ragkit::abc"}, "model"),
        ({"training_file": "file-none"}, "training_file"),
        ({"validation_file": "file-none"}, "validation_file"),
        ({"suffix": "a:b"}, "suffix"),
        ({"suffix": "a" * 65}, "suffix"),
        ({"seed": -1}, "seed"),
        ({"hyperparameters": {"n_epochs": 0}}, "hyperparameters.n_epochs"),
        ({"hyperparameters": {"n_epochs": 51}}, "hyperparameters.n_epochs"),
        ({"hyperparameters": {"n_epochs": "many"}}, "hyperparameters.n_epochs"),
        ({"hyperparameters": {"batch_size": 1.5}}, "hyperparameters.batch_size"),
        (
            {"hyperparameters": {"learning_rate_multiplier": 0}},
            "hyperparameters.learning_rate_multiplier",
        ),
        ({"hyperparameters": {"epochs": 1}}, "hyperparameters.epochs"),
        ({"method": {"type": "dpo"}}, "method.type"),
        (
            {"method": {"type": "supervised"}, "hyperparameters": {"n_epochs": 1}},
            "hyperparameters",
        ),
        ({"integrations": [{"type": "wandb", "wandb": {"project": "p"}}]}, "integrations"),
        ({"metadata": {"k": "v" * 513}}, "metadata"),
        ({"metadata": {"k" * 65: "v"}}, "metadata"),
        ({"metadata": {str(n): "v" for n in range(17)}}, "metadata"),
        ({"extra_body": {"learning_rate": 1}}, "learning_rate"),
        ({"extra_body": {"model": None}}, "model"),
    ],
)
def test_what_cannot_be_created(api: OpenAI, wrong: dict[str, Any], param: str) -> None:
    said = refused(create, api, **wrong)
    assert (said["status"], said["type"], said["param"]) == (400, "invalid_request_error", param)
    assert list(api.fine_tuning.jobs.list()) == []


def test_what_is_missing_is_named(api: OpenAI) -> None:
    said = refused(api.post, "/fine_tuning/jobs", cast_to=object, body={"model": "tiny"})
    assert said["code"] == "missing_required_parameter"
    assert said["message"] == "Missing required parameter: 'training_file'."


@pytest.mark.parametrize("verb", ["retrieve", "cancel", "pause", "resume", "list_events"])
def test_an_unknown_job(api: OpenAI, verb: str) -> None:
    said = refused(getattr(api.fine_tuning.jobs, verb), "ftjob-none")
    assert (said["status"], said["code"]) == (404, "fine_tune_not_found")
    assert said["message"] == "Could not find fine tune: ftjob-none"
    assert refused(api.fine_tuning.jobs.checkpoints.list, "ftjob-none")["status"] == 404


def test_lists_come_in_pages_newest_first(api: OpenAI) -> None:
    file = upload(api)
    made = [create(api, training_file=file, metadata={"n": str(n)}).id for n in range(5)]
    first = api.fine_tuning.jobs.list(limit=2)
    assert ([job.id for job in first.data], first.has_more) == (made[:2:-1], True)
    assert [job.id for job in api.fine_tuning.jobs.list(limit=2)] == made[::-1]
    last = api.fine_tuning.jobs.list(limit=2, after=made[1])
    assert ([job.id for job in last.data], last.has_more) == ([made[0]], False)
    found = api.fine_tuning.jobs.list(metadata={"n": "3"})
    assert [job.id for job in found] == [made[3]]
    reach(api, made[0], "succeeded")
    events = api.fine_tuning.jobs.list_events(made[0], limit=3)
    assert (len(events.data), events.has_more) == (3, True)
    assert len(list(events)) == 11


@pytest.mark.parametrize("limit", [0, -1, 101, 10**30])
def test_a_limit_that_is_none(api: OpenAI, limit: int) -> None:
    assert refused(api.fine_tuning.jobs.list, limit=limit)["param"] == "limit"


def test_a_page_after_nothing(api: OpenAI) -> None:
    assert refused(api.fine_tuning.jobs.list, after="ftjob-none")["param"] == "after"


def test_one_trains_and_the_others_wait(api: OpenAI, trainer: FakeTrainer) -> None:
    gate = trainer.hold()
    one, two = create(api).id, create(api).id
    reach(api, one, "running")
    reach(api, two, "queued")
    assert [order["verb"] for order in trainer.orders].count("train") == 1
    gate.set()
    assert reach(api, two, "succeeded").created_at >= reach(api, one, "succeeded").created_at


def test_a_running_job_is_cancelled_at_once(api: OpenAI, trainer: FakeTrainer) -> None:
    trainer.hold()
    one, two = create(api).id, create(api).id
    reach(api, one, "running")
    until(lambda: "Step 3/3" in str(messages(api, one)))
    cancelled = api.fine_tuning.jobs.cancel(one)
    assert (cancelled.status, cancelled.fine_tuned_model) == ("cancelled", None)
    assert cancelled.finished_at is not None
    reach(api, two, "running")
    assert messages(api, one)[-1] == "Fine-tuning job cancelled"
    said = refused(api.fine_tuning.jobs.cancel, one)
    assert (said["status"], said["code"]) == (400, "job_already_completed")
    assert f"{one} (cancelled)" in said["message"]


def test_a_queued_job_is_cancelled_and_never_runs(api: OpenAI, trainer: FakeTrainer) -> None:
    gate = trainer.hold()
    one, two = create(api).id, create(api).id
    reach(api, one, "running")
    reach(api, two, "queued")
    api.fine_tuning.jobs.cancel(two)
    gate.set()
    reach(api, one, "succeeded")
    assert reach(api, two, "cancelled").trained_tokens is None
    assert "Fine-tuning job started" not in messages(api, two)


def test_a_job_is_paused_and_goes_on(api: OpenAI, trainer: FakeTrainer) -> None:
    gate = trainer.hold()
    one, two = create(api).id, create(api).id
    reach(api, one, "running")
    assert api.fine_tuning.jobs.pause(one).status == "queued"
    assert refused(api.fine_tuning.jobs.pause, one)["status"] == 400
    reach(api, two, "running")
    gate.set()
    reach(api, two, "succeeded")
    assert api.fine_tuning.jobs.retrieve(one).status == "queued"
    api.fine_tuning.jobs.resume(one)
    reach(api, one, "succeeded")
    assert refused(api.fine_tuning.jobs.resume, one)["code"] == "job_already_completed"
    assert len(list(api.fine_tuning.jobs.checkpoints.list(one))) == 1


def test_a_training_that_fails_says_why(base: Path, tmp_path: Path) -> None:
    error = {"code": "training_failed", "message": "the loss became inf", "param": None}
    begin = FakeTrainer(error=error)
    with in_thread(base, tmp_path / "data", begin=begin) as url, client(url) as api:
        job = reach(api, create(api).id, "failed")
        assert job.error is not None
        assert (job.error.code, job.error.message) == ("training_failed", "the loss became inf")
        assert job.fine_tuned_model is None
        last = next(iter(api.fine_tuning.jobs.list_events(job.id)))
        assert (last.level, last.message) == ("error", "the loss became inf")


def test_a_file_that_is_deleted_while_its_job_waits(api: OpenAI, trainer: FakeTrainer) -> None:
    gate = trainer.hold()
    one, two = create(api), create(api)
    reach(api, one.id, "running")
    reach(api, two.id, "queued")
    api.files.delete(two.training_file)
    gate.set()
    job = reach(api, two.id, "failed")
    assert job.error is not None
    assert (job.error.code, job.error.param) == ("invalid_training_file", "training_file")


def test_all_jobs_outlive_the_server(base: Path, tmp_path: Path) -> None:
    trainer = FakeTrainer()
    trainer.hold()
    with in_thread(base, tmp_path / "data", begin=trainer) as url, client(url) as api:
        one, two, three = create(api).id, create(api).id, create(api).id
        reach(api, one, "running")
        reach(api, three, "queued")
        api.fine_tuning.jobs.cancel(two)
        until(lambda: "Step 3/3" in str(messages(api, one)))
    with in_thread(base, tmp_path / "data", begin=FakeTrainer()) as url, client(url) as api:
        assert api.fine_tuning.jobs.retrieve(two).status == "cancelled"
        assert reach(api, one, "succeeded").fine_tuned_model is not None
        reach(api, three, "succeeded")
        said = messages(api, one)
        assert "The server was restarted; training goes on from the last checkpoint" in said
        assert sum(message.startswith("Checkpoint created") for message in said) == 1
        table = api.files.content(api.fine_tuning.jobs.retrieve(one).result_files[0]).text
        assert len(table.splitlines()) == 4


def test_a_base_that_is_no_longer_served(base: Path, tmp_path: Path) -> None:
    trainer = FakeTrainer()
    with in_thread(base, tmp_path / "data", begin=trainer) as url, client(url) as api:
        tuned = reach(api, create(api).id, "succeeded").fine_tuned_model
        trainer.hold()
        waiting = create(api).id
        reach(api, waiting, "running")
    other = {"other": base}
    with (
        in_thread(base, tmp_path / "data", begin=trainer, bases=other) as url,
        client(url) as api,
    ):
        job = reach(api, waiting, "failed")
        assert job.error is not None
        assert "tiny is no longer served" in job.error.message
        assert tuned is not None
        ask: list[Any] = [{"role": "user", "content": "x"}]
        with pytest.raises(NotFoundError, match="was not started with"):
            api.chat.completions.create(model=tuned, messages=ask)


def test_tuned_models_are_deleted_and_bases_are_not(api: OpenAI, tmp_path: Path) -> None:
    job = reach(api, create(api).id, "succeeded")
    assert job.fine_tuned_model is not None
    weights = tmp_path / "data" / "jobs" / job.id / "training"
    assert weights.is_dir()
    assert api.models.delete(job.fine_tuned_model).deleted
    assert not weights.exists()
    assert [model.id for model in api.models.list()] == ["tiny"]
    for call in (api.models.delete, api.models.retrieve):
        said = refused(call, job.fine_tuned_model)
        assert (said["status"], said["code"]) == (404, "model_not_found")
    assert refused(api.models.delete, "tiny")["status"] == 403
    with pytest.raises(BadRequestError, match="not available for fine-tuning"):
        create(api, model=job.fine_tuned_model)
