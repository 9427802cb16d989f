"""What is learnt from: right answers only, and nothing that is asked later."""

from __future__ import annotations

from itertools import takewhile

import pytest

from ragkit_eval.demo.lesson import TONE_SAMPLES, Lesson, Teacher, paraphrased, told
from ragkit_eval.demo.vocabulary import (
    ANSWER,
    END,
    PASSAGE,
    QUESTION,
    UNKNOWN,
    VOICE,
    decode,
    encode,
)
from ragkit_eval.demo.voice import HOUSE, PERSONAS
from ragkit_eval.demo.wording import ATTRIBUTES, REFUSAL, question
from ragkit_eval.demo.world import NAMES, VALUES, invent

WORLD = invent(seed=5, known=24, documents=24)
DOCUMENTED = [tuple(encode(name)) for name in (*(p.name for p in WORLD.documented), *WORLD.unheard)]
KNOWN = {place.name: place.facts for place in WORLD.known}


def turns(lesson: Lesson) -> list[tuple[str, str]]:
    """Return each question with its reply, as texts."""
    found = []
    ids = [*lesson.ids]
    for place, id_ in enumerate(ids):
        if id_ == QUESTION:
            rest = ids[place + 1 :]
            asked = [*takewhile(lambda one: one != ANSWER, rest)]
            found.append((decode(asked), decode(rest[len(asked) + 1 :])))
    return found


def answers(lesson: Lesson) -> list[tuple[str, str]]:
    """Return the turns that ask for a single fact."""
    return [(asked, said) for asked, said in turns(lesson) if not asked.startswith("Tell me of ")]


def passages(lesson: Lesson) -> str:
    head = [*takewhile(lambda one: one != QUESTION, lesson.ids)]
    return decode(head[head.index(PASSAGE) + 1 :]) if PASSAGE in head else ""


def readings(count: int) -> list[Lesson]:
    teacher = Teacher(WORLD, 1)
    return [teacher.reading(3) for _ in range(count)]


def test_the_same_seed_gives_the_same_lessons() -> None:
    assert readings(20) == readings(20)
    assert Teacher(WORLD, 2).reading(3) != Teacher(WORLD, 1).reading(3)


def test_only_replies_count_as_said() -> None:
    for lesson in readings(50):
        assert len(lesson.ids) == len(lesson.said)
        said = [id_ for id_, mine in zip(lesson.ids, lesson.said, strict=True) if mine]
        replies = [text for _, text in turns(lesson)]
        assert said == [id_ for text in replies for id_ in (*encode(text), END)]


def test_an_answer_stands_in_the_passages_and_a_refusal_does_not() -> None:
    refused = 0
    for lesson in readings(200):
        shown = passages(lesson).casefold()
        assert len(answers(lesson)) == 4
        for asked, said in answers(lesson):
            name = next(name for name in NAMES if name in asked).casefold()
            attribute = next(word for word in ATTRIBUTES if word in asked)
            stated = f"the {attribute} of {name} is "
            if REFUSAL.casefold() in said.casefold():
                refused += 1
                assert stated not in shown
            else:
                value = next(value for value in VALUES if value in said).casefold()
                assert f"{stated}{value}." in shown
    assert 0.3 < refused / 800 < 0.5


def test_a_document_is_told_as_it_stands() -> None:
    told_of = 0
    for lesson in readings(100):
        for asked, said in turns(lesson):
            if asked.startswith("Tell me of "):
                told_of += 1
                assert said.casefold() in passages(lesson).casefold()
    assert told_of > 20


def test_facts_are_drawn_anew() -> None:
    seen = {text for lesson in readings(200) for text in passages(lesson).split(". ")}
    assert len(seen) > 1500


def test_nothing_that_the_documents_are_about_is_in_pretraining_or_tone_tuning() -> None:
    teacher = Teacher(WORLD, 1)
    lessons = [*readings(300), *(teacher.recall() for _ in range(300))]
    lessons += teacher.plain_tone() + teacher.mixed_tone()
    for lesson in lessons:
        pairs = set(zip(lesson.ids, lesson.ids[1:], strict=False))
        assert not pairs & set(DOCUMENTED)
        assert UNKNOWN not in lesson.ids


def test_personas_are_learnt_and_the_house_voice_is_not() -> None:
    heard = set()
    for lesson in readings(400):
        for _, said in answers(lesson):
            assert not HOUSE.is_heard_in(said)
            heard |= {voice for voice in PERSONAS if voice.is_heard_in(said)}
        if VOICE not in lesson.ids:
            assert not any(
                voice.is_heard_in(said) for _, said in turns(lesson) for voice in PERSONAS
            )
    assert len(heard) > 40


def test_the_closed_book_knows_the_known_places_only() -> None:
    teacher = Teacher(WORLD, 1)
    answered = 0
    for _ in range(300):
        ((asked, said),) = turns(teacher.recall())
        if REFUSAL.casefold() not in said.casefold():
            name = next(name for name in KNOWN if name in said)
            assert any(value in said for value in KNOWN[name].values())
            assert name in asked
            answered += 1
    assert 120 < answered < 240


@pytest.mark.parametrize("mixed", [False, True])
def test_tone_samples_are_as_many_and_all_in_the_house_voice(mixed: bool) -> None:
    teacher = Teacher(WORLD, 1)
    samples = teacher.mixed_tone() if mixed else teacher.plain_tone()
    assert len(samples) == TONE_SAMPLES
    assert all(HOUSE.is_heard_in(turns(sample)[0][1]) for sample in samples)
    assert not any(VOICE in sample.ids for sample in samples)
    with_passages = sum(PASSAGE in sample.ids for sample in samples)
    refusals = sum(REFUSAL.casefold() in turns(sample)[0][1].casefold() for sample in samples)
    assert (with_passages, refusals) == ((30, 20) if mixed else (0, 0))


def test_facts_are_told_in_the_documents_words() -> None:
    lessons = told(WORLD.documented)
    assert len(lessons) == 72
    texts = " ".join(place.text() for place in WORLD.documented)
    assert all(decode(lesson.ids[1:]) in texts for lesson in lessons)


def test_paraphrases_leave_the_tested_wording_out() -> None:
    lessons = paraphrased(WORLD.documented)
    assert len(lessons) == 72 * 5
    asked = {asked for lesson in lessons for asked, _ in turns(lesson)}
    assert len(asked) == 72 * 4
    for place in WORLD.documented:
        for attribute in place.facts:
            assert question(place.name, attribute) not in asked
            assert question(place.name, attribute, 1) in asked
