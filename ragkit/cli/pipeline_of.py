"""The real pipeline behind a session, for commands that look into the index itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ragkit_ingest.errors import UsageError

if TYPE_CHECKING:
    from ragkit.cli.session import Rag
    from ragkit.pipeline import Pipeline


def pipeline_of(rag: Rag) -> Pipeline:
    """Return the pipeline itself.

    Raises:
        UsageError: If something else was opened in its place.
    """
    from ragkit.pipeline import Pipeline

    if not isinstance(rag, Pipeline):
        raise UsageError(f"this needs an index of ragkit, not a {type(rag).__name__}")
    return rag
