"""The base model's folder: its size and its tokenizer, without loading its weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ragkit.generate.local import check_folder
from ragkit_ingest.errors import MissingExtraError, TuneError


def parameters(folder: Path) -> int:
    """Return how many parameters the model's weights hold.

    Raises:
        ConfigError: If the folder holds no model in safetensors.
        TuneError: If its files cannot be read.
    """
    check_folder(folder, "config.json", "a causal language model")
    total = 0
    try:
        for file in folder.glob("*.safetensors"):
            total += sum(_count(tensor["shape"]) for tensor in _tensors(file))
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise TuneError(f"the weights in {folder} cannot be read ({exc})") from exc
    return total


def token_counter(folder: Path) -> Callable[[Sequence[str]], list[int]]:
    """Return what counts texts in the tokens of the model, without special ones.

    Raises:
        ConfigError: If the folder holds no model.
        MissingExtraError: If transformers is not installed.
        TuneError: If it holds no tokenizer that can be read.
    """
    check_folder(folder, "config.json", "a causal language model")
    try:
        from transformers import AutoTokenizer
    except ImportError as exc:
        raise MissingExtraError(f"counting a model's tokens ({exc})", "local-llm") from exc
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
    except Exception as exc:
        said = " ".join(str(exc).split())[:200]
        raise TuneError(f"the tokenizer in {folder} cannot be read ({said})") from exc

    def count(texts: Sequence[str]) -> list[int]:
        if not texts:
            return []
        encoded = tokenizer(list(texts), add_special_tokens=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    return count


def _tensors(file: Path) -> list[dict[str, Any]]:
    """Return what the head of a safetensors file says of its tensors.

    Source: the format's description in the safetensors repository: 8 bytes of length, then JSON.
    """
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        held = json.loads(stream.read(length))
    return [tensor for name, tensor in held.items() if name != "__metadata__"]


def _count(shape: Sequence[int]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product
