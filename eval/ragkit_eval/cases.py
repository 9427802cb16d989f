"""Cases: questions with what is known of their answers, from JSON Lines.

{"id": "q1", "question": "...", "answers": ["30 days"], "answerable": true,
 "evidence": [{"path": "handbook/leave.md", "quote": "...", "start": 120, "end": 180}],
 "kind": "number", "gold": ["handbook/leave.md"], "reviewed": true}
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ragkit.json_lines import fields, lines
from ragkit_ingest import disk
from ragkit_ingest.errors import StorageError, UsageError

_Value = TypeVar("_Value")
_OPTIONAL = {"evidence", "kind", "gold", "facts", "reviewed", "quality"}
_FIELDS = {"id", "question", "answers", "answerable", *_OPTIONAL}
# What published sets hold besides; it is not read.
_FOREIGN = {"starts", "plausible", "type", "level", "distractor_context"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where an answer stands.

    Attributes:
        path: The document, as the index shows it.
        quote: Words of it that hold the answer, for a table row its cells.
        start: Offset of the quote's first character in the stored text; None if it is not known.
        end: Offset after its last character; None if and only if `start` is.
    """

    path: str
    quote: str
    start: int | None = None
    end: int | None = None

    def __post_init__(self) -> None:
        if (self.start is None) != (self.end is None):
            raise ValueError("its evidence needs both start and end, or neither")
        if self.start is not None and self.end is not None and not 0 <= self.start < self.end:
            raise ValueError(f"its evidence needs 0 <= start < end, not {self.start}, {self.end}")

    def to_json(self) -> dict[str, object]:
        """Return the evidence as it stands in a file of cases."""
        span = {} if self.start is None else {"start": self.start, "end": self.end}
        return {"path": self.path, "quote": self.quote, **span}


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
        gold: Ids or paths of the documents that hold the answer, where only these are known.
        facts: What a right answer must say, each a few words; empty if `answers` say it all.
        reviewed: Whether a person has read and accepted the case.
        quality: Of a drafted case, in [0, 1]; see `ragkit_eval.questions.quality`.
    """

    id: str
    question: str
    answers: tuple[str, ...]
    answerable: bool
    evidence: tuple[Evidence, ...] = ()
    kind: str = ""
    gold: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    reviewed: bool = False
    quality: float | None = None

    def __post_init__(self) -> None:
        if not self.question.strip():
            raise ValueError("its question is empty")
        if self.quality is not None and not 0.0 <= self.quality <= 1.0:
            raise ValueError(f"its quality is {self.quality}; it must be between 0 and 1")
        if self.answerable != bool(self.answers):
            raise ValueError(
                f"answerable is {str(self.answerable).lower()}, yet it has "
                f"{len(self.answers)} answers"
            )

    @property
    def source(self) -> str:
        """The document that the case is about, for cases to be grouped by; else its own id."""
        if self.evidence:
            return self.evidence[0].path
        return self.gold[0] if self.gold else f"case {self.id}"

    def to_json(self) -> dict[str, object]:
        """Return the case as a line of a file of cases."""
        held: dict[str, object] = {
            "id": self.id,
            "question": self.question,
            "answers": list(self.answers),
            "answerable": self.answerable,
            "evidence": [evidence.to_json() for evidence in self.evidence],
            "kind": self.kind,
        }
        if self.gold:
            held["gold"] = list(self.gold)
        if self.facts:
            held["facts"] = list(self.facts)
        if self.reviewed:
            held["reviewed"] = True
        if self.quality is not None:
            held["quality"] = round(self.quality, 4)
        return held


def load_cases(file: Path) -> list[Case]:
    """Return the cases of a JSON Lines file, in its order.

    Raises:
        UsageError: If the file is missing, a line is not a case, or two cases have the same id;
            the message names the line.
    """
    cases: dict[str, Case] = {}
    for line in lines(file, "questions"):
        case = line.read(_case, "is not a case")
        if case.id in cases:
            raise UsageError(f"{line.where} repeats the id {case.id!r}")
        cases[case.id] = case
    if not cases:
        raise UsageError(f"{file} holds no questions; write one JSON object a line")
    return list(cases.values())


def save_cases(cases: Sequence[Case], file: Path) -> None:
    """Write cases as JSON Lines; the file is whole at every moment, the old one or the new.

    Raises:
        UsageError: If it cannot be written.
    """
    text = "".join(json.dumps(case.to_json(), ensure_ascii=False) + "\n" for case in cases)
    write_whole(file, text)


def write_whole(file: Path, text: str) -> None:
    """Write a text file that a command was told to write; a reader finds the old one or the new.

    Raises:
        UsageError: If it cannot be written.
    """
    try:
        disk.write_whole(file, text)
    except StorageError as exc:
        raise UsageError(str(exc)) from exc


def digest(cases: Sequence[Case]) -> str:
    """Return what freezes a set of cases: the SHA-256 of their canonical JSON, in hexadecimal.

    The order of the cases does not count, and neither do the review and the quality: they say
    something about a case, and change nothing of what is asked.
    """
    texts = []
    for case in sorted(cases, key=lambda case: case.id):
        held = case.to_json()
        held.pop("reviewed", None)
        held.pop("quality", None)
        texts.append(json.dumps(held, sort_keys=True, separators=(",", ":")))
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def taking_turns(cases: Sequence[Case], seed: int) -> list[Case]:
    """Return the cases so that their documents take turns, those of each in an order of the seed.

    The first of them are a sample that no document dominates.
    """

    def key(case: Case) -> bytes:
        return hashlib.sha256(f"{seed} {case.id}".encode()).digest()

    turns: Counter[str] = Counter()
    placed = []
    for case in sorted(cases, key=key):
        placed.append((turns[case.source], key(case), case))
        turns[case.source] += 1
    return [case for *_, case in sorted(placed, key=lambda row: row[:2])]


def half(cases: Sequence[Case], name: str) -> list[Case]:
    """Return "even" (lines 1, 3, 5...), "odd" (lines 2, 4, 6...) or "all" of the cases.

    Cases that say only which documents hold their answer are halved by document, in the order of
    the documents' first cases: questions about one paragraph are not independent.

    The packaged models are fitted on the even half (counting from 0) of the example questions and
    of SQuAD 2.0; the odd halves were never used to fit anything.
    """
    if name == "all":
        return list(cases)
    wanted = 0 if name == "even" else 1
    if not any(case.gold for case in cases):
        return list(cases[wanted::2])
    places = {source: place for place, source in enumerate(dict.fromkeys(c.source for c in cases))}
    return [case for case in cases if places[case.source] % 2 == wanted]


def _case(value: object) -> Case:
    values = fields(value, _FIELDS, _FOREIGN)
    return Case(
        id=str(values["id"]),
        question=_of(str, values, "question"),
        answers=tuple(map(str, _of(list, values, "answers"))),
        answerable=_of(bool, values, "answerable"),
        evidence=tuple(map(_evidence, values.get("evidence", ()))),
        kind=str(values.get("kind", "")),
        gold=_texts(values, "gold"),
        facts=_texts(values, "facts"),
        reviewed=_of(bool, values, "reviewed") if "reviewed" in values else False,
        quality=_quality(values.get("quality")),
    )


def _evidence(value: object) -> Evidence:
    entry = fields(value, {"path", "quote", "start", "end"})
    return Evidence(
        path=_of(str, entry, "path"),
        quote=_of(str, entry, "quote"),
        start=None if entry.get("start") is None else _of(int, entry, "start"),
        end=None if entry.get("end") is None else _of(int, entry, "end"),
    )


def _texts(values: Mapping[str, Any], field: str) -> tuple[str, ...]:
    return tuple(map(str, _of(list, values, field))) if field in values else ()


def _quality(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"its quality is {json.dumps(value)[:40]}, not a number")
    return float(value)


def _of(kind: type[_Value], values: Mapping[str, Any], field: str) -> _Value:
    value = values[field]
    if not isinstance(value, kind):
        raise TypeError(f"its {field} is {json.dumps(value)[:40]}, not of type {kind.__name__}")
    return value
