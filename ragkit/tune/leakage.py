"""Keeps evaluation questions out of a training set, so that a later evaluation means something.

Three rules, from the narrowest: the same question; a run of words in common; questions that are
nearly the same, by the share of character shingles in common. Shingle sets are compared whole,
not by MinHash: sets of a question are small, and an exact value misses nothing. Where an embedder
is at hand, questions of the same meaning are found as well.

Source: Brown et al., "Language Models are Few-Shot Learners", 2020, appendix C (n-gram overlap,
n = 13 for documents; questions are shorter, so 8 here); Jaccard similarity of shingles: Broder,
"On the resemblance and containment of documents", 1997.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ragkit_ingest.errors import UsageError
from ragkit_ingest.lexical import words

NGRAM = 8
SHINGLE = 5
JACCARD = 0.6
SIMILARITY = 0.9

Similarities = Callable[[Sequence[str], Sequence[str]], Sequence[Sequence[float]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """What counts as a leak.

    Attributes:
        ngram: Words in a run, 3 or more.
        jaccard: Share of the shingles of two questions that both have, above 0 to 1.
        similarity: Cosine of two questions, above 0 to 1; used only with an embedder.
    """

    ngram: int = NGRAM
    jaccard: float = JACCARD
    similarity: float = SIMILARITY

    def __post_init__(self) -> None:
        if self.ngram < 3:
            raise UsageError(
                f"the n-grams of the leakage guard need 3 words or more, not {self.ngram}"
            )
        for name in ("jaccard", "similarity"):
            if not 0 < getattr(self, name) <= 1:
                raise UsageError(f"{name} must be above 0 and at most 1, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """What must stay out of the training set.

    Attributes:
        id: Of the evaluation case.
        question: As it is asked.
        answers: What counts as right; empty if the documents do not say.
        quotes: Where the answers stand, in the documents' words.
    """

    id: str
    question: str
    answers: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A sample that is too close to an evaluation case.

    Attributes:
        place: Of the sample among those given, from 0.
        case: The case's id.
        rule: "exact", "ngram", "near" or "meaning".
        value: How much they have in common, in [0, 1].
    """

    place: int
    case: str
    rule: str
    value: float


def leaks(
    samples: Sequence[tuple[str, str]],
    cases: Sequence[Guarded],
    settings: GuardSettings | None = None,
    similarities: Similarities | None = None,
) -> list[Leak]:
    """Return the samples that leak, in their order, each by the first rule that finds it.

    Args:
        samples: Question (or "") and answer of each.
        cases: What to keep out.
        settings: What counts.
        similarities: Returns the cosines of texts to other texts, one row a text.
    """
    settings = settings or GuardSettings()
    if not cases:
        return []
    held = _Held(cases, settings)
    found = {}
    for place, (question, answer) in enumerate(samples):
        leak = held.exact(place, question) or held.ngram(place, question, answer)
        leak = leak or held.near(place, question)
        if leak is not None:
            found[place] = leak
    if similarities is not None:
        rest = [p for p, (question, _) in enumerate(samples) if p not in found and question]
        rows = similarities([samples[p][0] for p in rest], [case.question for case in cases])
        for place, row in zip(rest, rows, strict=True):
            value = max(row)
            if value >= settings.similarity:
                case = cases[list(row).index(value)]
                found[place] = Leak(place=place, case=case.id, rule="meaning", value=float(value))
    return [found[place] for place in sorted(found)]


class _Held:
    """The cases, ready to be compared with.

    Args:
        cases: What to keep out.
        settings: What counts.
    """

    def __init__(self, cases: Sequence[Guarded], settings: GuardSettings) -> None:
        self._settings = settings
        self._cases = cases
        self._whole = {tuple(words(case.question)): case.id for case in reversed(cases)}
        self._runs: dict[tuple[str, ...], str] = {}
        self._having: dict[str, list[int]] = defaultdict(list)
        self._sizes: list[int] = []
        for number, case in enumerate(cases):
            for text in (case.question, *case.quotes):
                for run in _runs(text, settings.ngram):
                    self._runs.setdefault(run, case.id)
            pieces = _shingles(case.question)
            self._sizes.append(len(pieces))
            for piece in pieces:
                self._having[piece].append(number)

    def exact(self, place: int, question: str) -> Leak | None:
        case = self._whole.get(tuple(words(question))) if question else None
        return None if case is None else Leak(place=place, case=case, rule="exact", value=1.0)

    def ngram(self, place: int, question: str, answer: str) -> Leak | None:
        for text in (question, answer):
            runs = _runs(text, self._settings.ngram)
            shared = [run for run in runs if run in self._runs]
            if shared:
                case = self._runs[shared[0]]
                value = len(shared) / len(runs)
                return Leak(place=place, case=case, rule="ngram", value=value)
        return None

    def near(self, place: int, question: str) -> Leak | None:
        pieces = _shingles(question)
        shared = Counter(number for piece in pieces for number in self._having.get(piece, ()))
        best, value = -1, 0.0
        for number, count in shared.items():
            jaccard = count / (len(pieces) + self._sizes[number] - count)
            if jaccard > value:
                best, value = number, jaccard
        if value < self._settings.jaccard:
            return None
        return Leak(place=place, case=self._cases[best].id, rule="near", value=value)


def _runs(text: str, length: int) -> list[tuple[str, ...]]:
    found = words(text)
    return [tuple(found[at : at + length]) for at in range(len(found) - length + 1)]


def _shingles(text: str) -> set[str]:
    flat = " ".join(words(text))
    return (
        {flat[at : at + SHINGLE] for at in range(max(1, len(flat) - SHINGLE + 1))}
        if flat
        else set()
    )
