"""How good are retrieval, answers and abstention: asks every case, counts what came of it.

Right and wrong are decided by words (see `match`), so that the same index gives the same figures.

Exact match and F1 compare the answer's short answer with the accepted ones, or its whole text if
it has none, by the rules of SQuAD 2.0; a withheld answer is the empty one. Every question is
answered, however unsure, so that risk can be drawn against coverage; which answers count as
withheld is decided here, by the threshold that `ask` would use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from ragkit.answer import Answer, Citation, Passage, SearchResult
from ragkit_eval.cases import Case
from ragkit_eval.match import contains_answer, evidence_rank, is_gold
from ragkit_eval.metrics.abstention import AbstentionScore, abstention_score
from ragkit_eval.metrics.content_f1 import content_f1
from ragkit_eval.metrics.risk_coverage import aurc
from ragkit_eval.metrics.token_f1 import exact_match, token_f1
from ragkit_eval.rounding import rounded, rounded_pair
from ragkit_eval.share import Share
from ragkit_eval.stats.scored import Scored, scored
from ragkit_ingest.errors import ConfigError, GeneratorError, MissingExtraError, UsageError
from ragkit_ingest.status import StoredText

DEPTH = 5
"""How many passages are searched for evidence."""


Statistic = Callable[[Sequence["Outcome"]], float | None]
"""A figure over outcomes; None where it has no value."""


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
        right: Whether an accepted answer stands in the answer, be it shown or withheld.
        exact_match: 1 if the answer is an accepted one, else 0; see `metrics.token_f1`.
        f1: Words in common with an accepted answer, in [0, 1]; 0 if withheld.
        content_f1: The same over stems of content words; None if the case has no such words.
        confidence: Of the answer, in [0, 1].
        citations: How many the answer has.
        citations_verified: How many of them quote the stored text exactly.
        citations_gold: How many of them stand in a document that is known to hold the answer.
        failure: Why the question could not be answered at all; empty if it could.
    """

    case: Case
    rank: int | None = None
    search_rank: int | None = None
    abstained: bool = False
    right: bool = False
    exact_match: float = 0.0
    f1: float = 0.0
    content_f1: float | None = None
    confidence: float = 0.0
    citations: int = 0
    citations_verified: int = 0
    citations_gold: int = 0
    failure: str = ""

    @property
    def contains(self) -> bool:
        """Whether an accepted answer stands in the answer shown."""
        return self.right and not self.abstained

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
            "exact_match": self.exact_match,
            "f1": round(self.f1, 4),
            "content_f1": rounded(self.content_f1),
            "confidence": round(self.confidence, 4),
            "citations": self.citations,
            "citations_verified": self.citations_verified,
            "citations_gold": self.citations_gold,
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
            f"hit_rate@{DEPTH}": rounded(self.hit_rate.value),
            "contains_answer": rounded(self.contains_answer.value),
            "abstained": rounded(self.abstained.value),
        }


@dataclass(frozen=True, kw_only=True)
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
            "citation_precision": Share(
                hits=sum(o.citations_gold for o in self.located),
                of=sum(o.citations for o in self.located),
            ),
        }

    @property
    def located(self) -> tuple[Outcome, ...]:
        """The outcomes of answerable cases that say which documents hold the answer."""
        return tuple(o for o in self.answerable if o.case.gold or o.case.evidence)

    @cached_property
    def means(self) -> Mapping[str, Scored]:
        """Means over the answerable cases by name, each with its interval.

        "exact_match" and "f1" are also given "overall": there an unanswerable case counts 1 if
        its answer is withheld, else 0, as in SQuAD 2.0.
        """
        return {
            "exact_match": _mean(self.answerable, lambda o: o.exact_match),
            "f1": _mean(self.answerable, lambda o: o.f1),
            "content_f1": _mean(self.answerable, lambda o: o.content_f1),
            "overall_exact_match": _mean(self.outcomes, lambda o: o.exact_match),
            "overall_f1": _mean(self.outcomes, lambda o: o.f1),
        }

    @cached_property
    def abstention(self) -> Mapping[str, Scored]:
        """Precision, recall and F1 of withholding, and the area under risk and coverage.

        Positive is a question without an answer. The risk is the share of answers given in
        which no accepted answer stands; lower areas are better.
        """
        names = ("precision", "recall", "f1", "aurc")
        return {name: _scored(self.outcomes, _ABSTENTION[name]) for name in names}

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
            **{name: rounded(share.value) for name, share in self.shares.items()},
            **{name: rounded(mean.value) for name, mean in self.means.items()},
            "abstention": {name: rounded(one.value) for name, one in self.abstention.items()},
            "ci95": {
                **{name: rounded_pair(share.ci95) for name, share in self.shares.items()},
                **{name: rounded_pair(mean.ci95) for name, mean in self.means.items()},
                "abstention": {
                    name: rounded_pair(one.ci95) for name, one in self.abstention.items()
                },
            },
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
    rag: Asked,
    cases: Sequence[Case],
    progress: Callable[[int, int], None] | None = None,
    *,
    threshold: float = 0.0,
) -> AnswerReport:
    """Ask every case, and return what came of it.

    Args:
        rag: The pipeline, on an index of the documents that the cases are about. With a
            `min_confidence` of 0 risk and coverage cover every answer.
        cases: In any order.
        threshold: An answer with less confidence counts as withheld, even if `rag` gives it.
        progress: Called after each case with how many are done, and how many there are.

    Raises:
        IndexStateError: If the index cannot be read.
        ConfigError: If the settings are wrong. A question that is refused or a generator that
            fails is an outcome, not an error.
    """
    outcomes = []
    for done, outcome in enumerate(_outcomes(rag, cases, threshold), start=1):
        outcomes.append(outcome)
        if progress is not None:
            progress(done, len(cases))
    return AnswerReport(outcomes=tuple(outcomes))


def examine(rag: Asked, case: Case, answer: Answer, threshold: float = 0.0) -> Outcome:
    """Return what came of a case that was answered."""
    hits = rag.search(case.question, k=DEPTH).hits
    withheld = answer.abstained or answer.confidence < threshold
    said = answer.short_answer.text if answer.short_answer else answer.text
    given = "" if withheld else said
    citations = () if withheld else answer.citations
    return Outcome(
        case=case,
        rank=evidence_rank(case, answer.passages[:DEPTH]),
        search_rank=evidence_rank(case, hits),
        abstained=withheld,
        right=not answer.abstained and contains_answer(answer.text, case.answers),
        exact_match=exact_match(given, case.answers),
        f1=token_f1(given, case.answers),
        content_f1=content_f1(given, case.answers, case.question),
        confidence=answer.confidence,
        citations=len(citations),
        citations_verified=sum(quotes_exactly(rag, citation) for citation in citations),
        citations_gold=sum(_in_gold(case, citation, answer.passages) for citation in citations),
    )


def _in_gold(case: Case, citation: Citation, passages: Sequence[Passage]) -> bool:
    if citation.path in case.gold or any(e.path == citation.path for e in case.evidence):
        return True
    return any(passage.path == citation.path and is_gold(case, passage) for passage in passages)


def quotes_exactly(rag: Asked, citation: Citation) -> bool:
    """Return whether the citation says, character by character, what is stored at its span."""
    try:
        stored = rag.show(citation.path, span=(citation.start, citation.end))
    except UsageError:
        return False
    return stored.text == citation.quote


def _outcomes(rag: Asked, cases: Sequence[Case], threshold: float) -> Iterator[Outcome]:
    for case in cases:
        try:
            yield examine(rag, case, rag.ask(case.question), threshold)
        except (ConfigError, MissingExtraError):
            raise
        except (UsageError, GeneratorError) as exc:
            yield Outcome(case=case, failure=str(exc))


def _mean(outcomes: Sequence[Outcome], value: Callable[[Outcome], float | None]) -> Scored:
    def mean(chosen: Sequence[Outcome]) -> float | None:
        values = [one for outcome in chosen if (one := value(outcome)) is not None]
        return sum(values) / len(values) if values else None

    return _scored(outcomes, mean)


def _scored(outcomes: Sequence[Outcome], statistic: Statistic) -> Scored:
    return scored(outcomes, [o.case.source for o in outcomes], statistic)


def risk_coverage_area(outcomes: Sequence[Outcome]) -> float | None:
    """Return the area under risk and coverage; see `metrics.risk_coverage.aurc`."""
    return aurc([o.confidence for o in outcomes], [o.right for o in outcomes])


def abstention_f1(outcomes: Sequence[Outcome]) -> float | None:
    """Return the F1 of withholding the questions without an answer."""
    return _withheld(outcomes).f1


_ABSTENTION: Mapping[str, Statistic] = {
    "precision": lambda found: _withheld(found).precision,
    "recall": lambda found: _withheld(found).recall,
    "f1": abstention_f1,
    "aurc": risk_coverage_area,
}


def _withheld(outcomes: Sequence[Outcome]) -> AbstentionScore:
    return abstention_score([o.case.answerable for o in outcomes], [o.abstained for o in outcomes])
