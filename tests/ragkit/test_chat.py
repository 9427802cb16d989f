"""A conversation carries its topic forward, and forgets in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from ragkit.answer import Answer
from ragkit.chat import Conversation
from ragkit.generate.protocol import Turn
from ragkit_ingest.errors import GeneratorError

NOTICE = "How long is the notice period?"


@dataclass
class Echo:
    """Answers every question with its own text."""

    asked: list[tuple[str, tuple[Turn, ...]]] = field(default_factory=list)
    broken: bool = False

    def ask(self, question: str, *, history: Sequence[Turn] = ()) -> Answer:
        if self.broken:
            raise GeneratorError("the endpoint is down")
        self.asked.append((question, tuple(history)))
        return Answer(question=question, text=f"{question} Yes.", abstained=False, confidence=1.0)

    def stream(self, question: str, *, history: Sequence[Turn] = ()) -> Iterator[str | Answer]:
        answer = self.ask(question, history=history)
        yield from ("Ye", "s.")
        yield answer


def test_a_follow_up_is_asked_in_full_and_shown_as_typed() -> None:
    echo = Echo()
    talk = Conversation(echo)
    first = talk.ask(NOTICE)
    second = talk.ask("And for contractors?")
    assert first.standalone_question == NOTICE
    assert second.question == "And for contractors?"
    assert second.standalone_question == "How long is the notice period for contractors?"
    assert [question for question, _ in echo.asked] == [NOTICE, second.standalone_question]


def test_the_pipeline_gets_the_earlier_turns() -> None:
    echo = Echo()
    talk = Conversation(echo)
    talk.ask(NOTICE)
    talk.ask("Who signs the lease?")
    assert echo.asked[1][1] == (Turn(question=NOTICE, answer=f"{NOTICE} Yes."),)


def test_follow_ups_of_follow_ups_keep_the_topic() -> None:
    talk = Conversation(Echo())
    talk.ask(NOTICE)
    talk.ask("And for contractors?")
    assert talk.ask("And for interns?").standalone_question == (
        "How long is the notice period for interns?"
    )


def test_the_memory_is_bounded_oldest_first() -> None:
    talk = Conversation(Echo(), max_turns=2)
    for number in range(4):
        talk.ask(f"What is rule {number} about?")
    assert [turn.question for turn in talk.history] == [
        "What is rule 2 about?",
        "What is rule 3 about?",
    ]


@pytest.mark.parametrize("max_turns", [0, -1])
def test_a_conversation_without_memory_is_refused(max_turns: int) -> None:
    with pytest.raises(ValueError, match="at least 1 turn"):
        Conversation(Echo(), max_turns=max_turns)


def test_a_stream_ends_with_the_answer_and_is_remembered() -> None:
    talk = Conversation(Echo())
    talk.ask(NOTICE)
    *pieces, answer = talk.stream("And for contractors?")
    assert pieces == ["Ye", "s."]
    assert isinstance(answer, Answer)
    assert answer.question == "And for contractors?"
    assert talk.history[-1].question == "How long is the notice period for contractors?"


def test_a_stream_that_is_left_is_not_remembered() -> None:
    talk = Conversation(Echo())
    stream = talk.stream(NOTICE)
    assert next(stream) == "Ye"
    assert talk.history == ()


def test_a_question_that_fails_is_not_remembered() -> None:
    echo = Echo()
    talk = Conversation(echo)
    talk.ask(NOTICE)
    echo.broken = True
    with pytest.raises(GeneratorError):
        talk.ask("Who signs the lease?")
    assert [turn.question for turn in talk.history] == [NOTICE]


def test_forget_starts_anew() -> None:
    talk = Conversation(Echo())
    talk.ask(NOTICE)
    talk.forget()
    assert talk.ask("And for contractors?").standalone_question == "And for contractors?"


def test_the_memory_is_bounded_by_characters_too() -> None:
    talk = Conversation(Echo(), max_characters=200)
    for number in range(6):
        talk.ask(f"Who signs the lease of building number {number}?")
    kept = talk.history
    assert 1 <= len(kept) < 6
    assert sum(len(turn.question) + len(turn.answer) for turn in kept) <= 200
    assert kept[-1].question.endswith("5?")


def test_one_long_turn_is_cut_not_lost() -> None:
    talk = Conversation(Echo(), max_characters=100)
    talk.ask("Who signs " + "the lease " * 50 + "?")
    (turn,) = talk.history
    assert len(turn.question) + len(turn.answer) == 100


def test_too_small_a_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 100 characters, not 99"):
        Conversation(Echo(), max_characters=99)


def test_a_resumed_conversation_leans_on_what_was_said() -> None:
    before = Conversation(Echo())
    answers = [before.ask(f"Who signs the lease of house {n}?") for n in range(12)]
    answers.append(before.ask(NOTICE))
    talk = Conversation(Echo())
    talk.resume(answers)
    assert talk.history == before.history
    asked = talk.ask("And for contractors?").standalone_question
    assert asked == "How long is the notice period for contractors?"
