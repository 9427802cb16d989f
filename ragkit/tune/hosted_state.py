"""What is known of hosted jobs, kept beside the training set, so that none is created twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ragkit_ingest.disk import write_whole
from ragkit_ingest.errors import StorageError, TuneError

NAME = "hosted.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One tuning: these files, this base, these settings, this endpoint.

    Attributes:
        url: The endpoint.
        model: The base.
        training_file: Its id there; "" until it is known.
        validation_file: Its id there; "" until it is known, or for none.
        job: Its id; "" until it is known.
        last_event: The id of the last event that was told; "" for none.
    """

    url: str
    model: str
    training_file: str = ""
    validation_file: str = ""
    job: str = ""
    last_event: str = ""


class HostedState:
    """The runs by key, in one file that is replaced as a whole.

    Args:
        folder: The training set's.

    Raises:
        TuneError: If the file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._runs: dict[str, Run] = {}
        try:
            held = json.loads(self._path.read_text(encoding="utf-8"))
            self._runs = {key: Run(**run) for key, run in held.items()}
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError, AttributeError) as exc:
            raise TuneError(
                f"{self._path}, which holds what was begun at hosted services, cannot be read "
                f"({exc}); move it away, and follow a job that was begun with --follow JOB"
            ) from exc

    def get(self, key: str) -> Run | None:
        """Return a run; None if it was not begun."""
        return self._runs.get(key)

    def of_job(self, job: str) -> tuple[str, Run] | None:
        """Return the key and the run that a job belongs to."""
        return next(((key, run) for key, run in self._runs.items() if run.job == job), None)

    def put(self, key: str, run: Run, **changes: str) -> Run:
        """Keep a run with these changes; it is on the disk when this returns.

        Raises:
            StorageError: If the disk refuses.
        """
        run = replace(run, **changes)
        self._runs[key] = run
        held = {key: asdict(run) for key, run in self._runs.items()}
        try:
            write_whole(self._path, json.dumps(held, indent=2) + "\n", lasting=True)
        except StorageError as exc:
            raise StorageError(
                f"{exc}; what was begun at the service would be forgotten, so make room or give "
                "the folder write permission"
            ) from exc
        return run


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one process at a time tune from a folder.

    Raises:
        TuneError: If another does.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / f"{NAME}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout as exc:
        raise TuneError(
            f"another process follows a job of {folder}; wait for it, or stop it"
        ) from exc
    except OSError as exc:
        raise StorageError(f"{folder} cannot be written ({exc.strerror or exc})") from exc
    try:
        yield
    finally:
        lock.release()


def run_key(**what: object) -> str:
    """Return what tells one run from every other: 32 hexadecimal digits."""
    text = json.dumps(what, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
