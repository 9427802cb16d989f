"""Reads arrays that NumPy wrote, in several threads at once."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

# NumPy parses a file's head with `ast`, which some releases of Python 3.11 do not bear in two
# threads at once: "SystemError: AST constructor recursion depth mismatch" (CPython issue 106905).
_parsing = Lock()


def read_array(path: Path, *, mapped: bool = False) -> NDArray[Any]:
    """Return the array in a file; no pickles.

    Args:
        path: Of the file.
        mapped: Whether it stays on the disk until it is looked at, and cannot be changed.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it holds something else.
        EOFError: If it is empty.
    """
    with _parsing:
        values: NDArray[Any] = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    return values
