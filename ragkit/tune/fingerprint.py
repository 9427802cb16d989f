"""Fingerprints of models, adapters and files: what an adapter was made for, and whether it is it.

A base model is told by its configuration and by samples of its weights, since it may have many
gigabytes: another model, or the same one trained on, differs everywhere. That a few bytes of it
were changed on purpose is not found. An adapter's weights are read whole.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from ragkit_ingest.errors import TuneError

_SAMPLES = 64
_SAMPLE_BYTES = 64 * 1024
_CHUNK = 1 << 20
# What differs between machines and library versions, and changes no answer.
_UNSTABLE = {"_name_or_path", "transformers_version", "dtype", "torch_dtype", "use_cache"}


def base_fingerprint(folder: Path) -> str:
    """Return what tells a base model from others: a SHA-256 in hexadecimal.

    Raises:
        TuneError: If the folder cannot be read.
    """
    try:
        digest = hashlib.sha256(_config(folder / "config.json"))
        for file in sorted(folder.glob("*.safetensors")):
            size = file.stat().st_size
            digest.update(f"{file.name} {size} ".encode())
            for piece in _samples(file, size):
                digest.update(piece)
    except (OSError, ValueError) as exc:
        raise TuneError(f"the model {folder} cannot be read ({exc}); check its files") from exc
    return digest.hexdigest()


def file_sha256(file: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal.

    Raises:
        TuneError: If it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with file.open("rb") as stream:
            while piece := stream.read(_CHUNK):
                digest.update(piece)
    except OSError as exc:
        raise TuneError(f"{file} cannot be read ({exc.strerror or exc})") from exc
    return digest.hexdigest()


def weights_sha256(adapter: Path) -> str:
    """Return the SHA-256 of an adapter's weights.

    Raises:
        TuneError: If there are none, or they cannot be read.
    """
    return file_sha256(adapter / "adapter_model.safetensors")


def adapter_fingerprint(adapter: Path, base: str) -> str:
    """Return what tells an adapter from others: of its weights, its shape and its base.

    Args:
        adapter: Its folder.
        base: The fingerprint of the model that it was trained on.

    Raises:
        TuneError: If it cannot be read.
    """
    file = adapter / "adapter_config.json"
    try:
        held = json.loads(file.read_text(encoding="utf-8"))
        shape = {key: held.get(key) for key in ("r", "lora_alpha", "peft_type", "bias")}
        shape["target_modules"] = sorted(held.get("target_modules") or ())
    except (OSError, ValueError, AttributeError, TypeError) as exc:
        raise TuneError(f"{file} cannot be read ({exc}); check the adapter") from exc
    parts = [weights_sha256(adapter), json.dumps(shape, sort_keys=True), base]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _config(file: Path) -> bytes:
    held = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(held, dict):
        raise ValueError(f"{file.name} is no JSON object")  # noqa: TRY004
    kept = {key: value for key, value in held.items() if key not in _UNSTABLE}
    return json.dumps(kept, sort_keys=True).encode()


def _samples(file: Path, size: int) -> Iterator[bytes]:
    """Yield pieces from evenly spaced places of a file, its beginning and its end among them."""
    with file.open("rb") as stream:
        if size <= _SAMPLES * _SAMPLE_BYTES:
            yield stream.read()
            return
        for number in range(_SAMPLES):
            stream.seek((size - _SAMPLE_BYTES) * number // (_SAMPLES - 1), os.SEEK_SET)
            yield stream.read(_SAMPLE_BYTES)
