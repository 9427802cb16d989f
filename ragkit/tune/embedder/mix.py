"""Averages the weights of a tuned model with those of its base.

Part of the way from the base to the tuned model often keeps most of the gain and loses little of
what the base knew.

Source: Wortsman et al., "Robust fine-tuning of zero-shot models" (WiSE-FT), CVPR 2022.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ragkit_ingest.errors import StorageError, TuneError, UsageError

_WEIGHTS = "model.safetensors"


def mix(base: Path, tuned: Path, out: Path, share: float) -> Path:
    """Write a model of (1 - share) * base + share * tuned; return its folder.

    Args:
        base: A folder in the layout of sentence-transformers.
        tuned: Another, trained from it.
        out: Replaced if it is there.
        share: Of the tuned weights, in [0, 1].

    Raises:
        UsageError: If the share is out of range.
        TuneError: If the two are not of one shape.
        StorageError: If it cannot be written.
    """
    from safetensors.numpy import load_file, save_file

    if not 0.0 <= share <= 1.0:
        raise UsageError(f"the share of the tuned weights is between 0 and 1, not {share}")
    before, after = load_file(base / _WEIGHTS), load_file(tuned / _WEIGHTS)
    lacking = sorted(name for name in after if name not in before)
    if lacking or any(before[name].shape != after[name].shape for name in after):
        raise TuneError(
            f"the models in {base} and {tuned} are not of one shape"
            f"{f' ({lacking[0]} is missing)' if lacking else ''}, so they cannot be averaged"
        )
    mixed = {
        name: _between(before[name], value, share) if value.dtype.kind == "f" else value
        for name, value in after.items()
    }
    try:
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(tuned, out)
        save_file(mixed, out / _WEIGHTS, metadata={"format": "pt"})
    except OSError as exc:
        raise StorageError(f"the model cannot be written to {out} ({exc})") from exc
    return out


def _between(before: NDArray[Any], after: NDArray[Any], share: float) -> NDArray[Any]:
    found = (1.0 - share) * before.astype(np.float64) + share * after.astype(np.float64)
    return np.ascontiguousarray(found.astype(after.dtype))
