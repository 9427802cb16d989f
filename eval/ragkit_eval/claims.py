"""Claims with the context that supports them or does not, as JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ragkit.json_lines import fields, lines
from ragkit_ingest.errors import UsageError

_SUPPORTED = frozenset({"1", "true", "yes", "supported", "supports", "grounded", "attributable"})
_UNSUPPORTED = frozenset(
    {
        *("0", "false", "no", "unsupported", "not_supported", "not supported", "not_grounded"),
        *("not grounded", "ungrounded", "contradicted", "refuted", "refutes", "neutral", "generic"),
        *("not_attributable", "not attributable", "not_enough_info", "nei", "contradictory"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim, and whether its context supports it.

    Attributes:
        id: Names it in the scores that are saved.
        context: The passages, in order; at least one with text.
        claim: One or more sentences.
        supported: Whether the context supports all of it.
        set: What set of claims it belongs to; may be empty.
    """

    id: str
    context: tuple[str, ...]
    claim: str
    supported: bool
    set: str = ""

    def __post_init__(self) -> None:
        if not self.claim.strip():
            raise ValueError("its claim is empty")
        if not any(text.strip() for text in self.context):
            raise ValueError("its context is empty")


def load_claims(file: Path) -> list[Claim]:
    """Return the claims of a JSON Lines file, in its order.

    A line is an object with "context" (a text or a list of texts), "claim" and "label": 1 or 0,
    true or false, "supported" or "unsupported", or another word of the published sets such as
    "grounded", "contradicted" or "neutral"; "id" and "set" are used if there, all else is not
    read.

    Raises:
        UsageError: If the file is missing, or a line is not a claim; the message names the line.
    """
    claims = [
        line.read(partial(_claim, number=line.number), "is not a claim")
        for line in lines(file, "claims")
    ]
    if not claims:
        raise UsageError(f"{file} holds no claims; write one JSON object a line")
    return claims


def half(claims: Sequence[Claim], name: str) -> list[Claim]:
    """Return the "even", the "odd" or "all" claims.

    The halves are of contexts: with the different contexts counted from 0 as they come, all
    claims beside one of an even number are in the even half, so that no context is in both. The
    packaged models are fitted on an even half.
    """
    if name == "all":
        return list(claims)
    places: dict[tuple[str, ...], int] = {}
    for claim in claims:
        places.setdefault(claim.context, len(places))
    wanted = 0 if name == "even" else 1
    return [claim for claim in claims if places[claim.context] % 2 == wanted]


def _claim(value: object, *, number: int) -> Claim:
    values = fields(value)
    return Claim(
        id=str(values.get("id", number)),
        context=_context(values["context"]),
        claim=_text(values["claim"], "claim"),
        supported=_label(values["label"]),
        set=str(values.get("set") or ""),
    )


def _context(value: Any) -> tuple[str, ...]:
    texts = value if isinstance(value, list) else [value]
    return tuple(_text(text, "context") for text in texts)


def _text(value: Any, field: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"its {field} is {json.dumps(value)[:40]}, not a text")
    return value


def _label(value: Any) -> bool:
    if isinstance(value, bool) or (isinstance(value, int | float) and value in (0, 1)):
        return bool(value)
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _SUPPORTED:
            return True
        if word in _UNSUPPORTED:
            return False
    raise ValueError(
        f'its label is {json.dumps(value)[:40]}; it must be 1 or 0, true or false, "supported" or '
        '"unsupported"'
    )
