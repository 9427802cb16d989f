"""What an odd file is."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SECRET = Path(tempfile.gettempdir(), "ragkit-odd-secret.txt")
"""A file that other files ask for; nothing may read it through them."""
LEAK = "leaked-9f86d081884c"
"""What stands in it."""
PORT = 47653
"""Of this machine: other files ask for it over HTTP; nothing may connect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OddFile:
    """A file that is made, not kept.

    Attributes:
        name: Its name, in a folder named after its family.
        make: Returns its bytes for a size; what the size counts is the file's own affair.
        size: The size that hurts.
        quick: A size that is made and read in a moment, for tests.
        refused: Whether it must not be indexed, at its full size.
    """

    name: str
    make: Callable[[int], bytes]
    size: int = 1
    quick: int = 1
    refused: bool = False
