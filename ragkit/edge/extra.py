"""Says in one sentence that a framework is not installed, and how to install it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ragkit_ingest.errors import MissingExtraError


@contextmanager
def extra(what: str, name: str, package: str) -> Iterator[None]:
    """Translate the failure to import a package, and no other one.

    Args:
        what: What needs it.
        name: Of the extra.
        package: The package as it is imported.

    Raises:
        MissingExtraError: If the package is not there.
    """
    try:
        yield
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] != package:
            raise
        raise MissingExtraError(what, name) from exc
