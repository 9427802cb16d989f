"""A conversation: questions that may lean on earlier ones, and a bounded memory of the turns."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol, runtime_checkable

from ragkit.answer import Answer
from ragkit.followup import standalone
from ragkit.generate.protocol import Turn

_FEWEST_CHARACTERS = 100


class Answerer(Protocol):
    """As much of a pipeline as a conversation needs."""

    def ask(self, question: str, *, history: Sequence[Turn] = ()) -> Answer:
        """Answer a question."""
        ...

    def stream(self, question: str, *, history: Sequence[Turn] = ()) -> Iterator[str | Answer]:
        """Yield an answer's text in pieces, then the answer."""
        ...


@runtime_checkable
class Rewriter(Protocol):
    """A pipeline that makes follow-ups stand on their own, such as by a chat model."""

    def standalone(self, text: str, history: Sequence[Turn]) -> str:
        """Return the text as a question that stands on its own."""
        ...


class Conversation:
    """Asks a pipeline one question after another.

    A follow-up is first rewritten into a question that stands on its own, by the pipeline if it
    can, else by rules; the answer says how it was understood. A question that fails is
    not remembered.

    Args:
        pipeline: What answers.
        max_turns: Turns remembered, at least 1; the oldest is forgotten first.
        max_characters: Characters of questions and answers that are remembered together, at
            least 100. Older turns are forgotten first; of the last one the answer is cut.
    """

    def __init__(
        self, pipeline: Answerer, *, max_turns: int = 8, max_characters: int = 8000
    ) -> None:
        if max_turns < 1:
            raise ValueError(f"a conversation remembers at least 1 turn, not {max_turns}")
        if max_characters < _FEWEST_CHARACTERS:
            raise ValueError(
                f"a conversation remembers at least {_FEWEST_CHARACTERS} characters, not "
                f"{max_characters}"
            )
        self._max_characters = max_characters
        self._pipeline = pipeline
        self._rewrite = pipeline.standalone if isinstance(pipeline, Rewriter) else standalone
        self._turns: deque[Turn] = deque(maxlen=max_turns)

    @property
    def history(self) -> tuple[Turn, ...]:
        """The turns that are remembered, oldest first; their questions stand on their own."""
        return tuple(self._turns)

    def ask(self, text: str) -> Answer:
        """Answer a question or a follow-up.

        Raises:
            RagkitError: As `Pipeline.ask`.
        """
        history = self.history
        question = self._rewrite(text, history)
        return self._remember(text, question, self._pipeline.ask(question, history=history))

    def stream(self, text: str) -> Iterator[str | Answer]:
        """Yield the answer's text as it is written, then the answer.

        The turn is remembered once the answer has arrived.

        Raises:
            RagkitError: As `Pipeline.stream`.
        """
        history = self.history
        question = self._rewrite(text, history)
        for piece in self._pipeline.stream(question, history=history):
            if isinstance(piece, Answer):
                yield self._remember(text, question, piece)
            else:
                yield piece

    def forget(self) -> None:
        """Start anew: the next question leans on nothing."""
        self._turns.clear()

    def resume(self, answers: Iterable[Answer]) -> None:
        """Take up an earlier conversation: remember its answers, oldest first, within bounds."""
        for answer in answers:
            self._keep(Turn(question=answer.standalone_question, answer=answer.text))

    def _keep(self, turn: Turn) -> None:
        room = self._max_characters
        question = turn.question[:room]
        self._turns.append(Turn(question=question, answer=turn.answer[: room - len(question)]))
        while sum(len(kept.question) + len(kept.answer) for kept in self._turns) > room:
            self._turns.popleft()

    def _remember(self, text: str, question: str, answer: Answer) -> Answer:
        searched = answer.standalone_question or question
        self._keep(Turn(question=searched, answer=answer.text))
        return replace(answer, question=text, standalone_question=searched)
