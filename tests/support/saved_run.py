"""Writes the folder of a run of made-up answers, as `ragkit eval run --answers` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ragkit_eval.cases import Case, Evidence
from ragkit_eval.metrics.citation import verbatim
from ragkit_eval.recorded import Recorded, Shown
from ragkit_eval.run import made, recorded_arms
from ragkit_eval.saved import SavedRun, load_run
from ragkit_eval.score import score

RIGHT, WRONG = "It is {answer}.", "It is a mystery."


def case(number: int, **changes: Any) -> Case:
    """Return a case whose document is its own, and whose answer is a number."""
    quote = f"Thing {number} weighs {number} kg."
    values: dict[str, Any] = {
        "id": f"q{number}",
        "question": f"How heavy is thing {number}?",
        "answers": (f"{number} kg",),
        "answerable": True,
        "kind": "number",
        "evidence": (Evidence(path=f"doc{number}.md", quote=quote),),
    }
    return Case(**values | changes)


def said(arm: str, one: Case, text: str, **changes: Any) -> Recorded:
    """Return an answer whose passages hold the evidence."""
    shown = tuple(Shown(path=e.path, text=f"Things. {e.quote}") for e in one.evidence)
    values: dict[str, Any] = {"arm": arm, "id": one.id, "text": text, "passages": shown}
    return Recorded(**values | changes)


def answers(arm: str, cases: Sequence[Case], right: Sequence[bool]) -> list[Recorded]:
    """Return an arm's answers, right or wrong as told."""
    return [
        said(arm, one, RIGHT.format(answer=one.answers[0]) if good else WRONG)
        for one, good in zip(cases, right, strict=True)
    ]


def write_run(
    folder: Path,
    cases: Sequence[Case],
    recorded: Sequence[Recorded],
    *,
    about: Mapping[str, Any] | None = None,
    **more: Any,
) -> SavedRun:
    """Write a run into a folder, and read it back."""
    arms = more.pop("arms", None) or recorded_arms(recorded)
    rows = score(cases, recorded, entails=verbatim)
    held = {"index": None, "entailment": "verbatim"} | dict(about or {})
    made(cases, arms, rows, about=held, **more).write(folder)
    return load_run(folder)
