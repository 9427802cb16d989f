"""The names of generators."""

from __future__ import annotations

from ragkit_ingest.errors import ConfigError

EXTRACTIVE = "extractive"


def check_name(name: str) -> None:
    """Refuse what names no generator; nothing is loaded or contacted.

    Raises:
        ConfigError: If it is not one of the three forms.
    """
    kind, colon, what = name.partition(":")
    if name != EXTRACTIVE and not (kind in {"openai", "local"} and colon and what.strip()):
        raise ConfigError(
            f"there is no generator {name!r}; give {EXTRACTIVE}, openai:MODEL for an "
            "OpenAI-compatible endpoint, or local:PATH or local:PATH+ADAPTER for a folder with a "
            "model"
        )
