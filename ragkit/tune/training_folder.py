"""The folder of a training: what was begun there, its checkpoints, and whether it is finished."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ragkit_ingest.disk import write_whole
from ragkit_ingest.errors import TuneError, UsageError

_RUN = "training.json"
_STATE = "trainer_state.json"
_ODD = {"settings": "other settings", "base": "another base model"}


def checkpoints(out: Path) -> Path:
    """Return where the checkpoints of a training stand."""
    return out / "checkpoints"


def interrupted(out: Path) -> bool:
    """Return whether the folder holds a training that was begun and not finished."""
    return (out / _RUN).is_file() and not finished(out)


def finished(out: Path) -> bool:
    """Return whether the folder holds a finished adapter."""
    return (out / "adapter_config.json").is_file()


def drop_checkpoints(out: Path) -> None:
    """Remove the checkpoints of a finished training."""
    if finished(out):
        shutil.rmtree(checkpoints(out), ignore_errors=True)


def last_checkpoint(out: Path) -> Path:
    """Return the newest whole checkpoint.

    Raises:
        TuneError: If there is none.
    """
    found = _whole(out)
    if not found:
        raise TuneError(f"the training was stopped before a checkpoint in {checkpoints(out)}")
    return found[-1]


def resumable(out: Path) -> str | None:
    """Return the newest whole checkpoint, if any, and remove those that were cut off."""
    if not checkpoints(out).is_dir():
        return None
    whole = _whole(out)
    for folder in checkpoints(out).iterdir():
        if folder not in whole:
            shutil.rmtree(folder, ignore_errors=True)
    return str(whole[-1]) if whole else None


def begin(
    out: Path,
    *,
    base: str,
    settings: Mapping[str, object],
    training: str,
    held_out: str | None,
) -> None:
    """Write down what is trained, or refuse to go on with something else.

    Args:
        out: The folder.
        base: The fingerprint of the base model.
        settings: What shapes the adapter.
        training: SHA-256 of the examples.
        held_out: SHA-256 of the held-out ones; None without any.

    Raises:
        UsageError: If something else was begun there.
        TuneError: If what was begun cannot be read.
        StorageError: If it cannot be written down.
    """
    run = {
        "base": base,
        "settings": dict(settings),
        "training_sha256": training,
        "held_out_sha256": held_out,
    }
    file = out / _RUN
    if not file.exists():
        write_whole(file, json.dumps(run, indent=2) + "\n")
        return
    try:
        earlier = json.loads(file.read_text(encoding="utf-8"))
        odd = sorted(key for key in run if run[key] != earlier.get(key))
    except (ValueError, AttributeError) as exc:
        raise TuneError(f"{file} is damaged; remove the folder to train anew") from exc
    if odd:
        raise UsageError(
            f"{out} holds a training that was begun with {_ODD.get(odd[0], 'other examples')}; go "
            "on with the same ones, or remove the folder to train anew"
        )


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Keep other processes from training in the folder, which is made if need be.

    Raises:
        UsageError: If one trains there.
    """
    from filelock import FileLock, Timeout

    out.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(out / ".lock", timeout=0):
            yield
    except Timeout as exc:
        raise UsageError(f"another process trains in {out}; wait for it, or stop it") from exc


def _whole(out: Path) -> list[Path]:
    """Return the whole checkpoints, oldest first; transformers writes their state last."""
    found = [folder for folder in checkpoints(out).glob("checkpoint-*") if _is_whole(folder)]
    return sorted(found, key=lambda folder: int(folder.name.rpartition("-")[2]))


def _is_whole(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / _STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return (checkpoint / "adapter_model.safetensors").is_file()
