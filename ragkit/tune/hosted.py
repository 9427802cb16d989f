"""Tunes at a hosted service of OpenAI's shape: checks and uploads, trains, says how to use it.

Nothing is sent before `run`, and then to the named endpoint alone. A run is known by what goes into
it, at the service as well: files by their names, which hold their hash, and jobs by their metadata.
So it may be interrupted anywhere and started again without a second upload or a second job.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ragkit.tune.check import PRICES, CheckReport, check_file
from ragkit.tune.fingerprint import file_sha256
from ragkit.tune.hosted_state import HostedState, Run, alone, run_key
from ragkit.tune.shutdown import Announced, announced, check_base, check_service, is_official
from ragkit_ingest.embed.backoff import Backoff
from ragkit_ingest.endpoint import Endpoint, EndpointFailure
from ragkit_ingest.errors import ConfigError, TuneError, UsageError

OPENAI = "https://api.openai.com/v1"
TRAINING, HELD_OUT = "train.jsonl", "held_out.jsonl"
"""The files of a training set, as `ragkit tune prepare` names them."""

_METADATA = "ragkit_run"
_LOOKED_AT = 1000
_SHOWN = 5
_ADVICE = {413: "the service takes no file of this size: use fewer examples"}
_LEAST_LIFE_S = 86400

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedSettings:
    """What is tuned where.

    Attributes:
        data: The folder of the training set: `train.jsonl`, and `held_out.jsonl` if there is one.
        model: The base's name at the service.
        url: The service's base address.
        key_env: The environment variable that holds the key.
        suffix: For the tuned model's name, up to 64 characters; "" for none.
        epochs: How often every example is read, up to 50; 0 leaves it to the service.
        price: Of a million trained tokens; None for published prices, where they are known.
        keep_days: After how many days the service deletes the files, 1 to 30.
        timeout_s: Longest silence, in seconds.
        poll_s: Between two looks at a job, in seconds.
        backoff: When failed requests are tried again.
    """

    data: Path
    model: str
    url: str = OPENAI
    key_env: str = "OPENAI_API_KEY"
    suffix: str = ""
    epochs: int = 0
    price: float | None = None
    keep_days: int = 7
    timeout_s: float = 120.0
    poll_s: float = 10.0
    backoff: Backoff = field(default_factory=lambda: Backoff(tries=8, first_s=1.0))

    def __post_init__(self) -> None:
        if not self.model.strip():
            raise ConfigError("the base has no name; give it as --model NAME")
        if not 0 <= self.epochs <= 50:
            raise ConfigError(f"--epochs must be from 1 to 50, not {self.epochs}")
        if not 1 <= self.keep_days <= 30:
            raise ConfigError(f"keep_days must be from 1 to 30, not {self.keep_days}")
        if len(self.suffix) > 64:
            raise ConfigError(f"--suffix has {len(self.suffix)} characters; at most 64 are taken")
        self.endpoint()

    def endpoint(self) -> Endpoint:
        """Return where requests go.

        Raises:
            ConfigError: If the address is none.
        """
        return Endpoint(
            url=self.url,
            model=self.model,
            key_env=self.key_env,
            timeout_s=self.timeout_s,
            kind="tuning",
            what="the tuning service",
            error=TuneError,
            advice=_ADVICE,
            option="--base-url",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedPlan:
    """What a run would send and cost; nothing was sent for it.

    Attributes:
        host: Where the texts would go.
        here: Whether that is this machine.
        training: What is learnt.
        held_out: What is not learnt, and tells when it gets worse; None for none.
        size_bytes: Of both files.
        epochs: How often every example is read; the service's usual number if it chooses.
        tokens: To be trained and paid for, about.
        cost: In dollars, or in the currency of the price that was given; None if unknown.
        known: The job that was begun with the same earlier; "" for none.
        key: What tells this run from every other; see `hosted_state`.
        notes: What a person should know, one sentence each.
    """

    host: str
    here: bool
    training: CheckReport
    held_out: CheckReport | None
    size_bytes: int
    epochs: int
    tokens: int
    cost: float | None
    known: str
    key: str
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return the figures as JSON values."""
        return {
            "host": self.host,
            "examples": self.training.examples,
            "held_out": self.held_out.examples if self.held_out else 0,
            "bytes": self.size_bytes,
            "epochs": self.epochs,
            "tokens": self.tokens,
            "cost": self.cost,
            "known_job": self.known or None,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class HostedResult:
    """What a job made.

    Attributes:
        job: Its id.
        model: The tuned model's name.
        url: The endpoint.
        trained_tokens: As the service counts them; None if it does not say.
        checkpoints: Their models' names, newest first.
    """

    job: str
    model: str
    url: str
    trained_tokens: int | None
    checkpoints: tuple[str, ...]

    @property
    def options(self) -> str:
        """How it is used on the command line."""
        return f"--generator openai:{self.model} --generator-url {self.url}"

    def to_json(self) -> dict[str, object]:
        """Return the result as JSON values."""
        return {
            "job": self.job,
            "model": self.model,
            "trained_tokens": self.trained_tokens,
            "checkpoints": list(self.checkpoints),
            "generator": f"openai:{self.model}",
            "generator_url": self.url,
        }


class HostedTuning:
    """Tunes at one endpoint.

    Args:
        settings: What is tuned where.
        on_note: Told what happens, one line each.
        table: What the official service has announced; by default the packaged table.
        today: Returns the day.
        sleep: Waits.
    """

    def __init__(
        self,
        settings: HostedSettings,
        *,
        on_note: Callable[[str], None] = lambda _: None,
        table: Announced | None = None,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._endpoint = settings.endpoint()
        self._note = on_note
        self._table = table or announced()
        self._today = today
        self._sleep = sleep
        self._opened: Any = None

    def close(self) -> None:
        """Close the connections."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    # -- before anything is sent -----------------------------------------------------------------

    def plan(self) -> HostedPlan:
        """Return what a run would send and cost.

        Raises:
            UsageError: If a file is missing or the service would refuse it.
            TuneError: If the service or the base has ended or soon does.
        """
        settings = self._settings
        key = self._key()
        run = HostedState(settings.data).get(key)
        known = run.job if run else ""
        notes: list[str] = []
        if not known:
            today = self._today()
            notes += check_service(settings.url, today, self._table)
            notes += check_base(settings.url, settings.model, today, self._table)
        training = _checked(settings.data / TRAINING)
        has_held_out = (settings.data / HELD_OUT).is_file()
        held_out = _checked(settings.data / HELD_OUT, least=1) if has_held_out else None
        reports = [training, *([held_out] if held_out else [])]
        worth_a_look = sum(len(report.warnings) for report in reports)
        if worth_a_look:
            notes.append(f"{worth_a_look} findings are worth a look: ragkit tune check FILE")
        estimate = training.estimate
        assert estimate is not None
        epochs = settings.epochs or estimate.epochs
        tokens = training.tokens.total * epochs
        price = settings.price if settings.price is not None else self._price()
        return HostedPlan(
            host=urlsplit(settings.url).hostname or "",
            here=on_this_machine(settings.url),
            training=training,
            held_out=held_out,
            size_bytes=sum(Path(report.file).stat().st_size for report in reports),
            epochs=epochs,
            tokens=tokens,
            cost=None if price is None else tokens * price / 1e6,
            known=known,
            key=key,
            notes=tuple(notes),
        )

    def _price(self) -> float | None:
        if not is_official(self._settings.url, self._table):
            return None
        model = self._settings.model
        return next(
            (price for name, price in PRICES.items() if model in (name, f"{name}{model[-11:]}")),
            None,
        )

    # -- the three steps -------------------------------------------------------------------------

    def run(self, plan: HostedPlan | None = None) -> HostedResult:
        """Upload, train, and return how the tuned model is used.

        What was done before with the same files, base and settings is taken up, not repeated.

        Args:
            plan: What was agreed to; by default what there is to send now.

        Raises:
            UsageError: If a file is missing or the service would refuse it.
            TuneError: If the service fails or refuses, or the job fails or is cancelled.
            StorageError: If the state cannot be kept.
        """
        settings = self._settings
        plan = plan or self.plan()
        key = plan.key
        if self._key() != key:
            raise TuneError(
                f"the files in {settings.data} were changed after they were looked at; run the "
                "command again"
            )
        with alone(settings.data):
            state = HostedState(settings.data)
            fresh = Run(url=settings.url, model=settings.model)
            run = state.get(key) or fresh
            if run.job and self._job(run.job) is None:
                self._note(f"The job {run.job} is not known there any more.")
                run = state.put(key, fresh)
                plan = self.plan()
            if not run.job:
                self._check_base_there()
                run = self._upload(state, key, run, plan)
                job = self._create(key, run)
                run = state.put(key, run, job=job.id)
            return self._follow(state, key, run)

    def resume(self, job: str) -> HostedResult:
        """Follow a job to its end, wherever it was created.

        Raises:
            TuneError: If there is no such job, or it fails or is cancelled.
        """
        with alone(self._settings.data):
            state = HostedState(self._settings.data)
            known = state.of_job(job)
            key, run = known or (
                run_key(url=self._settings.url, job=job),
                Run(url=self._settings.url, model=self._settings.model, job=job),
            )
            return self._follow(state, key, run)

    def cancel(self, job: str) -> str:
        """Cancel a job; return the status that it has then.

        Raises:
            TuneError: If there is no such job, or it has ended.
        """
        found = self._ask(lambda api: api.fine_tuning.jobs.cancel(job, **self._options()))
        return str(found.status)

    def _job(self, name: str) -> Any:
        """Return a job; None if the service knows it no more."""

        def job(api: Any) -> Any:
            from openai import NotFoundError

            try:
                return api.fine_tuning.jobs.retrieve(name, **self._options())
            except NotFoundError:
                return None

        return self._ask(job)

    def _key(self) -> str:
        settings = self._settings
        files = [settings.data / TRAINING, settings.data / HELD_OUT]
        return run_key(
            url=settings.url,
            model=settings.model,
            suffix=settings.suffix,
            epochs=settings.epochs,
            files=[file_sha256(file) if file.is_file() else "" for file in files],
        )

    def _check_base_there(self) -> None:
        """Ask the official service itself when the base ends, before any text is sent."""
        settings = self._settings
        if not is_official(settings.url, self._table):
            return
        found = self._ask(lambda api: api.models.retrieve(settings.model, **self._options()))
        said = getattr(found, "shutdown_date", None)
        check_base(settings.url, settings.model, self._today(), self._table, said=said)

    def _upload(self, state: HostedState, key: str, run: Run, plan: HostedPlan) -> Run:
        name = self._uploaded(Path(plan.training.file), "training", run.training_file)
        run = state.put(key, run, training_file=name)
        if plan.held_out is not None:
            name = self._uploaded(Path(plan.held_out.file), "validation", run.validation_file)
            run = state.put(key, run, validation_file=name)
        return run

    def _uploaded(self, path: Path, role: str, known: str) -> str:
        """Return the id of a file at the service; upload it unless it is there."""
        filename = f"ragkit-{file_sha256(path)[:32]}-{role}.jsonl"
        size, soon = path.stat().st_size, time.time() + _LEAST_LIFE_S

        def upload(api: Any) -> Any:
            pages = api.files.list(purpose="fine-tune", limit=100, **self._options())
            for file in islice(pages, _LOOKED_AT):
                lasts = getattr(file, "expires_at", None) is None or file.expires_at > soon
                same = (file.filename, file.bytes) == (filename, size)
                if (same or file.id == known) and lasts and file.status != "error":
                    return file
            seconds = self._settings.keep_days * 86400
            with path.open("rb") as content:
                return api.files.create(
                    file=(filename, content, "application/jsonl"),
                    purpose="fine-tune",
                    expires_after={"anchor": "created_at", "seconds": seconds},
                    **self._options(),
                )

        found = self._ask(upload)
        self._note(f"The {role} file is there as {found.id}.")
        return str(found.id)

    def _create(self, key: str, run: Run) -> Any:
        """Return the run's job: one that was created before we heard of it, or a new one."""
        settings = self._settings

        def create(api: Any) -> Any:
            pages = api.fine_tuning.jobs.list(limit=100, **self._options())
            for job in islice(pages, _LOOKED_AT):
                mine = (job.metadata or {}).get(_METADATA) == key
                if mine and job.status not in {"failed", "cancelled"}:
                    return job
            hyperparameters = {"n_epochs": settings.epochs or "auto"}
            more = {"suffix": settings.suffix} if settings.suffix else {}
            if run.validation_file:
                more["validation_file"] = run.validation_file
            return api.fine_tuning.jobs.create(
                model=settings.model,
                training_file=run.training_file,
                method={
                    "type": "supervised",
                    "supervised": {"hyperparameters": hyperparameters},
                },
                metadata={_METADATA: key},
                **more,
                **self._options(),
            )

        return self._ask(create)

    def _follow(self, state: HostedState, key: str, run: Run) -> HostedResult:
        """Tell a job's events until it ends."""
        name = run.job
        self._note(f"Following {name} at {urlsplit(run.url).hostname}.")
        with self._left_running(name):
            while True:
                job = self._ask(lambda api: api.fine_tuning.jobs.retrieve(name, **self._options()))
                if last := self._tell_events(name, run.last_event):
                    run = state.put(key, run, last_event=last)
                if job.status in {"succeeded", "failed", "cancelled"}:
                    break
                self._sleep(self._settings.poll_s)
            if job.status != "succeeded":
                state.put(key, run, job="", last_event="")
                raise TuneError(_ended(job))
            return HostedResult(
                job=name,
                model=str(job.fine_tuned_model),
                url=run.url,
                trained_tokens=job.trained_tokens,
                checkpoints=self._checkpoints(name),
            )

    def _tell_events(self, job: str, last: str) -> str:
        """Tell what happened since an event; return the newest one's id, "" if there is none."""

        def new(api: Any) -> list[Any]:
            found = []
            pages = api.fine_tuning.jobs.list_events(job, limit=100, **self._options())
            for event in pages:
                if event.id == last:
                    break
                found.append(event)
            return found

        events = self._ask(new)
        for event in reversed(events):
            moment = datetime.fromtimestamp(event.created_at).strftime("%H:%M:%S")
            self._note(f"{moment}  {self._endpoint.harmless(event.message)}")
        return str(events[0].id) if events else ""

    def _checkpoints(self, job: str) -> tuple[str, ...]:
        def names(api: Any) -> tuple[str, ...]:
            pages = api.fine_tuning.jobs.checkpoints.list(job, **self._options())
            return tuple(checkpoint.fine_tuned_model_checkpoint for checkpoint in pages)

        return self._ask(names)

    @contextmanager
    def _left_running(self, job: str) -> Iterator[None]:
        """Say what becomes of a job that is no longer followed."""
        settings = self._settings
        again = f"--data {settings.data} --model {settings.model} --base-url {settings.url}"
        command = f"ragkit tune tone --provider openai {again}"
        try:
            yield
        except KeyboardInterrupt:
            self._note(
                f"The job {job} goes on there. Follow it again: {command} --follow {job}. "
                f"End it: {command} --cancel {job}"
            )
            raise

    # -- requests --------------------------------------------------------------------------------

    def _ask(self, call: Callable[[Any], T]) -> T:
        """Return what a call of the client returns; try again as the backoff allows."""
        failed = 0
        while True:
            try:
                with self._endpoint.translated():
                    return call(self._client())
            except EndpointFailure as exc:
                failed += 1
                backoff = self._settings.backoff
                wait = backoff.wait_s(failed, exc.headers) if exc.passing else None
                if wait is None:
                    tries = f" ({failed} tries)" if failed > 1 else ""
                    raise TuneError(f"{exc}{tries}") from exc
                self._note(f"{exc}; trying again in {wait:.0f} s")
            self._sleep(wait)

    def _options(self) -> dict[str, Any]:
        return self._endpoint.request_options()

    def _client(self) -> Any:
        from openai import DefaultHttpxClient, OpenAI

        if self._opened is None:
            official = is_official(self._settings.url, self._table)
            if official and not self._endpoint.key():
                raise TuneError(
                    f"{urlsplit(self._settings.url).hostname} needs a key; set it as "
                    f"${self._settings.key_env}"
                )
            self._opened = OpenAI(
                **self._endpoint.client_options(),
                http_client=DefaultHttpxClient(follow_redirects=False),
            )
        return self._opened


def on_this_machine(url: str) -> bool:
    """Return whether an address is the loopback interface's."""
    host = urlsplit(url).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _checked(file: Path, *, least: int = 0) -> CheckReport:
    """Return the report on a file that the service would take.

    Args:
        file: Chat JSON Lines.
        least: Examples that are enough; 0 for as many as the service needs to learn from.
    """
    if not file.is_file():
        raise UsageError(
            f"there is no {file}; give the folder that ragkit tune prepare wrote as --data"
        )
    report = check_file(file)
    enough = least and report.examples >= least
    problems = [one for one in report.problems if not (enough and one.code == "few")]
    if problems:
        said = [f"line {p.line}: {p.message}" if p.line else p.message for p in problems[:_SHOWN]]
        more = f"; and {len(problems) - len(said)} more" if len(problems) > len(said) else ""
        raise UsageError(
            f"{file} would be refused: {'; '.join(said)}{more}. Nothing was sent; see ragkit tune "
            f"check {file}"
        )
    return replace(report, problems=()) if enough else report


def _ended(job: Any) -> str:
    """Return why a job made no model."""
    if job.status == "cancelled":
        return f"the job {job.id} was cancelled; run the command again for a new one"
    error = job.error
    reason = getattr(error, "message", None) or "the service gives no reason"
    code = getattr(error, "code", None)
    where = getattr(error, "param", None)
    told = ", ".join(str(one) for one in (code, where) if one)
    return (
        f"the job {job.id} failed: {' '.join(reason.split())}{f' ({told})' if told else ''}; "
        "mend it and run the command again for a new job"
    )
