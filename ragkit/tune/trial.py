"""Tries an adapter: the same probes on the base and on the adapter, measured for the gates."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ragkit.generate.model import ChatModel, Message, written
from ragkit.tune.example import Example, load_examples
from ragkit.tune.gates import Measured, Paired
from ragkit.tune.probe import ABSTAIN, CONTEXT, TONE, Probe, abstains, is_right, spoken

_GENERAL = Path(__file__).with_name("general.jsonl")
# Texts of the base that a classifier of voices needs, with some to spare for empty ones.
_LEAST_OWN = 30

Score = Callable[[str], float]
FitTone = Callable[[Sequence[str], Sequence[str]], "Score | str"]
"""Returns what scores a text in [0, 1], from texts of the house and of the base; or why not."""


class LossModel(ChatModel, Protocol):
    """A chat model that can say how likely it finds an answer."""

    def losses(self, dialogues: Sequence[Sequence[Message]]) -> list[float]:
        """Return the mean loss of each dialogue's last message, in nats a token."""
        ...

    def close(self) -> None:
        """Release the memory."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialSettings:
    """How much is tried.

    Attributes:
        probes: Most probes of a kind.
        answer_tokens: Most tokens of an answer.
    """

    probes: int = 40
    answer_tokens: int = 200


@dataclass(frozen=True, slots=True)
class _Heard:
    """What one model wrote, by kind of probe, and its losses."""

    answers: dict[str, list[str]]
    training: list[str]
    losses: list[float]


def try_adapter(
    base: LossModel,
    tuned: LossModel,
    probes: Sequence[Probe],
    training: Sequence[Example],
    fit_tone: FitTone,
    settings: TrialSettings | None = None,
    *,
    general: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Measured:
    """Return what the base and the adapter make of the same probes.

    The base is released before the adapter is loaded, so that one model at a time is in memory.

    Args:
        base: The model as it was.
        tuned: With the adapter.
        probes: Of the training set's folder.
        training: What the adapter was trained on: its answers are the house voice.
        fit_tone: Fits what scores the tone.
        settings: How much is tried.
        general: Chat JSON Lines of general dialogues; by default the packaged ones.
        progress: Called with how many answers are written, and how many there will be.

    Raises:
        GeneratorError: If a model fails.
        UsageError: If the general dialogues are none.
    """
    settings = settings or TrialSettings()
    kinds = {
        kind: [probe for probe in probes if probe.kind == kind][: settings.probes]
        for kind in (CONTEXT, ABSTAIN, TONE)
    }
    dialogues = [one.messages for one in load_examples(general or _GENERAL)]
    asked = _spread([one.messages[:-1] for one in training], max(settings.probes, _LEAST_OWN))
    total = 2 * sum(map(len, kinds.values())) + len(asked)
    count = _Count(total, progress)
    heard = _listen(base, kinds, dialogues, asked, settings, count)
    base.close()
    tried = _listen(tuned, kinds, dialogues, [], settings, count)
    tuned.close()
    refusal = next((probe.refusal for probe in probes if probe.refusal), "")
    return Measured(
        context=_paired(kinds[CONTEXT], heard, tried, is_right),
        abstention=_paired(kinds[ABSTAIN], heard, tried, abstains),
        retention=Paired(base=tuple(heard.losses), tuned=tuple(tried.losses)),
        tone=_tone(training, heard, tried, refusal, fit_tone),
    )


class _Count:
    def __init__(self, total: int, progress: Callable[[int, int], None] | None) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def one(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._total)


def _listen(
    model: LossModel,
    kinds: dict[str, list[Probe]],
    dialogues: Sequence[Sequence[Message]],
    asked: Sequence[Sequence[Message]],
    settings: TrialSettings,
    count: _Count,
) -> _Heard:
    def write(messages: Sequence[Message]) -> str:
        text = written(model, messages, max_tokens=settings.answer_tokens)
        count.one()
        return text

    return _Heard(
        answers={kind: [write(probe.messages) for probe in held] for kind, held in kinds.items()},
        training=[write(messages) for messages in asked],
        losses=model.losses(dialogues),
    )


def _paired(
    probes: Sequence[Probe], heard: _Heard, tried: _Heard, judge: Callable[[Probe, str], bool]
) -> Paired:
    kind = probes[0].kind if probes else ""

    def judged(one: _Heard) -> tuple[float, ...]:
        pairs = zip(probes, one.answers.get(kind, []), strict=True)
        return tuple(float(judge(probe, answer)) for probe, answer in pairs)

    return Paired(base=judged(heard), tuned=judged(tried))


def _tone(
    training: Sequence[Example], heard: _Heard, tried: _Heard, refusal: str, fit_tone: FitTone
) -> Paired:
    """Return the tone of held-out answers, those from passages among them."""
    house = [spoken(text, refusal) for example in training for text in example.learnt]
    score = fit_tone(list(filter(None, house)), [spoken(text, refusal) for text in heard.training])
    if isinstance(score, str):
        return Paired(missing=score)

    def scored(one: _Heard) -> tuple[float, ...]:
        texts = [*one.answers[TONE], *one.answers[CONTEXT]]
        said = [spoken(text, refusal) for text in texts]
        return tuple(score(text) if text.strip() else 0.0 for text in said)

    return Paired(base=scored(heard), tuned=scored(tried))


def _spread(prompts: Sequence[Sequence[Message]], most: int) -> list[Sequence[Message]]:
    """Return at most so many different prompts, evenly from all."""
    different = list({json.dumps([m.content for m in one]): one for one in prompts}.values())
    step = max(1, len(different) // most)
    return different[::step][:most]
