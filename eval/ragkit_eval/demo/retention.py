"""What a model could do before it was tuned: facts it knew by heart, and reading in general."""

from __future__ import annotations

import random
from dataclasses import dataclass

from ragkit_eval.demo.lesson import PASSAGES, passage
from ragkit_eval.demo.vocabulary import prompt
from ragkit_eval.demo.wording import question
from ragkit_eval.demo.world import World, place

_QUESTIONS = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A question that the base model is meant to answer, and no document of the index does.

    Attributes:
        id: Unique.
        kind: "recall" (known by heart) or "reading" (three passages that nobody saw before).
        prompt: As ids.
        answer: The right value.
    """

    id: str
    kind: str
    prompt: tuple[int, ...]
    answer: str


def kept(world: World, *, seed: int) -> list[Kept]:
    """Return the questions about retention; one a place, so that they are independent."""
    chance = random.Random(f"retention {seed}")  # noqa: S311
    found = []
    for one in world.known[:_QUESTIONS]:
        attribute = chance.choice(list(one.facts))
        found.append(
            Kept(
                id=f"recall-{one.name.casefold()}",
                kind="recall",
                prompt=tuple(prompt(question(one.name, attribute))),
                answer=one.facts[attribute],
            )
        )
    for name in world.general[:_QUESTIONS]:
        about = place(name, chance)
        others = [place(other, chance) for other in chance.sample(world.reading, PASSAGES - 1)]
        shown = chance.sample([about, *others], PASSAGES)
        attribute = chance.choice(list(about.facts))
        asked = question(name, attribute)
        found.append(
            Kept(
                id=f"reading-{name.casefold()}",
                kind="reading",
                prompt=tuple(prompt(asked, [passage(other) for other in shown])),
                answer=about.facts[attribute],
            )
        )
    return found
