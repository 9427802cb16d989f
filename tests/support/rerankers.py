"""Rerankers without a model, that remember what they read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ragkit.answer import Passage


class FakeReranker:
    """Scores each passage with a function of its place and itself.

    Attributes:
        seen: The passages of every call, in their order.
    """

    name = "fake"

    def __init__(self, score: Callable[[int, Passage], float]) -> None:
        self._score = score
        self.seen: list[list[Passage]] = []

    def scores(self, question: str, passages: Sequence[Passage]) -> list[float]:
        self.seen.append(list(passages))
        return [self._score(place, passage) for place, passage in enumerate(passages)]
