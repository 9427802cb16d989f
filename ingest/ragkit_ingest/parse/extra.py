"""Libraries that not everybody has: imported when needed, a precise sentence when missing."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ragkit_ingest.errors import MissingReaderError


def load(module: str, files: str, extra: str = "office") -> Any:
    """Return an imported module of an extra.

    Args:
        module: Its full name.
        files: What needs it, in plural, for the message: "PPTX files".
        extra: The extra of ragkit that installs it.

    Raises:
        MissingReaderError: If it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as exc:
        raise MissingReaderError(
            f"{files} need the extra '{extra}': pip install 'ragkit[{extra}]'"
        ) from exc
