"""Validates and trains: one job at a time, each in a process of its own, in the order of creation.

What a job has come to stands in the ledger before anybody is told, so a server that is killed
takes up every job where the ledger says. A job that was in training is trained on from its last
checkpoint.
"""

from __future__ import annotations

import csv
import io
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Condition, Thread
from typing import Any

from ragkit.tune.serve.fault import Fault, invalid, no_job
from ragkit.tune.serve.ledger import Ledger
from ragkit.tune.serve.process import ChildProcess, Process
from ragkit.tune.serve.record import Checkpoint, Job, JobEvent, TunedModel
from ragkit.tune.serve.vault import Vault, new_id
from ragkit.tune.training_folder import drop_checkpoints

EPOCHS, BATCH, LEARNING_RATE = 3, 4, 2e-4
"""What "auto" and a multiplier of 1 mean."""
MAX_TOKENS = 2048
"""Longer examples are left out."""

Begin = Callable[[Mapping[str, Any], Path], Process]

_COLUMNS = ("step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy")
_RETRY_S = 5.0


@dataclass(slots=True)
class _Lane:
    """What one of the two threads does now."""

    status: str
    job: str = ""
    process: Process | None = None


class Worker:
    """Works off the ledger's jobs.

    Args:
        ledger: Holds the jobs.
        vault: Holds their files.
        bases: Folder of each base by name.
        folder: The server's data folder; jobs train in its `jobs`.
        device: Where it is trained; "" for CUDA if present, else the CPU.
        begin: Starts a process, given the order and where its log goes.
        clock: Seconds since 1970.
    """

    def __init__(
        self,
        ledger: Ledger,
        vault: Vault,
        *,
        bases: Mapping[str, Path],
        folder: Path,
        device: str = "",
        begin: Begin = ChildProcess,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._vault = vault
        self._bases = bases
        self._folder = folder
        self._device = device
        self._begin = begin
        self._clock = clock
        self._changed = Condition()
        self._closing = False
        self._lanes = (_Lane("validating_files"), _Lane("queued"))
        works = (self._validate, self._train)
        self._threads = [
            Thread(target=self._follow, args=pair, name=f"ragkit-{pair[0].status}", daemon=True)
            for pair in zip(self._lanes, works, strict=True)
        ]

    def start(self) -> None:
        """Take up what the ledger holds, and begin to work."""
        for job in self._ledger.all(Job):
            if job.status == "running":
                self._move(
                    job.id,
                    "The server was restarted; training goes on from the last checkpoint",
                    level="warn",
                    status="queued",
                    estimated_finish=None,
                )
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop working; what runs is left for the next start."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for lane in self._lanes:
            if lane.process is not None:
                lane.process.end()
        for thread in self._threads:
            thread.join()

    # -- what clients ask for ------------------------------------------------------------------

    def submit(self, job: Job) -> None:
        """Add a job; it is on the disk when this returns."""
        created = f"Created fine-tuning job: {job.id}"
        what = f"Validating training file: {job.training_file}"
        if job.validation_file:
            what += f" and validation file: {job.validation_file}"
        self._ledger.add(job, self._event(job.id, created), self._event(job.id, what))
        self._wake()

    def cancel(self, name: str) -> Job:
        """End a job at once.

        Raises:
            Fault: If there is no such job, or it has ended.
        """
        job = self._live(
            name,
            "Fine-tuning job cancelled",
            lambda job: replace(
                job,
                status="cancelled",
                held=False,
                finished_at=int(self._clock()),
                estimated_finish=None,
            ),
        )
        self._end_process(name)
        self._tidy(name)
        return job

    def pause(self, name: str) -> Job:
        """Put a job aside until it is resumed; a running one keeps its last checkpoint.

        Raises:
            Fault: If there is no such job, it has ended, or it is paused.
        """

        def held(job: Job) -> Job:
            if job.held:
                raise invalid("fine_tune_id", f"The job {name} is paused already.")
            status = "queued" if job.status == "running" else job.status
            return replace(job, held=True, status=status, estimated_finish=None)

        job = self._live(name, "Fine-tuning job paused", held)
        self._end_process(name)
        return job

    def resume(self, name: str) -> Job:
        """Let a paused job go on.

        Raises:
            Fault: If there is no such job, it has ended, or it is not paused.
        """

        def let_go(job: Job) -> Job:
            if not job.held:
                raise invalid("fine_tune_id", f"The job {name} is not paused.")
            return replace(job, held=False)

        job = self._live(name, "Fine-tuning job resumed", let_go)
        self._wake()
        return job

    def _live(self, name: str, message: str, change: Callable[[Job], Job]) -> Job:
        """Change a job that has not ended."""
        with self._ledger.together():
            job = self._ledger.get(Job, name)
            if job is None:
                raise no_job(name)
            if not job.live:
                raise Fault(
                    400,
                    f"Job has already completed: {name} ({job.status})",
                    param="fine_tune_id",
                    code="job_already_completed",
                )
            job = change(job)
            self._ledger.change(job)
            self._ledger.add(self._event(name, message))
        return job

    def _end_process(self, name: str) -> None:
        with self._changed:
            processes = [lane.process for lane in self._lanes if lane.job == name]
        for process in processes:
            if process is not None:
                process.end()

    def _tidy(self, name: str) -> None:
        """Remove what only a training that goes on would need, of a job that ended without one.

        Its checkpoints' adapters stay.
        """
        job = self._ledger.get(Job, name)
        if job is not None and job.status in {"failed", "cancelled"}:
            shutil.rmtree(self._place(job) / "training", ignore_errors=True)

    # -- the two threads -------------------------------------------------------------------------

    def _follow(self, lane: _Lane, work: Callable[[_Lane, Job], None]) -> None:
        while (job := self._next(lane)) is not None:
            try:
                work(lane, job)
            except Exception as exc:  # noqa: BLE001  (a thread that dies would stop all jobs)
                self._mishap(job, exc)
            finally:
                with self._changed:
                    lane.job = ""
                    process, lane.process = lane.process, None
                if process is not None:
                    process.close()
                self._tidy(job.id)

    def _next(self, lane: _Lane) -> Job | None:
        """Wait for a job in the lane's status; None when the server closes."""
        with self._changed:
            while not self._closing:
                for job in self._ledger.all(Job):
                    if job.status == lane.status and not job.held:
                        lane.job = job.id
                        return job
                self._changed.wait()
        return None

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _mishap(self, job: Job, exc: Exception) -> None:
        """A job could not be worked on for a reason that is not its own, such as a full disk."""
        said = " ".join(str(exc).split())[:200]
        message = f"the server could not work on the job ({type(exc).__name__}: {said})"
        try:
            self._fail(job.id, {"code": "server_error", "message": message, "param": None})
        except Exception as worse:  # noqa: BLE001  (the ledger itself fails: tried again later)
            print(f"ragkit: {job.id}: {message}; {worse}", file=sys.stderr, flush=True)
            with self._changed:
                self._changed.wait_for(lambda: self._closing, timeout=_RETRY_S)

    def _answers(self, lane: _Lane, job: Job, order: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        log = self._place(job) / "log.txt"
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._changed:
            current = self._ledger.get(Job, job.id)
            if self._closing or current is None or not current.live or current.held:
                return
            lane.process = process = self._begin(order, log)
        yield from process.answers()

    def _validate(self, lane: _Lane, job: Job) -> None:
        files = self._files(job)
        if files is None:
            return
        for answer in self._answers(lane, job, {"verb": "check", **files}):
            if self._closing:
                return
            if "error" in answer:
                self._fail(job.id, answer["error"])
            else:
                done = "Files validated, moving job to queued state"
                self._move(job.id, done, only="validating_files", status="queued")
                self._wake()

    def _train(self, lane: _Lane, job: Job) -> None:
        if job.model not in self._bases:
            message = f"the base {job.model} is no longer served; start the server with it"
            self._fail(
                job.id, {"code": "model_not_available", "message": message, "param": "model"}
            )
            return
        files = self._files(job)
        if files is None:
            return
        chosen = _chosen(job.hyperparameters)
        started = int(self._clock())
        self._move(
            job.id,
            "Fine-tuning job started",
            only="queued",
            status="running",
            hyperparameters=chosen,
            started_at=started,
        )
        order = {
            "verb": "train",
            "base": str(self._bases[job.model].resolve()),
            "out": str(self._place(job) / "training"),
            **files,
            "settings": {
                "epochs": chosen["n_epochs"],
                "batch_size": chosen["batch_size"],
                "learning_rate": LEARNING_RATE * chosen["learning_rate_multiplier"],
                "max_tokens": MAX_TOKENS,
                "seed": job.seed,
                "device": self._device,
            },
        }
        first: int | None = None
        for answer in self._answers(lane, job, order):
            if self._closing:
                return
            if "event" in answer:
                first = answer["event"]["step"] - 1 if first is None else first
                self._note(job, answer["event"], first, started)
            elif "error" in answer:
                self._fail(job.id, answer["error"])
            else:
                self._succeed(job, answer["result"])

    def _files(self, job: Job) -> dict[str, str] | None:
        """Return where the job's files lie; fail the job if one is gone."""
        paths = {}
        for param in ("training_file", "validation_file"):
            name = getattr(job, param)
            stored = self._vault.get(name) if name else None
            if name and stored is None:
                message = f"the {param.replace('_', ' ')} {name} was deleted or has expired"
                self._fail(job.id, {"code": f"invalid_{param}", "message": message, "param": param})
                return None
            paths[param] = str(self._vault.path(stored).resolve()) if stored else ""
        return paths

    def _place(self, job: Job) -> Path:
        return self._folder / "jobs" / job.id

    # -- what becomes of a job -------------------------------------------------------------------

    def _move(
        self, name: str, message: str, *, level: str = "info", only: str = "", **changes: Any
    ) -> None:
        """Change a job, unless it has ended, or is paused or no longer in the status `only`."""
        with self._ledger.together():
            job = self._ledger.get(Job, name)
            if job is None or not job.live or (only and (job.held or job.status != only)):
                return
            self._ledger.change(replace(job, **changes))
            self._ledger.add(self._event(name, message, level=level))

    def _fail(self, name: str, error: Mapping[str, Any]) -> None:
        self._move(
            name,
            error["message"],
            level="error",
            status="failed",
            error=error,
            finished_at=int(self._clock()),
            estimated_finish=None,
        )

    def _note(self, job: Job, said: Mapping[str, Any], first: int, started: int) -> None:
        """Keep a step, and the checkpoint that was made after it."""
        step, steps = said["step"], said["steps"]
        values = {"train_loss": said["loss"], "valid_loss": said["held_out_loss"]}
        losses = {name: value for name, value in values.items() if value is not None}
        words = {"train_loss": "training loss", "valid_loss": "validation loss"}
        shown = ", ".join(f"{words[name]}={value:.2f}" for name, value in losses.items())
        data = {"step": step, "total_steps": steps, **losses}
        with self._ledger.together():
            current = self._ledger.get(Job, job.id)
            if current is None or current.status != "running":
                return
            if step > first:
                now = self._clock()
                left = (now - started) / (step - first) * (steps - step)
                self._ledger.change(replace(current, estimated_finish=int(now + left)))
            message = f"Step {step}/{steps}: {shown}".removesuffix(": ")
            self._ledger.add(self._event(job.id, message, data=data))
            if said["checkpoint"]:
                self._keep(current, step, losses, Path(said["checkpoint"]))

    def _keep(self, job: Job, step: int, losses: Mapping[str, float], adapter: Path) -> None:
        name = f"{job.tuned_name}:ckpt-step-{step}"
        if self._ledger.get(TunedModel, name) is not None:  # made before the server was killed
            return
        now = int(self._clock())
        self._ledger.add(
            TunedModel(
                id=name,
                created_at=now,
                base=job.model,
                adapter=self._relative(adapter),
                final=False,
            ),
            Checkpoint(
                id=new_id("ftckpt_"),
                created_at=now,
                job=job.id,
                step=step,
                name=name,
                metrics={"step": step, **losses},
            ),
            self._event(job.id, f"Checkpoint created at step {step} with Snapshot ID: {name}"),
        )

    def _succeed(self, job: Job, result: Mapping[str, Any]) -> None:
        metrics = self._vault.put(
            io.BytesIO(self._table(job)), filename="step_metrics.csv", purpose="fine-tune-results"
        )
        name, now = job.tuned_name, int(self._clock())
        with self._ledger.together():
            current = self._ledger.get(Job, job.id)
            kept = current is not None and current.status == "running"
            if kept:
                self._ledger.add(
                    TunedModel(
                        id=name,
                        created_at=now,
                        base=job.model,
                        adapter=self._relative(self._place(job) / "training"),
                    )
                )
                if result["left_out"]:
                    left = f"{result['left_out']} examples of more than {MAX_TOKENS} tokens were "
                    self._ledger.add(self._event(job.id, f"{left}left out", level="warn"))
                if result["stopped_early"]:
                    early = "Training stopped early: the validation loss no longer fell"
                    self._ledger.add(self._event(job.id, early))
                self._ledger.add(self._event(job.id, f"New fine-tuned model created: {name}"))
                self._move(
                    job.id,
                    "The job has successfully completed",
                    status="succeeded",
                    fine_tuned_model=name,
                    finished_at=now,
                    estimated_finish=None,
                    trained_tokens=result["trained_tokens"],
                    result_files=(metrics.id,),
                )
        if kept:
            drop_checkpoints(self._place(job) / "training")
        else:
            self._vault.drop(metrics)

    def _table(self, job: Job) -> bytes:
        """Return the steps as CSV; of a step that was made twice, the later."""
        steps = {
            event.data["step"]: event.data
            for event in self._ledger.all(JobEvent, owner=job.id)
            if event.data is not None
        }
        out = io.StringIO()
        writer = csv.DictWriter(out, _COLUMNS, restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(steps[step] for step in sorted(steps))
        return out.getvalue().encode()

    def _relative(self, adapter: Path) -> str:
        return adapter.resolve().relative_to(self._folder.resolve()).as_posix()

    def _event(
        self,
        job: str,
        message: str,
        *,
        level: str = "info",
        data: Mapping[str, Any] | None = None,
    ) -> JobEvent:
        return JobEvent(
            id=new_id("ftevent-"),
            created_at=int(self._clock()),
            job=job,
            message=message,
            level=level,
            data=data,
        )


def _chosen(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return hyperparameters with a number for each "auto"."""
    numbers = {"n_epochs": EPOCHS, "batch_size": BATCH, "learning_rate_multiplier": 1.0}
    given = {name: value for name, value in wanted.items() if value != "auto"}
    return numbers | given
