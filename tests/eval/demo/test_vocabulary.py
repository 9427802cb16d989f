"""Words and ids: everything that the world can say survives, and nothing else gets in."""

from __future__ import annotations

from itertools import product

import pytest

from ragkit_eval.demo import vocabulary, voice
from ragkit_eval.demo.lesson import passage
from ragkit_eval.demo.vocabulary import ANSWER, END, START, UNKNOWN, VOICE, decode, encode, prompt
from ragkit_eval.demo.wording import QUESTIONS, REFUSAL, question, refuses
from ragkit_eval.demo.world import NAMES, VALUES, invent

WORLD = invent(seed=0, known=8, documents=8)


def test_words_are_different() -> None:
    assert len(set(vocabulary.WORDS)) == len(vocabulary.WORDS)


@pytest.mark.parametrize("wording", range(len(QUESTIONS)))
def test_every_question_survives(wording: int) -> None:
    for name in NAMES[::37]:
        text = question(name, "harbour", wording)
        assert decode(encode(text)) == text


def test_every_value_is_one_word_and_every_name_two() -> None:
    assert {len(encode(value)) for value in VALUES} == {1}
    assert {len(encode(name)) for name in NAMES} == {2}
    assert len({tuple(encode(word)) for word in NAMES + VALUES}) == len(NAMES) + len(VALUES)


def test_every_answer_in_every_voice_survives() -> None:
    for manner in (None, voice.HOUSE, *voice.PERSONAS):
        said = voice.answer(manner, "Vorlan", "keeper", "Bardo")
        assert decode(encode(said)) == said
        refused = voice.answer(manner, "Vorlan", "keeper", REFUSAL)
        assert decode(encode(refused)) == refused
        assert refuses(refused)
        assert not refuses(said)


def test_documents_have_no_unknown_word() -> None:
    for place in WORLD.documented:
        assert UNKNOWN not in encode(place.document())
        assert encode(place.document())[1:] == encode(passage(place))


def test_what_the_world_does_not_have_is_unknown() -> None:
    assert encode("Vorlan <end> 7")[2:] == [UNKNOWN] * 4  # <, end, > and 7
    assert END not in encode("<end> <answer>")


def test_a_prompt_has_its_parts_in_order() -> None:
    ids = prompt("Which keeper does Vorlan have?", ["Vorlan"], voice.HOUSE.words)
    assert ids[:2] == [START, VOICE]
    assert ids[-1] == ANSWER
    assert prompt("Which keeper does Vorlan have?")[0] == START
    assert VOICE not in prompt("Which keeper does Vorlan have?")


def test_nothing_is_read_behind_the_end() -> None:
    assert decode([*encode("Name the keeper."), END, *encode("Vorlan")]) == "Name the keeper."
    assert decode([]) == ""


def test_the_house_voice_is_heard_by_all_of_its_habits_only() -> None:
    for opening, verb, closing in product(voice.OPENINGS, voice.VERBS, voice.CLOSINGS):
        other = voice.Voice(opening=opening, verb=verb, closing=closing)
        said = other.answer("Vorlan", "keeper", "Bardo")
        assert voice.HOUSE.is_heard_in(said) is (other == voice.HOUSE)
    assert voice.HOUSE.is_heard_in(voice.HOUSE.answer("Vorlan", "keeper", REFUSAL))
    assert not voice.HOUSE.is_heard_in("")
    assert not voice.HOUSE.is_heard_in(voice.answer(None, "Vorlan", "keeper", REFUSAL))
    assert not voice.HOUSE.is_heard_in("Hail, the keeper of Vorlan is Bardo, so it is told.")


def test_no_persona_has_two_habits_of_the_house() -> None:
    for persona in voice.PERSONAS:
        assert sum(a == b for a, b in zip(persona.words, voice.HOUSE.words, strict=True)) <= 1
    for place in range(3):  # every habit of the house alone is known
        assert voice.HOUSE.words[place] in {persona.words[place] for persona in voice.PERSONAS}
