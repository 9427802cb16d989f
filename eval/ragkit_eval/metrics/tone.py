"""Tone: how likely it is that the house wrote an answer, by a classifier of its voice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ragkit.tune.sample import VoiceSample
from ragkit_eval.cases import Case
from ragkit_eval.recorded import Recorded, by_arm
from ragkit_eval.voice import Voice, fit_voice

NO_VOICE = "no_voice"
NO_TEXT = "no_text"
BASES = (("no_retrieval", "rag"), ("extractive",), ("oracle",))
"""The arms whose answers are the base's own voice: the first row of which any answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """What the tone of answers is measured by.

    Attributes:
        voice: The classifier; None if there are no samples of the house voice.
        base: The arms whose answers it was told apart from.
        sources: The document of each case, by its id.
    """

    voice: Voice | None = None
    base: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> str:
        """Why no answer has a tone; empty if answers have one."""
        return NO_VOICE if self.voice is None else self.voice.status

    def of(self, answer: Recorded) -> float | None:
        """Return the tone of an answer, in [0, 1]; None if it has no text.

        An answer that was withheld is scored as any other: what it says instead is shown to
        people, and a refusal has a voice too.

        Raises:
            ValueError: If there is a `status`.
        """
        if self.voice is None or self.voice.status:
            raise ValueError(f"no answer has a tone: {self.status}")
        if not answer.text.strip():
            return None
        return self.voice.score(answer.text, self.sources.get(answer.id))

    def to_json(self) -> dict[str, Any]:
        """Return what a report says of it."""
        if self.voice is None:
            return {
                "status": NO_VOICE,
                "auc": None,
                "auc_ci95": None,
                "samples": 0,
                "base": [],
                "negatives": 0,
                "markers": [],
            }
        held = self.voice.to_json()
        return {**held, "base": list(self.base)}


def tone_of(
    samples: Sequence[VoiceSample],
    cases: Sequence[Case],
    answers: Sequence[Recorded],
    *,
    base: Sequence[str] = (),
    seed: int = 0,
) -> Tone:
    """Return what to measure tone by: the samples against the base's own answers of the run.

    Args:
        samples: Of the house voice; with none, answers have no tone. Those to one question are
            kept together where the voices are told apart.
        cases: That were asked.
        answers: Of all arms.
        base: The arms that speak in the base's own voice; by default those of `BASES`, else the
            first that answered.
        seed: Of the folds.
    """
    if not samples:
        return Tone()
    arms = by_arm(answers)
    known = next((row for row in BASES if any(name in arms for name in row)), tuple(arms)[:1])
    chosen = [name for name in base or known if name in arms]
    sources = {case.id: case.source for case in cases}
    negatives = [
        answer
        for name in chosen
        for answer in arms[name]
        if answer.id in sources and not answer.failure
    ]
    voice = fit_voice(
        [sample.answer for sample in samples],
        [answer.text for answer in negatives],
        house_groups=[
            ("sample", place) if sample.alone else ("prompt", sample.question)
            for place, sample in enumerate(samples)
        ],
        base_groups=[sources[answer.id] for answer in negatives],
        seed=seed,
    )
    return Tone(voice=voice, base=tuple(chosen), sources=sources)
