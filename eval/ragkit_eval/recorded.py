"""Recorded answers: what an arm said to a case, as JSON Lines, so that it can be scored again.

{"arm": "rag", "id": "q1", "text": "...", "passages": [{"path", "text", "start", "end"}]}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragkit.answer import Answer
from ragkit.json_lines import fields, lines
from ragkit_ingest.errors import UsageError

_FIELDS = {
    *("arm", "id", "text", "abstained", "confidence", "passages", "sentences", "citations"),
    *("prompt_tokens", "completion_tokens", "cost", "estimated", "model", "repeats"),
    *("latency_ms", "failure"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A passage that an arm was shown, or a text that it cites.

    Attributes:
        path: The document.
        text: What was shown of it.
        start: Offset of its first character in the stored text; None if it is not known.
        end: Offset after its last character.
    """

    path: str
    text: str
    start: int | None = None
    end: int | None = None

    def to_json(self) -> dict[str, object]:
        """Return the passage as it is recorded."""
        span = {} if self.start is None else {"start": self.start, "end": self.end}
        return {"path": self.path, "text": self.text, **span}


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidSentence:
    """A sentence of an answer.

    Attributes:
        text: Without citation marks.
        citations: Places in the answer's `citations`, counted from 0.
        supported: Whether it was found supported when it was written; None if nobody looked.
        neutral: Whether it says nothing that needs a source.
    """

    text: str
    citations: tuple[int, ...] = ()
    supported: bool | None = None
    neutral: bool = False

    def to_json(self) -> dict[str, object]:
        """Return the sentence as it is recorded."""
        return {
            "text": self.text,
            "citations": list(self.citations),
            "supported": self.supported,
            "neutral": self.neutral,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What an arm said to a case.

    Attributes:
        arm: Its name.
        id: Of the case.
        text: As shown; empty if nothing was said.
        abstained: Whether the answer was withheld; None to decide it by the text.
        confidence: In [0, 1]; None if the arm gives none.
        passages: What it was shown, best first; None if that was not recorded.
        sentences: Of the answer; None if it was recorded as one text.
        citations: What the sentences cite.
        prompt_tokens: Tokens read; None if unknown.
        completion_tokens: Tokens written; None if unknown.
        cost: In the user's currency; None if unknown.
        estimated: Whether the tokens are estimates.
        model: The name that the model gives itself.
        repeats: What the same question got when it was asked again.
        latency_ms: How long it took; None if unknown. It is kept apart from all that is compared.
        failure: Why there is no answer; empty if there is one.
    """

    arm: str
    id: str
    text: str
    abstained: bool | None = None
    confidence: float | None = None
    passages: tuple[Shown, ...] | None = None
    sentences: tuple[SaidSentence, ...] | None = None
    citations: tuple[Shown, ...] = ()
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost: float | None = None
    estimated: bool = False
    model: str = ""
    repeats: tuple[str, ...] = ()
    latency_ms: Mapping[str, float] = field(default_factory=dict)
    failure: str = ""

    def __post_init__(self) -> None:
        if self.confidence is not None and not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"its confidence is {self.confidence}; it must be between 0 and 1")
        places = range(len(self.citations))
        for sentence in self.sentences or ():
            for place in sentence.citations:
                if place not in places:
                    raise ValueError(
                        f"a sentence cites {place}, but it has {len(places)} citations"
                    )

    def to_json(self, *, timed: bool = False) -> dict[str, object]:
        """Return the answer as a line of JSON Lines; with its times only if `timed`."""
        held: dict[str, object] = {
            "arm": self.arm,
            "id": self.id,
            "text": self.text,
            "abstained": self.abstained,
            "confidence": self.confidence,
            "passages": None if self.passages is None else [p.to_json() for p in self.passages],
            "sentences": None if self.sentences is None else [s.to_json() for s in self.sentences],
            "citations": [citation.to_json() for citation in self.citations],
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "cost": self.cost,
            "estimated": self.estimated,
            "model": self.model,
            "repeats": list(self.repeats),
            "failure": self.failure,
        }
        if timed:
            held["latency_ms"] = dict(self.latency_ms)
        return held


def recorded(answer: Answer, *, arm: str, id: str) -> Recorded:
    """Return an answer of the pipeline as it is recorded."""
    places = {citation.n: place for place, citation in enumerate(answer.citations)}
    return Recorded(
        arm=arm,
        id=id,
        text=answer.text,
        abstained=answer.abstained,
        confidence=round(answer.confidence, 6),
        passages=tuple(
            Shown(path=p.path, text=p.text, start=p.start, end=p.end) for p in answer.passages
        ),
        sentences=tuple(
            SaidSentence(
                text=sentence.text,
                citations=tuple(places[n] for n in sentence.citations),
                supported=sentence.supported,
                neutral=sentence.neutral,
            )
            for sentence in answer.sentences
        ),
        citations=tuple(
            Shown(path=c.path, text=c.quote, start=c.start, end=c.end) for c in answer.citations
        ),
        prompt_tokens=answer.usage.prompt_tokens,
        completion_tokens=answer.usage.completion_tokens,
        cost=answer.usage.cost,
        estimated=answer.usage.estimated,
        model=answer.usage.model,
        latency_ms=dict(answer.timing_ms),
    )


def load_recorded(file: Path) -> list[Recorded]:
    """Return the answers of a JSON Lines file, in its order.

    Raises:
        UsageError: If the file is missing, a line is no answer, or an arm answers a case twice;
            the message names the line.
    """
    found: dict[tuple[str, str], Recorded] = {}
    for line in lines(file, "answers"):
        answer = line.read(from_json, "is no recorded answer")
        key = (answer.arm, answer.id)
        if key in found:
            raise UsageError(
                f"{line.where} is a second answer of the arm {answer.arm!r} to the case "
                f"{answer.id!r}"
            )
        found[key] = answer
    if not found:
        raise UsageError(f"{file} holds no answers; write one JSON object a line")
    return list(found.values())


def lines_of(answers: Iterable[Recorded]) -> str:
    """Return answers as JSON Lines, without their times."""
    return "".join(json.dumps(a.to_json(), ensure_ascii=False) + "\n" for a in answers)


def from_json(value: object) -> Recorded:
    """Return the answer of a parsed line.

    Raises:
        KeyError: If a field is missing.
        TypeError: If it is no object, or a field is of the wrong type.
        ValueError: If a value is out of range, or a field is unknown.
    """
    values = fields(value, _FIELDS)
    text = values["text"]
    if not isinstance(text, str):
        raise TypeError(f"its text is {json.dumps(text)[:40]}, not a text")
    passages, sentences = values.get("passages"), values.get("sentences")
    return Recorded(
        arm=str(values["arm"]),
        id=str(values["id"]),
        text=text,
        abstained=_maybe(bool, values, "abstained"),
        confidence=_number(values, "confidence"),
        passages=None if passages is None else tuple(map(_shown, passages)),
        sentences=None if sentences is None else tuple(map(_sentence, sentences)),
        citations=tuple(map(_shown, values.get("citations") or ())),
        prompt_tokens=_maybe(int, values, "prompt_tokens"),
        completion_tokens=_maybe(int, values, "completion_tokens"),
        cost=_number(values, "cost"),
        estimated=bool(values.get("estimated", False)),
        model=str(values.get("model") or ""),
        repeats=tuple(map(str, values.get("repeats") or ())),
        latency_ms=_times(values.get("latency_ms")),
        failure=str(values.get("failure") or ""),
    )


def _shown(value: Any) -> Shown:
    if isinstance(value, str):
        return Shown(path="", text=value)
    if not isinstance(value, dict):
        raise TypeError(f"{json.dumps(value)[:40]} is no passage: a text, or path and text")
    return Shown(
        path=str(value.get("path", "")),
        text=str(value["text"]),
        start=_maybe(int, value, "start"),
        end=_maybe(int, value, "end"),
    )


def _sentence(value: Any) -> SaidSentence:
    if not isinstance(value, dict):
        raise TypeError(f"{json.dumps(value)[:40]} is no sentence: an object with text")
    return SaidSentence(
        text=str(value["text"]),
        citations=tuple(int(place) for place in value.get("citations") or ()),
        supported=_maybe(bool, value, "supported"),
        neutral=bool(value.get("neutral", False)),
    )


def _maybe(kind: type[Any], values: Mapping[str, Any], name: str) -> Any:
    value = values.get(name)
    if value is not None and (
        not isinstance(value, kind) or (kind is int and isinstance(value, bool))
    ):
        raise TypeError(f"its {name} is {json.dumps(value)[:40]}, not of type {kind.__name__}")
    return value


def _number(values: Mapping[str, Any], name: str) -> float | None:
    value = values.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"its {name} is {json.dumps(value)[:40]}, not a number")
    return float(value)


def _times(value: Any) -> dict[str, float]:
    if isinstance(value, int | float):
        return {"total": float(value)}
    if value and not isinstance(value, dict):
        raise TypeError(f"its latency_ms is {json.dumps(value)[:40]}, not a number or an object")
    return {str(stage): float(ms) for stage, ms in (value or {}).items()}


def by_arm(answers: Sequence[Recorded]) -> dict[str, list[Recorded]]:
    """Return the answers of each arm, the arms in order of first appearance."""
    found: dict[str, list[Recorded]] = {}
    for answer in answers:
        found.setdefault(answer.arm, []).append(answer)
    return found
