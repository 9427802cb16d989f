"""What the server remembers: files, jobs, their events and checkpoints, tuned models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Self

ORGANISATION = "ragkit"
LIVE = ("validating_files", "queued", "running")
"""The statuses that a job leaves again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Something with an id that is kept as JSON.

    Attributes:
        id: Unique among all records.
        created_at: Seconds since 1970.
    """

    KIND: ClassVar[str] = ""

    id: str
    created_at: int

    @property
    def owner(self) -> str:
        """The id of the job that it belongs to; "" for none."""
        return ""

    def to_row(self) -> dict[str, Any]:
        """Return the fields as JSON keeps them."""
        return asdict(self)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """Return the record that `to_row` was made of."""
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in row.items()
        }
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile(Record):
    """A file; its content lies beside the ledger, under its id.

    Attributes:
        size_bytes: Of the content.
        filename: As the client named it.
        purpose: "fine-tune", or "fine-tune-results" for what a job left.
        expires_at: When it is deleted, in seconds since 1970; None for never.
    """

    KIND: ClassVar[str] = "file"

    size_bytes: int
    filename: str
    purpose: str = "fine-tune"
    expires_at: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the object of the API."""
        return {
            "id": self.id,
            "object": "file",
            "bytes": self.size_bytes,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "filename": self.filename,
            "purpose": self.purpose,
            "status": "processed",
            "status_details": None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Job(Record):
    """A fine-tuning job.

    Attributes:
        model: The base's name.
        training_file: Its id.
        validation_file: Its id; None for none.
        hyperparameters: `n_epochs`, `batch_size` and `learning_rate_multiplier`, each a number, or
            "auto" until the job runs.
        suffix: In the tuned model's name; "" for none.
        seed: Of the training.
        metadata: The client's own; None if it gave none.
        status: One of `LIVE`, or succeeded, failed, cancelled.
        held: Whether it was paused: it waits in the queue until it is resumed.
        fine_tuned_model: The tuned model's name, once it is there.
        started_at: When training last began, in seconds since 1970; None before.
        finished_at: When it ended; None before.
        estimated_finish: When it may end; None unless it runs.
        trained_tokens: Of all epochs; None before the end.
        result_files: Ids.
        error: `code`, `message` and `param` of what made it fail; None if nothing did.
    """

    KIND: ClassVar[str] = "job"

    model: str
    training_file: str
    validation_file: str | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    suffix: str = ""
    seed: int = 0
    metadata: Mapping[str, str] | None = None
    status: str = "validating_files"
    held: bool = False
    fine_tuned_model: str | None = None
    started_at: int | None = None
    finished_at: int | None = None
    estimated_finish: int | None = None
    trained_tokens: int | None = None
    result_files: tuple[str, ...] = ()
    error: Mapping[str, Any] | None = None

    @property
    def live(self) -> bool:
        """Whether it has not ended."""
        return self.status in LIVE

    @property
    def tuned_name(self) -> str:
        """The name that its model has, once it is there: the hosted service's form."""
        return f"ft:{self.model}:{ORGANISATION}:{self.suffix}:{self.id.rpartition('-')[2][:8]}"

    def to_json(self) -> dict[str, Any]:
        """Return the object of the API."""
        return {
            "id": self.id,
            "object": "fine_tuning.job",
            "created_at": self.created_at,
            "error": self.error,
            "estimated_finish": self.estimated_finish,
            "fine_tuned_model": self.fine_tuned_model,
            "finished_at": self.finished_at,
            "hyperparameters": self.hyperparameters,
            "integrations": [],
            "metadata": self.metadata,
            "method": {
                "type": "supervised",
                "supervised": {"hyperparameters": self.hyperparameters},
            },
            "model": self.model,
            "organization_id": f"org-{ORGANISATION}",
            "result_files": list(self.result_files),
            "seed": self.seed,
            "status": self.status,
            "trained_tokens": self.trained_tokens,
            "training_file": self.training_file,
            "user_provided_suffix": self.suffix or None,
            "validation_file": self.validation_file,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent(Record):
    """Something that happened to a job.

    Attributes:
        job: Its id.
        message: In the hosted service's words, where it has words for it.
        level: "info", "warn" or "error".
        data: Of a metrics event: `step`, `total_steps`, `train_loss`, and `valid_loss` if the
            held-out examples were looked at; None for a plain message.
    """

    KIND: ClassVar[str] = "event"

    job: str
    message: str
    level: str = "info"
    data: Mapping[str, Any] | None = None

    @property
    def owner(self) -> str:
        """The job's id."""
        return self.job

    def to_json(self) -> dict[str, Any]:
        """Return the object of the API."""
        return {
            "id": self.id,
            "object": "fine_tuning.job.event",
            "created_at": self.created_at,
            "level": self.level,
            "message": self.message,
            "type": "message" if self.data is None else "metrics",
            "data": self.data or {},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint(Record):
    """The state of a job's model after a step.

    Attributes:
        job: Its id.
        step: Counted from 1.
        name: Of the model that it can be asked as.
        metrics: `step`, `train_loss`, and `valid_loss` if known.
    """

    KIND: ClassVar[str] = "checkpoint"

    job: str
    step: int
    name: str
    metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def owner(self) -> str:
        """The job's id."""
        return self.job

    def to_json(self) -> dict[str, Any]:
        """Return the object of the API."""
        return {
            "id": self.id,
            "object": "fine_tuning.job.checkpoint",
            "created_at": self.created_at,
            "fine_tuned_model_checkpoint": self.name,
            "fine_tuning_job_id": self.job,
            "metrics": self.metrics,
            "step_number": self.step,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedModel(Record):
    """A model that can be asked; its id is its name.

    Attributes:
        base: The base's name.
        adapter: Its folder, relative to the server's data folder.
        final: Whether it is a job's result, not one of its checkpoints.
    """

    KIND: ClassVar[str] = "model"

    base: str
    adapter: str
    final: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return the object of the API."""
        return model_json(self.id, self.created_at, f"org-{ORGANISATION}", parent=self.base)


def model_json(
    name: str, created: int, owned_by: str, *, parent: str | None = None
) -> dict[str, Any]:
    """Return the API's object of a model."""
    return {
        "id": name,
        "object": "model",
        "created": created,
        "owned_by": owned_by,
        "parent": parent,
    }
