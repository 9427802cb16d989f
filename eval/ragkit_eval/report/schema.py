"""The schema of report.json, and whether a report is of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from ragkit_ingest.errors import UsageError

_FILE = "report.schema.json"


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of report.json."""
    held: dict[str, Any] = json.loads((files("ragkit_eval.report") / _FILE).read_text("utf-8"))
    return held


def check(report: Mapping[str, Any], source: str) -> None:
    """Check that a report is one that can be shown.

    Args:
        report: As it was parsed.
        source: Where it comes from, for the message.

    Raises:
        UsageError: If it is not of the schema; the message names the first place that is wrong.
    """
    import jsonschema

    validator = jsonschema.Draft202012Validator(schema())
    wrong = jsonschema.exceptions.best_match(validator.iter_errors(report))
    if wrong is not None:
        place = "/".join(map(str, wrong.absolute_path)) or "the whole"
        raise UsageError(
            f"{source} cannot be shown: {place}: {wrong.message[:200]}; run the evaluation again"
        )
