"""Citation recall and precision: is every statement supported, and is every citation needed?

Pluggable: what supports what is decided by any function of two texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Entails = Callable[[str, str], bool]
"""(premise, statement): whether the premise supports the statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A sentence of an answer with the texts that it cites.

    Attributes:
        text: Without citation marks.
        citations: What is cited, in order; empty if nothing is.
    """

    text: str
    citations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CitationScore:
    """How well an answer is cited.

    Attributes:
        recall: Share of the statements that their citations together support, in [0, 1]; None
            without statements.
        precision: Share of the citations that are relevant, in [0, 1]; None without citations.
    """

    recall: float | None
    precision: float | None

    @property
    def f1(self) -> float | None:
        """The harmonic mean, in [0, 1]; None where there are no statements."""
        if self.recall is None:
            return None
        total = self.recall + (self.precision or 0.0)
        return 2 * self.recall * (self.precision or 0.0) / total if total else 0.0


def citation_score(statements: Sequence[Statement], entails: Entails) -> CitationScore:
    """Return how well an answer's statements are cited.

    A statement is recalled if its citations, joined, support it. A citation is irrelevant if it
    does not support its statement alone and the others support it without it; where the
    citations together do not support the statement, none of them is relevant.

    Source:
        Gao, Yen, Yu and Chen, "Enabling Large Language Models to Generate Text with Citations",
        EMNLP 2023, section 4.3 and `compute_autoais` of its code, without its cut to the first
        three citations of a statement.
    """
    recalled = cited = relevant = 0
    for statement in statements:
        citations = list(dict.fromkeys(statement.citations))
        cited += len(citations)
        if not citations or not entails("\n".join(citations), statement.text):
            continue
        recalled += 1
        relevant += sum(
            _relevant(citations, index, statement, entails) for index in range(len(citations))
        )
    return CitationScore(
        recall=recalled / len(statements) if statements else None,
        precision=relevant / cited if cited else None,
    )


def verbatim(premise: str, statement: str) -> bool:
    """Return whether the statement stands in the premise word for word, white space aside."""
    words = " ".join(statement.split())
    return bool(words) and f" {words} " in f" {' '.join(premise.split())} "


def _relevant(citations: Sequence[str], index: int, statement: Statement, entails: Entails) -> bool:
    if len(citations) == 1 or entails(citations[index], statement.text):
        return True
    rest = [*citations[:index], *citations[index + 1 :]]
    return not entails("\n".join(rest), statement.text)
