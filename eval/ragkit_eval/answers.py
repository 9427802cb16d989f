"""How good are retrieval, answers and abstention: asks every case, counts what came of it.

Right and wrong are decided by words (see `match`), so that the same index gives the same figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ragkit.answer import Answer, Citation, SearchResult
from ragkit_eval.cases import Case
from ragkit_eval.match import contains_answer, evidence_rank
from ragkit_eval.share import Share
from ragkit_ingest.errors import ConfigError, GeneratorError, MissingExtraError, UsageError
from ragkit_ingest.status import StoredText

DEPTH = 5
"""How many passages are searched for evidence."""


class Asked(Protocol):
    """As much of `ragkit.pipeline.Pipeline` as is examined, which see."""

    def ask(self, question: str) -> Answer:
        """Answer a question."""
        ...

    def search(self, query: str, *, k: int) -> SearchResult:
        """Find passages."""
        ...

    def show(self, path: str, *, span: tuple[int, int]) -> StoredText:
        """Return a stretch of a document's stored text."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a case.

    Attributes:
        case: The case.
        rank: Rank of the first passage with evidence among the first `DEPTH` that the answer
            looked at; None if there is none.
        search_rank: The same for a search alone.
        abstained: Whether the answer was withheld.
        contains: Whether an accepted answer stands in the answer shown.
        confidence: Of the answer, in [0, 1].
        citations: How many the answer has.
        citations_verified: How many of them quote the stored text exactly.
        failure: Why the question could not be answered at all; empty if it could.
    """

    case: Case
    rank: int | None = None
    search_rank: int | None = None
    abstained: bool = False
    contains: bool = False
    confidence: float = 0.0
    citations: int = 0
    citations_verified: int = 0
    failure: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the outcome as it stands in the report."""
        return {
            "id": self.case.id,
            "kind": self.case.kind,
            "answerable": self.case.answerable,
            "rank": self.rank,
            "search_rank": self.search_rank,
            "abstained": self.abstained,
            "contains_answer": self.contains,
            "confidence": round(self.confidence, 4),
            "citations": self.citations,
            "citations_verified": self.citations_verified,
            "failure": self.failure,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRow:
    """The cases of one kind; the shares of the other sort of case have no trials.

    Attributes:
        kind: Its name; empty for cases without one.
        cases: How many.
        hit_rate: Of the answerable ones, those with evidence among the first passages.
        contains_answer: Of the answerable ones, those whose answer was shown.
        abstained: Of the unanswerable ones, those whose answer was withheld.
    """

    kind: str
    cases: int
    hit_rate: Share
    contains_answer: Share
    abstained: Share

    def to_json(self) -> dict[str, object]:
        """Return the row as it stands in the report; null where there are no such cases."""
        return {
            "kind": self.kind,
            "cases": self.cases,
            f"hit_rate@{DEPTH}": _rounded(self.hit_rate.value),
            "contains_answer": _rounded(self.contains_answer.value),
            "abstained": _rounded(self.abstained.value),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerReport:
    """The outcomes of a set of cases, and what they add up to.

    A case that failed counts as one without evidence, answer or abstention.

    Attributes:
        outcomes: In the order of the cases.
    """

    outcomes: tuple[Outcome, ...]

    @property
    def answerable(self) -> tuple[Outcome, ...]:
        """The outcomes of the cases that the documents answer."""
        return tuple(outcome for outcome in self.outcomes if outcome.case.answerable)

    @property
    def unanswerable(self) -> tuple[Outcome, ...]:
        """The outcomes of the cases that they do not answer."""
        return tuple(outcome for outcome in self.outcomes if not outcome.case.answerable)

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The outcomes of the cases that could not be asked."""
        return tuple(outcome for outcome in self.outcomes if outcome.failure)

    @property
    def shares(self) -> Mapping[str, Share]:
        """What was measured, by its name in the report."""
        return {
            f"hit_rate@{DEPTH}": Share.among(o.rank is not None for o in self.answerable),
            f"search_hit_rate@{DEPTH}": Share.among(
                o.search_rank is not None for o in self.answerable
            ),
            "contains_answer": Share.among(o.contains for o in self.answerable),
            "abstained": Share.among(o.abstained for o in self.unanswerable),
            "refused": Share.among(o.abstained for o in self.answerable),
            "citations_verified": Share(
                hits=sum(o.citations_verified for o in self.outcomes),
                of=sum(o.citations for o in self.outcomes),
            ),
        }

    @property
    def kinds(self) -> tuple[KindRow, ...]:
        """A row a kind: first those with answerable cases, each group by name."""
        names = sorted(
            {outcome.case.kind for outcome in self.outcomes},
            key=lambda kind: (not any(o.case.kind == kind for o in self.answerable), kind),
        )
        return tuple(self._row(name) for name in names)

    def to_json(self) -> dict[str, object]:
        """Return the report in the shape of `ragkit eval answers --json`."""
        return {
            "cases": len(self.outcomes),
            "answerable": len(self.answerable),
            "unanswerable": len(self.unanswerable),
            "failed": len(self.failed),
            "citations": self.shares["citations_verified"].of,
            **{name: _rounded(share.value) for name, share in self.shares.items()},
            "ci95": {name: _rounded_pair(share.ci95) for name, share in self.shares.items()},
            "kinds": [row.to_json() for row in self.kinds],
            "outcomes": [outcome.to_json() for outcome in self.outcomes],
        }

    def _row(self, kind: str) -> KindRow:
        answerable = [o for o in self.answerable if o.case.kind == kind]
        unanswerable = [o for o in self.unanswerable if o.case.kind == kind]
        return KindRow(
            kind=kind,
            cases=len(answerable) + len(unanswerable),
            hit_rate=Share.among(o.rank is not None for o in answerable),
            contains_answer=Share.among(o.contains for o in answerable),
            abstained=Share.among(o.abstained for o in unanswerable),
        )


def evaluate(
    rag: Asked, cases: Sequence[Case], progress: Callable[[int, int], None] | None = None
) -> AnswerReport:
    """Ask every case, and return what came of it.

    Args:
        rag: The pipeline, on an index of the documents that the cases are about.
        cases: In any order.
        progress: Called after each case with how many are done, and how many there are.

    Raises:
        IndexStateError: If the index cannot be read.
        ConfigError: If the settings are wrong. A question that is refused or a generator that
            fails is an outcome, not an error.
    """
    outcomes = []
    for done, outcome in enumerate(_outcomes(rag, cases), start=1):
        outcomes.append(outcome)
        if progress is not None:
            progress(done, len(cases))
    return AnswerReport(outcomes=tuple(outcomes))


def examine(rag: Asked, case: Case, answer: Answer) -> Outcome:
    """Return what came of a case that was answered."""
    hits = rag.search(case.question, k=DEPTH).hits
    return Outcome(
        case=case,
        rank=evidence_rank(case, answer.passages[:DEPTH]),
        search_rank=evidence_rank(case, hits),
        abstained=answer.abstained,
        contains=not answer.abstained and contains_answer(answer.text, case.answers),
        confidence=answer.confidence,
        citations=len(answer.citations),
        citations_verified=sum(quotes_exactly(rag, citation) for citation in answer.citations),
    )


def quotes_exactly(rag: Asked, citation: Citation) -> bool:
    """Return whether the citation says, character by character, what is stored at its span."""
    try:
        stored = rag.show(citation.path, span=(citation.start, citation.end))
    except UsageError:
        return False
    return stored.text == citation.quote


def _outcomes(rag: Asked, cases: Sequence[Case]) -> Iterator[Outcome]:
    for case in cases:
        try:
            yield examine(rag, case, rag.ask(case.question))
        except (ConfigError, MissingExtraError):
            raise
        except (UsageError, GeneratorError) as exc:
            yield Outcome(case=case, failure=str(exc))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _rounded_pair(pair: tuple[float, float] | None) -> list[float] | None:
    return None if pair is None else [round(value, 4) for value in pair]
