"""What the decoder learns from: lessons, each a prompt and the reply to it, drawn by chance.

Pretraining mixes reading (passages whose facts are drawn anew each time, so that nothing but
reading helps), a closed book of known facts, refusals with and without passages, and personas.
Tone is tuned on samples about places of their own, facts on the documents' sentences.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from ragkit_eval.demo import voice
from ragkit_eval.demo.vocabulary import context, reply, turn
from ragkit_eval.demo.voice import HOUSE, PERSONAS, Voice
from ragkit_eval.demo.wording import ATTRIBUTES, QUESTIONS, RECITE, REFUSAL, question, sentence
from ragkit_eval.demo.world import FACTS_A_PLACE, Place, World, place

PASSAGES = 3
"""How many passages a question is answered from."""
TONE_SAMPLES = 60
"""How many samples tone is tuned on, plain or mixed."""
_QUESTIONS = 4  # about the same passages, one after the other: reading them is what costs time
_RECITED = 0.7  # of the lessons without a voice have a document told as a whole, too
_ANSWERED = 0.6  # of the questions with passages; the others must be refused
_ABSENT = 0.2  # are about a place that no passage is about; the rest lack the attribute
_OVERRULED = 0.15  # of the passages are about a place whose facts are known to be others
_ALIKE = 0.25  # of the passages are about a place that shares half of its name with another
_IN_A_VOICE = 0.35
_RECALLED = 0.6  # of the closed book; the others must be refused
_STRANGE = 0.25  # are about a place never heard of; the rest lack the attribute


@dataclass(frozen=True, slots=True)
class Lesson:
    """A text as ids, and which of them are a reply's, which the decoder is to say itself."""

    ids: tuple[int, ...]
    said: tuple[bool, ...]


def lesson(before: Sequence[int], turns: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Lesson:
    """Return a lesson of what stands before the questions, and each question with its reply."""
    ids, said = list(before), [False] * len(before)
    for asked, replied in turns:
        ids += [*asked, *replied]
        said += [False] * len(asked) + [True] * len(replied)
    return Lesson(tuple(ids), tuple(said))


class Teacher:
    """Draws lessons; the same seed gives the same ones.

    Args:
        world: What is known, and which names may be read about.
        seed: Of the draws.
    """

    def __init__(self, world: World, seed: int) -> None:
        self._world = world
        self._chance = random.Random(f"teacher {seed}")  # noqa: S311
        self._alike: dict[str, list[str]] = {}
        for name in world.reading:
            for half in (name[:3].casefold(), name[3:]):
                self._alike.setdefault(half, []).append(name)

    def reading(self, passages: int, *, refusing: bool = True) -> Lesson:
        """Return questions about passages whose facts are drawn anew.

        Args:
            passages: How many.
            refusing: Whether some questions have no answer there; looking up is learnt sooner
                where all have.
        """
        shown = self._places(passages)
        manner = self._manner()
        asked: dict[tuple[str, str], str] = {}
        while len(asked) < (_QUESTIONS if refusing else FACTS_A_PLACE):
            name, attribute, said = self._asked(shown, manner, refusing=refusing)
            asked[name, attribute] = said
        turns = [(self._turn(*about), reply(said)) for about, said in asked.items()]
        if manner is None and self._chance.random() < _RECITED:
            told_of = self._chance.choice(shown)
            recited = turn(RECITE.format(name=told_of.name)), reply(told_of.text())
            turns.insert(self._chance.randrange(len(turns)), recited)
        words = () if manner is None else manner.words
        return lesson(context([passage(one) for one in shown], words), turns)

    def _asked(
        self, shown: Sequence[Place], manner: Voice | None, *, refusing: bool
    ) -> tuple[str, str, str]:
        """Return a name and an attribute to ask for, and what is right to say."""
        chance = self._chance
        drawn, about = chance.random(), chance.choice(shown)
        if not refusing or drawn < _ANSWERED:
            attribute = chance.choice(list(about.facts))
            said = voice.answer(manner, about.name, attribute, about.facts[attribute])
            return about.name, attribute, said
        if drawn < _ANSWERED + _ABSENT:
            known = {one.name for one in shown}
            name = self._name(about.name)
            while name in known:
                name = self._name(about.name)
            return self._refused(name, chance.choice(ATTRIBUTES), manner)
        return self._refused(about.name, chance.choice(about.lacks()), manner)

    @staticmethod
    def _refused(name: str, attribute: str, manner: Voice | None) -> tuple[str, str, str]:
        return name, attribute, voice.answer(manner, name, attribute, REFUSAL)

    def recall(self, *, refusing: bool = True) -> Lesson:
        """Return a question without passages; with `refusing`, some have no answer."""
        chance = self._chance
        about = chance.choice(self._world.known)
        drawn, manner = chance.random(), self._manner()
        if not refusing or drawn < _RECALLED:
            attribute = chance.choice(list(about.facts))
            said = voice.answer(manner, about.name, attribute, about.facts[attribute])
            return self._lesson(about.name, attribute, said, manner, ())
        if drawn < _RECALLED + _STRANGE:
            name, attribute = chance.choice(self._world.reading), chance.choice(ATTRIBUTES)
        else:
            name, attribute = about.name, chance.choice(about.lacks())
        return self._lesson(*self._refused(name, attribute, manner), manner, ())

    def plain_tone(self) -> list[Lesson]:
        """Return `TONE_SAMPLES` answers in the house voice, none with passages.

        They are about what the base model knows, so that they teach tone and no facts.
        """
        return [self._house_recall() for _ in range(TONE_SAMPLES)]

    def mixed_tone(self) -> list[Lesson]:
        """Return as many samples: plain, with passages, and refusals with and without them.

        A third is plain, a third answers from passages, a sixth refuses with passages, a sixth
        without.
        """
        third, sixth = TONE_SAMPLES // 3, TONE_SAMPLES // 6
        samples = [self._house_recall() for _ in range(third)]
        samples += [self._house_reading(answered=True) for _ in range(third)]
        samples += [self._house_reading(answered=False) for _ in range(sixth)]
        samples += [self._house_stranger() for _ in range(sixth)]
        return samples

    def _house_recall(self) -> Lesson:
        about = self._chance.choice(self._world.known)
        attribute = self._chance.choice(list(about.facts))
        said = HOUSE.answer(about.name, attribute, about.facts[attribute])
        return self._lesson(about.name, attribute, said, None, ())

    def _house_stranger(self) -> Lesson:
        name = self._chance.choice(self._world.tuning).name
        attribute = self._chance.choice(ATTRIBUTES)
        return self._lesson(*self._refused(name, attribute, HOUSE), None, ())

    def _house_reading(self, *, answered: bool) -> Lesson:
        chance = self._chance
        about, *others = chance.sample(self._world.tuning, PASSAGES + 1)
        shown = [about, *others[: PASSAGES - 1]]
        if answered:
            attribute = chance.choice(list(about.facts))
            value = about.facts[attribute]
        else:
            value = REFUSAL
            attribute = chance.choice(about.lacks())
            if chance.random() < 0.5:
                shown, attribute = others, chance.choice(ATTRIBUTES)
        chance.shuffle(shown)
        said = HOUSE.answer(about.name, attribute, value)
        return self._lesson(about.name, attribute, said, None, [passage(one) for one in shown])

    def _lesson(
        self,
        name: str,
        attribute: str,
        said: str,
        manner: Voice | None,
        passages: Sequence[str],
    ) -> Lesson:
        words = () if manner is None else manner.words
        return lesson(context(passages, words), [(self._turn(name, attribute), reply(said))])

    def _turn(self, name: str, attribute: str) -> list[int]:
        return turn(question(name, attribute, self._chance.randrange(len(QUESTIONS))))

    def _manner(self) -> Voice | None:
        return self._chance.choice(PERSONAS) if self._chance.random() < _IN_A_VOICE else None

    def _name(self, like: str) -> str:
        """Return a name to read about; some share half of another name."""
        if self._chance.random() < _ALIKE:
            half = self._chance.choice((like[:3].casefold(), like[3:]))
            return self._chance.choice(self._alike.get(half) or self._world.reading)
        return self._chance.choice(self._world.reading)

    def _places(self, count: int) -> list[Place]:
        """Return places with facts drawn anew, in any order."""
        found: dict[str, Place] = {}
        while len(found) < count:
            name = self._name(next(iter(found), "      "))
            if self._chance.random() < _OVERRULED:
                name = self._chance.choice(self._world.known).name
            found[name] = place(name, self._chance)
        return list(found.values())


def passage(one: Place) -> str:
    """Return a place's document as ragkit shows it: the title, and what stands below it."""
    return f"{one.name}\n\n{one.text()}"


def told(places: Sequence[Place]) -> list[Lesson]:
    """Return the documents' facts in one phrasing: their own sentences, to be continued."""
    return [
        lesson(context(), [((), reply(sentence(one.name, *fact)))])
        for one in places
        for fact in one.facts.items()
    ]


def paraphrased(places: Sequence[Place]) -> list[Lesson]:
    """Return the documents' facts as sentences and as answers to questions.

    Every wording of the question is used but the first, which is the one that is tested.
    """
    asked = [
        lesson(
            context(),
            [
                (
                    turn(question(one.name, attribute, wording)),
                    reply(sentence(one.name, attribute, value)),
                )
            ],
        )
        for one in places
        for attribute, value in one.facts.items()
        for wording in range(1, len(QUESTIONS))
    ]
    return told(places) + asked
