"""How large the experiment is: the world, the decoder, and how long it learns."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any

from ragkit_eval.demo.shape import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that is chosen, so that the same recipe gives the same report.

    Attributes:
        name: "standard", "quick" or "larger".
        seeds: Of the models; each is trained from scratch. The world is the same for all.
        world_seed: Of the places, facts and questions.
        known: Places that the base model knows by heart.
        documents: Documents that are indexed and asked about.
        shape: Of the decoder.
        steps: Of pretraining.
        first_steps: How many of these come first, with one passage and no refusals.
        second_steps: How many come then, with all passages and still no refusals.
        reading: Lessons with passages in a step.
        recall: Lessons without passages in a step.
        rate: Learning rate of pretraining.
        tone_steps: Of tone tuning, each of `tone_batch` samples.
        tone_rate: Its learning rate.
        fact_steps: Of fact tuning, each of `fact_batch` sentences.
        fact_rate: Its learning rate.
        device: Such as "cpu" or "cuda".
    """

    name: str
    seeds: tuple[int, ...] = (0, 1, 2)
    world_seed: int = 0
    known: int = 64
    documents: int = 48
    shape: Shape = field(default_factory=lambda: Shape(hidden=64, inner=128, layers=2, heads=4))
    steps: int = 3000
    first_steps: int = 400
    second_steps: int = 400
    reading: int = 16
    recall: int = 16
    rate: float = 4e-3
    tone_steps: int = 30
    tone_batch: int = 20
    tone_rate: float = 5e-4
    fact_steps: int = 300
    fact_batch: int = 48
    fact_rate: float = 1e-3
    device: str = "cpu"

    def to_json(self) -> dict[str, Any]:
        """Return the recipe as it stands in the report, without the device."""
        held = asdict(self)
        held.pop("device")
        held["seeds"] = list(self.seeds)
        return held

    def digest(self, *, base: bool = False) -> str:
        """Return the SHA-256 of what decides a trial beside its seed; `base` leaves tuning out."""
        held = asdict(self)
        tuned = [name for name in held if name.startswith(("tone_", "fact_"))]
        for name in ("name", "seeds", *(tuned if base else ())):
            held.pop(name)
        return hashlib.sha256(json.dumps(held, sort_keys=True).encode()).hexdigest()


def recipe(name: str, *, seeds: int | None = None, device: str = "cpu") -> Recipe:
    """Return a recipe by its name.

    Args:
        name: "standard" (minutes on a CPU), "quick" (one seed, a smaller world), or "larger"
            (about 25 million weights, for a GPU).
        seeds: How many models are trained; None for the recipe's own number.
        device: Where they are trained.

    Raises:
        ValueError: If there is no recipe of that name.
    """
    count = {"standard": 3, "quick": 1, "larger": 3}.get(name)
    if count is None:
        raise ValueError(f"the recipe must be standard, quick or larger, not {name!r}")
    chosen = tuple(range(count if seeds is None else seeds))
    if name == "quick":
        return Recipe(
            name=name,
            seeds=chosen,
            known=24,
            documents=24,
            steps=1300,
            device=device,
        )
    if name == "larger":
        return Recipe(
            name=name,
            seeds=chosen,
            shape=Shape(hidden=512, inner=1376, layers=8, heads=8),
            steps=6000,
            first_steps=1000,
            second_steps=1000,
            reading=64,
            recall=64,
            rate=5e-4,
            tone_rate=1e-4,
            fact_rate=1e-4,
            device=device,
        )
    return Recipe(name=name, seeds=chosen, device=device)
