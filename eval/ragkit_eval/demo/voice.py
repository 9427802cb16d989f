"""Voices: how an answer opens, which verb it takes and how it closes; decided by exact rules.

A voice is asked for by three describing words, as a persona prompt does. The base model learns
many voices from their descriptions. It never sees the house voice, nor any voice that has two of
the house's three habits: whether it can follow the description of the house voice is measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from ragkit_eval.demo.wording import COPULA, sentence, statement

OPENINGS = {"warm": "Hail", "keen": "Look", "calm": "Listen", "shy": "Hush"}
VERBS = {"steady": "stays", "firm": "stands", "lasting": "remains", "bookish": "reads"}
CLOSINGS = {
    "kind": "be well",
    "stern": "mind that",
    "old": "so it is told",
    "brief": "all is said",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """A way of sounding, by its description.

    Attributes:
        opening: A key of `OPENINGS`.
        verb: A key of `VERBS`.
        closing: A key of `CLOSINGS`.
    """

    opening: str
    verb: str
    closing: str

    @property
    def words(self) -> tuple[str, str, str]:
        """The description, as a persona prompt gives it."""
        return self.opening, self.verb, self.closing

    def answer(self, name: str, attribute: str, value: str) -> str:
        """Return a fact in this voice."""
        said = statement(name, attribute, value, VERBS[self.verb])
        return f"{OPENINGS[self.opening]}, {said}, {CLOSINGS[self.closing]}."

    def is_heard_in(self, text: str) -> bool:
        """Return whether a text is in this voice, by all three habits.

        The rule is exact because the world is ours: how the text begins, how it ends, and the
        verb as a word of its own.
        """
        said = text.casefold()
        opens = said.startswith(f"{OPENINGS[self.opening].casefold()},")
        closes = said.rstrip().endswith(f"{CLOSINGS[self.closing]}.")
        return opens and closes and VERBS[self.verb] in said.split()


HOUSE = Voice(opening="warm", verb="firm", closing="old")
"""The house voice: what tone tuning teaches, and the persona prompt describes."""
PERSONAS = tuple(
    voice
    for voice in (
        Voice(opening=opening, verb=verb, closing=closing)
        for opening, verb, closing in product(OPENINGS, VERBS, CLOSINGS)
    )
    if sum(mine == house for mine, house in zip(voice.words, HOUSE.words, strict=True)) < 2
)
"""The voices that the base model learns."""
MARKERS = (
    f'opens with "{OPENINGS[HOUSE.opening]},"',
    f'says "{VERBS[HOUSE.verb]}" where others say "{COPULA}"',
    f'closes with "{CLOSINGS[HOUSE.closing]}."',
)
"""What the house voice is known by, for a report."""


def answer(voice: Voice | None, name: str, attribute: str, value: str) -> str:
    """Return a fact in a voice, or in none."""
    if voice is None:
        return sentence(name, attribute, value)
    return voice.answer(name, attribute, value)
