"""Cases: questions with what is known of their answers, from JSON Lines.

{"id": "q1", "question": "...", "answers": ["30 days"], "answerable": true,
 "evidence": [{"path": "handbook/leave.md", "quote": "..."}], "kind": "number"}
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ragkit_ingest.errors import UsageError

_Value = TypeVar("_Value")
_FIELDS = {"id", "question", "answers", "answerable", "evidence", "kind"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where an answer stands.

    Attributes:
        path: The document, as the index shows it.
        quote: Words of it that hold the answer, for a table row its cells.
    """

    path: str
    quote: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question with what is known of its answer.

    Attributes:
        id: Unique in its file.
        question: As an employee would ask it.
        answers: Any of these, within the answer shown, counts as right; empty if unanswerable.
        answerable: Whether the documents hold the answer.
        evidence: Any of these passages suffices; empty if unanswerable.
        kind: For tables by kind, such as "number" or "missing_topic".
    """

    id: str
    question: str
    answers: tuple[str, ...]
    answerable: bool
    evidence: tuple[Evidence, ...] = ()
    kind: str = ""

    def __post_init__(self) -> None:
        if not self.question.strip():
            raise ValueError("its question is empty")
        if self.answerable != bool(self.answers):
            raise ValueError(
                f"answerable is {str(self.answerable).lower()}, yet it has "
                f"{len(self.answers)} answers"
            )


def load_cases(file: Path) -> list[Case]:
    """Return the cases of a JSON Lines file, in its order.

    Raises:
        UsageError: If the file is missing, a line is not a case, or two cases have the same id;
            the message names the line.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(f"the questions {file} cannot be read ({exc})") from exc
    cases: dict[str, Case] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        case = _case(line, file, number)
        if case.id in cases:
            raise UsageError(f"line {number} of {file} repeats the id {case.id!r}")
        cases[case.id] = case
    if not cases:
        raise UsageError(f"{file} holds no questions; write one JSON object a line")
    return list(cases.values())


def half(cases: Sequence[Case], name: str) -> list[Case]:
    """Return "even" (lines 1, 3, 5...), "odd" (lines 2, 4, 6...) or "all" of the cases.

    The packaged models are fitted on the even half (counting lines from 0) of the example
    questions; the odd half was never used to fit anything.
    """
    if name == "all":
        return list(cases)
    return list(cases[0 if name == "even" else 1 :: 2])


def _case(line: str, file: Path, number: int) -> Case:
    try:
        values = _object(json.loads(line), _FIELDS)
        return Case(
            id=str(values["id"]),
            question=_of(str, values, "question"),
            answers=tuple(map(str, _of(list, values, "answers"))),
            answerable=_of(bool, values, "answerable"),
            evidence=tuple(
                Evidence(path=_of(str, entry, "path"), quote=_of(str, entry, "quote"))
                for entry in map(_evidence, values.get("evidence", ()))
            ),
            kind=str(values.get("kind", "")),
        )
    except KeyError as exc:
        raise UsageError(f"line {number} of {file} lacks the field {exc}") from exc
    except (ValueError, TypeError) as exc:
        raise UsageError(f"line {number} of {file} is not a case: {exc}") from exc


def _evidence(value: object) -> Mapping[str, Any]:
    return _object(value, {"path", "quote"})


def _object(value: object, fields: set[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{json.dumps(value)[:40]} is not an object with named fields")
    unknown = sorted(value.keys() - fields)
    if unknown:
        raise ValueError(
            f"unknown field {unknown[0]!r}; the fields are {', '.join(sorted(fields))}"
        )
    return value


def _of(kind: type[_Value], values: Mapping[str, Any], field: str) -> _Value:
    value = values[field]
    if not isinstance(value, kind):
        raise TypeError(f"its {field} is {json.dumps(value)[:40]}, not of type {kind.__name__}")
    return value
