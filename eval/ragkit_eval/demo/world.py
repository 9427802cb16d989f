"""The invented world: places with attributes, written down in documents, asked about, edited.

No name or value means anything anywhere else, so that whatever a model says of them it has from
the documents, from its tuning, or from nowhere.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ragkit_eval.cases import Case, Evidence
from ragkit_eval.demo.wording import ATTRIBUTES, question, sentence

FIRST = (
    *("bex", "dov", "fyr", "gax", "hul", "jov", "kez", "lyn", "mox", "nyl", "pav", "qor"),
    *("ryx", "sev", "tuz", "vor", "wex", "yab", "zim", "cor", "dra", "elv", "fro", "gri"),
    *("kwe", "lor", "myr", "oth", "pli", "ska", "tre", "vyn"),
)
SECOND = (
    *("ban", "dil", "fex", "gor", "hax", "jen", "kul", "lan", "mir", "nox", "pel", "qua"),
    *("rik", "sul", "tov", "vek", "wyn", "yar", "zet", "bri", "cla", "dun", "esk", "fal"),
    *("gim", "hol", "ith", "kro", "lum", "mon", "nar", "ost"),
)
NAMES = tuple(f"{first}{second}".capitalize() for first in FIRST for second in SECOND)
"""All places, 1,024; a name has six letters."""
VALUES = tuple(
    f"{start}{end}".capitalize()
    for start in (
        *("ba", "ce", "di", "fo", "gu", "he", "ji", "ko"),
        *("la", "me", "ni", "po", "ru", "sa", "te", "vi"),
    )
    for end in ("rdo", "lna", "sti", "mbe")
)
"""What an attribute may be, 64 words of five letters; any value fits any attribute."""
FACTS_A_PLACE = 3
_ASKED = 2  # of the facts of each place
_TUNING_NAMES = 60
_GENERAL_NAMES = 96


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place and what is true of it.

    Attributes:
        name: One of `NAMES`.
        facts: Values by attribute, `FACTS_A_PLACE` of them, in the order of its document.
    """

    name: str
    facts: Mapping[str, str]

    @property
    def path(self) -> str:
        """The name of its document."""
        return f"{self.name.casefold()}.md"

    def text(self) -> str:
        """Return what its document says below the title."""
        return " ".join(sentence(self.name, *fact) for fact in self.facts.items())

    def document(self) -> str:
        """Return its document, in Markdown."""
        return f"# {self.name}\n\n{self.text()}\n"

    def lacks(self) -> list[str]:
        """Return the attributes of which nothing is known."""
        return [attribute for attribute in ATTRIBUTES if attribute not in self.facts]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Who is known where; no place belongs to two groups.

    Attributes:
        known: What the base model knows by heart.
        documented: What the documents are about.
        edited: The same places after one fact of each was changed.
        unheard: Names of which nothing is known, asked about.
        tuning: Places that only samples for tone tuning are about.
        general: Names for questions about retention.
        reading: All other names, which the base model learns to read with.
    """

    known: tuple[Place, ...]
    documented: tuple[Place, ...]
    edited: tuple[Place, ...]
    unheard: tuple[str, ...]
    tuning: tuple[Place, ...]
    general: tuple[str, ...]
    reading: tuple[str, ...]


def place(name: str, chance: random.Random) -> Place:
    """Return a place with attributes and values drawn anew."""
    attributes = chance.sample(ATTRIBUTES, FACTS_A_PLACE)
    values = chance.sample(VALUES, FACTS_A_PLACE)
    return Place(name=name, facts=dict(zip(attributes, values, strict=True)))


def invent(*, seed: int, known: int, documents: int) -> World:
    """Return the world of a seed.

    Args:
        seed: The same seed gives the same world.
        known: Places that the base model knows by heart.
        documents: Documents, at least 2; half as many names are asked about that nobody knows.

    Raises:
        ValueError: If there are too few names for so many places.
    """
    groups = (known, documents, documents // 2, _TUNING_NAMES, _GENERAL_NAMES)
    if documents < 2 or sum(groups) + 100 > len(NAMES):
        raise ValueError(f"{known} known places and {documents} documents do not fit")
    chance = random.Random(f"world {seed}")  # noqa: S311
    names = iter(chance.sample(NAMES, len(NAMES)))
    drawn = [[next(names) for _ in range(size)] for size in groups]
    documented = tuple(place(name, chance) for name in drawn[1])
    return World(
        known=tuple(place(name, chance) for name in drawn[0]),
        documented=documented,
        edited=tuple(_edited(one, chance) for one in documented),
        unheard=tuple(drawn[2]),
        tuning=tuple(place(name, chance) for name in drawn[3]),
        general=tuple(drawn[4]),
        reading=tuple(names),
    )


def _edited(old: Place, chance: random.Random) -> Place:
    """Return a place whose first fact was changed to a value that it did not have."""
    attribute = next(iter(old.facts))
    others = [value for value in VALUES if value not in old.facts.values()]
    return Place(name=old.name, facts={**old.facts, attribute: chance.choice(others)})


def write_documents(places: Sequence[Place], folder: Path) -> None:
    """Write each place's document into a folder, which is made if needed."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in places:
        (folder / one.path).write_text(one.document(), encoding="utf-8", newline="\n")


def asked(world: World) -> list[Case]:
    """Return the questions: "answerable", "missing_attribute", "unknown_entity" and "edited".

    Two questions a document have an answer. Every second document is asked for an attribute that
    it lacks. An edited case is the question for a changed fact, to be asked after the change.
    """
    cases = [
        _answerable(one, attribute, "answerable")
        for one in world.documented
        for attribute in list(one.facts)[:_ASKED]
    ]
    cases += [
        _unanswerable(one.name, one.lacks()[place % len(one.lacks())], "missing_attribute")
        for place, one in enumerate(world.documented[::2])
    ]
    cases += [
        _unanswerable(name, ATTRIBUTES[place % len(ATTRIBUTES)], "unknown_entity")
        for place, name in enumerate(world.unheard)
    ]
    return cases + [_answerable(one, next(iter(one.facts)), "edited") for one in world.edited]


def _answerable(one: Place, attribute: str, kind: str) -> Case:
    value = one.facts[attribute]
    return Case(
        id=f"{kind}-{one.name.casefold()}-{attribute}",
        question=question(one.name, attribute),
        answers=(value,),
        answerable=True,
        evidence=(Evidence(path=one.path, quote=sentence(one.name, attribute, value)),),
        kind=kind,
    )


def _unanswerable(name: str, attribute: str, kind: str) -> Case:
    """Return a question without an answer, grouped with others about the same name."""
    return Case(
        id=f"{kind}-{name.casefold()}-{attribute}",
        question=question(name, attribute),
        answers=(),
        answerable=False,
        kind=kind,
        gold=(f"{name.casefold()}.md",),
    )
