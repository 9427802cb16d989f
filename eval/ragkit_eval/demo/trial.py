"""One trial: a decoder is made from a seed, trained, tuned four ways, and every arm is asked.

A trial runs in a process of its own, on one thread, so that several run side by side and each
gives the same answers wherever it runs: `python -m ragkit_eval.demo.trial ORDER RESULT`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragkit_eval.cases import Case, write_whole
from ragkit_eval.demo.contender import (
    BASE,
    CONTENDERS,
    FACTS,
    FACTS_PARAPHRASED,
    TONE,
    TONE_MIXED,
    Contender,
)
from ragkit_eval.demo.decoder import Decoder, rounds
from ragkit_eval.demo.lesson import PASSAGES, Lesson, Teacher, paraphrased, told
from ragkit_eval.demo.recipe import Recipe
from ragkit_eval.demo.retention import kept as kept_questions
from ragkit_eval.demo.shape import Shape
from ragkit_eval.demo.vocabulary import decode, prompt
from ragkit_eval.demo.voice import HOUSE
from ragkit_eval.demo.world import World, asked, invent

_READ = 0.2  # what an error in a prompt's words counts while pretraining
_TOLD_EVERY = 25  # steps between two lines about progress

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a trial is asked to do.

    Attributes:
        recipe: How large it is.
        seed: Of this trial's model.
        passages: The texts that were retrieved for each case, best first, by the case's id.
        key: What all of this and the code come to; a result with the same key is this trial's.
        base_key: The same of what decides the pretrained weights.
    """

    recipe: Recipe
    seed: int
    passages: Mapping[str, Sequence[str]]
    key: str
    base_key: str

    def to_json(self) -> dict[str, Any]:
        """Return the order as a file holds it."""
        return {
            "recipe": {**self.recipe.to_json(), "device": self.recipe.device},
            "seed": self.seed,
            "passages": {id_: list(texts) for id_, texts in self.passages.items()},
            "key": self.key,
            "base_key": self.base_key,
        }


def order_of(values: Mapping[str, Any]) -> Order:
    """Return the order that a file holds."""
    held = dict(values["recipe"])
    held["shape"] = Shape(**held["shape"])
    held["seeds"] = tuple(held["seeds"])
    return Order(
        recipe=Recipe(**held),
        seed=values["seed"],
        passages=values["passages"],
        key=values["key"],
        base_key=values["base_key"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a trial.

    Attributes:
        key: The order's.
        seed: Of the model.
        parameters: Weights of the decoder.
        errors: What each model ended its training with, in nats a word of the replies.
        answers: By arm, then by the case's id.
        retained: By model, then by the question's id.
        seconds: How long each part took.
    """

    key: str
    seed: int
    parameters: int
    errors: Mapping[str, float]
    answers: Mapping[str, Mapping[str, str]]
    retained: Mapping[str, Mapping[str, str]]
    seconds: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return the result as a file holds it."""
        return {name: getattr(self, name) for name in self.__slots__}


def run(order: Order, progress: Progress | None = None, *, kept: Path | None = None) -> Result:
    """Train, tune and ask; the same order gives the same result on the same machine.

    Args:
        order: What to do.
        progress: Called with a part's name, how much of it is done, and how much there is.
        kept: A file that keeps the pretrained weights, for a run that is interrupted later.
    """
    tell = progress or (lambda *_: None)
    recipe = order.recipe
    world = invent(seed=recipe.world_seed, known=recipe.known, documents=recipe.documents)
    clock = _Clock()
    base = Decoder(recipe.shape, seed=order.seed, device=recipe.device)
    errors = {BASE: _pretrained(base, order, world, tell, kept)}
    clock.lap("pretrain")
    models = {BASE: base}
    for name, lessons in _tunings(world, order.seed).items():
        models[name] = base.copy()
        tone = name in (TONE, TONE_MIXED)
        steps = recipe.tone_steps if tone else recipe.fact_steps
        size = recipe.tone_batch if tone else recipe.fact_batch
        errors[name] = models[name].train(
            rounds(lessons, size, order.seed),
            steps=steps,
            rate=recipe.tone_rate if tone else recipe.fact_rate,
        )
        tell(f"tune {name}", steps, steps)
    clock.lap("tune")
    cases = asked(world)
    answers = {
        contender.name: _answers(models[contender.model], contender, cases, order.passages)
        for contender in CONTENDERS
    }
    questions = kept_questions(world, seed=recipe.world_seed)
    retained = {
        name: dict(
            zip(
                [one.id for one in questions],
                map(decode, model.write([one.prompt for one in questions])),
                strict=True,
            )
        )
        for name, model in models.items()
    }
    clock.lap("answer")
    return Result(
        key=order.key,
        seed=order.seed,
        parameters=base.parameters,
        errors=errors,
        answers=answers,
        retained=retained,
        seconds=clock.seconds,
    )


def _pretrained(
    decoder: Decoder, order: Order, world: World, tell: Progress, kept: Path | None
) -> float:
    """Pretrain the decoder, or take the weights that were kept; return the error it ended with."""
    if kept is not None and (error := decoder.load(kept, key=order.base_key)) is not None:
        return error
    error = _pretrain(decoder, order.recipe, world, order.seed, tell)
    if kept is not None:
        decoder.save(kept, key=order.base_key, error=error)
    return error


def _pretrain(decoder: Decoder, recipe: Recipe, world: World, seed: int, tell: Progress) -> float:
    teacher = Teacher(world, seed)

    def batches() -> Iterator[list[list[Lesson]]]:
        for step in range(recipe.steps):
            passages = 1 if step < recipe.first_steps else PASSAGES
            refusing = step >= recipe.first_steps + recipe.second_steps
            yield [
                [teacher.reading(passages, refusing=refusing) for _ in range(recipe.reading)],
                [teacher.recall(refusing=refusing) for _ in range(recipe.recall)],
            ]

    return decoder.train(
        batches(),
        steps=recipe.steps,
        rate=recipe.rate,
        read=_READ,
        progress=lambda done, of: tell("pretrain", done, of),
    )


def _tunings(world: World, seed: int) -> dict[str, list[Lesson]]:
    """Return what each tuned model learns from."""
    teacher = Teacher(world, seed + 1_000_000)
    return {
        TONE: teacher.plain_tone(),
        TONE_MIXED: teacher.mixed_tone(),
        FACTS: told(world.documented),
        FACTS_PARAPHRASED: paraphrased(world.documented),
    }


def _answers(
    model: Decoder,
    contender: Contender,
    cases: Sequence[Case],
    passages: Mapping[str, Sequence[str]],
) -> dict[str, str]:
    prompts = [
        prompt(
            case.question,
            passages[case.id] if contender.retrieves else (),
            HOUSE.words if contender.persona else (),
        )
        for case in cases
    ]
    written = map(decode, model.write(prompts))
    return {case.id: text for case, text in zip(cases, written, strict=True)}


class _Clock:
    """Measures the parts of a trial."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.perf_counter()

    def lap(self, part: str) -> None:
        now = time.perf_counter()
        self.seconds[part] = round(now - self._since, 2)
        self._since = now


def _main(arguments: Sequence[str]) -> None:
    import torch

    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    order = order_of(json.loads(Path(arguments[0]).read_text(encoding="utf-8")))

    def tell(part: str, done: int, of: int) -> None:
        if done % _TOLD_EVERY == 0 or done == of:
            print(json.dumps([part, done, of]), flush=True)

    file = Path(arguments[1])
    result = run(order, tell, kept=file.with_suffix(".base.safetensors"))
    write_whole(file, json.dumps(result.to_json(), indent=1) + "\n")


if __name__ == "__main__":
    _main(sys.argv[1:])
