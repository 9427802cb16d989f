"""Does a text support a claim, and where? The score is a small logistic model over an alignment.

The features are those of `ragkit.alignment`, how alike the embedder finds the claim and the
lines, and how well each word of the claim is met in them by meaning. A conflict (another number,
another name, a denial, an opposite) outweighs all likeness: such a claim is never supported.

The weights stand in `support.json`, fitted by `bench/fit_groundedness.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from ragkit.alignment import (
    Alignment,
    Conflict,
    ConflictKind,
    Ground,
    Window,
    align,
    lines,
    windows,
)
from ragkit.logistic import Logistic, packaged, packaged_threshold
from ragkit.talk import says_something
from ragkit.wording import EXTREMES, HEDGES, PERSONAL, Word, analysed
from ragkit_ingest.embed.protocol import TokenVectors, Vectors

FILE = "support.json"
"""The packaged weights, "support" and "support_by_words" (for embedders without tokens)."""
_EMBEDDED_LINES = 16
_WINDOWS = 8
_MET_LINES = 2
_KEPT = 4000
_MOST_MISSING = 6.0
_PART = 3

_CLAUSE = re.compile(r"\s*(?:;|,\s+(?:and|but|while|whereas)\b|\b(?:while|whereas)\b)\s*")

Place = tuple[int, int]
"""(index of the ground, index of its line)."""


@runtime_checkable
class ReadsMeaning(Protocol):
    """As much of an embedder as is needed to weigh meaning; see `Embedder`, `TokenEmbedder`."""

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector a text."""
        ...

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Return each text's tokens."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Whether a text supports a claim.

    Attributes:
        score: Probability in [0, 1] that it does, where half of all claims are supported; a
            conflict keeps it below the threshold.
        supported: Whether the score reaches the fitted threshold and nothing conflicts.
        grounds: Where, best first: (index of the ground, window of its lines); empty if there
            are no lines.
        conflicts: What the claim says otherwise than the text.
        missing: How many of its content words are not there.
    """

    score: float
    supported: bool
    grounds: tuple[tuple[int, Window], ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    missing: int = 0


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A claim with the windows that may support it."""

    words: tuple[Word, ...]
    windows: Sequence[tuple[int, Window]]
    lines: Sequence[Place]


class Judge:
    """Judges claims. Keeps the vectors of what it read, so one judge serves one answer or set.

    Args:
        embedder: Of the index; if it `ReadsMeaning`, meaning is weighed as well as words.
        model: Turns features into a probability; by default the packaged one.
        threshold: Least probability of a supported claim; by default the packaged one.
    """

    def __init__(
        self,
        embedder: object = None,
        model: Logistic | None = None,
        threshold: float | None = None,
    ) -> None:
        self._embedder = embedder if isinstance(embedder, ReadsMeaning) else None
        name = "support" if self._embedder else "support_by_words"
        self._model = model or packaged(name, FILE)
        self._threshold = packaged_threshold(name, FILE) if threshold is None else threshold
        self._vectors: dict[str, Vectors] = {}
        self._tokens: dict[str, TokenVectors] = {}

    def judge(self, claims: Sequence[str], grounds: Sequence[Ground]) -> list[Judgement]:
        """Return a judgement for each claim, in order.

        Args:
            claims: One sentence each.
            grounds: What may support them; each is looked through on its own.
        """
        found = self._judge(claims, grounds)
        for index, claim in enumerate(claims):
            halves = _parts(claim) if _may_be_in_parts(found[index]) else []
            if halves:
                found[index] = _joined(found[index], self._judge(halves, grounds))
        return found

    def judge_text(self, text: str, grounds: Sequence[Ground]) -> Judgement:
        """Return one judgement of several sentences: that of the least supported one.

        Sentences that say nothing (see `ragkit.talk`) count only if there is no other.
        """
        claims = [line.flat for line in lines(text)] or [text]
        saying = [claim for claim in claims if says_something(claim)] or claims
        return min(self.judge(saying, grounds), key=lambda found: (found.supported, found.score))

    def features(self, claim: str, grounds: Sequence[Ground]) -> dict[str, float] | None:
        """Return what the model sees of a claim; None if there is nothing to compare it with."""
        candidate = _candidate(analysed(_flat(claim)), grounds)
        self._read([(_flat(claim), candidate)], grounds)
        aligned = self._aligned(_flat(claim), candidate, grounds)
        return aligned and self._features(_flat(claim), aligned[0], aligned[1], candidate, grounds)

    def _judge(self, claims: Sequence[str], grounds: Sequence[Ground]) -> list[Judgement]:
        flat = [_flat(claim) for claim in claims]
        candidates = [(text, _candidate(analysed(text), grounds)) for text in flat]
        self._read(candidates, grounds)
        return [self._judgement(text, candidate, grounds) for text, candidate in candidates]

    def _judgement(self, text: str, candidate: _Candidate, grounds: Sequence[Ground]) -> Judgement:
        aligned = self._aligned(text, candidate, grounds)
        if aligned is None:
            return Judgement(score=0.0, supported=False)
        index, alignment = aligned
        features = self._features(text, index, alignment, candidate, grounds)
        score = probability(self._model, features)
        conflicts = alignment.conflicts
        return Judgement(
            score=score * self._threshold if conflicts else score,
            supported=score >= self._threshold and not conflicts,
            grounds=((index, alignment.window),),
            conflicts=conflicts,
            missing=len(alignment.missing),
        )

    def _aligned(
        self, text: str, candidate: _Candidate, grounds: Sequence[Ground]
    ) -> tuple[int, Alignment] | None:
        """Return the window that holds most of the claim, by words and by meaning."""
        if not candidate.windows:
            return None
        likeness = self._likeness(text, candidate.lines, grounds)

        def score(found: tuple[int, Window]) -> float:
            index, window = found
            inside = range(window.first, window.last + 1)
            return window.score + 0.6 * max(likeness.get((index, at), 0.0) for at in inside)

        index, window = max(candidate.windows, key=score)
        return index, align(candidate.words, grounds[index], window)

    def _features(
        self,
        text: str,
        index: int,
        alignment: Alignment,
        candidate: _Candidate,
        grounds: Sequence[Ground],
    ) -> dict[str, float]:
        features = word_features(text, alignment, grounds[index])
        if self._embedder is None:
            return features
        likeness = self._likeness(text, candidate.lines, grounds)
        inside = _inside(index, alignment.window)
        features["similarity"] = max(likeness.values())
        features["window_similarity"] = max(likeness.get(place, 0.0) for place in inside)
        told = [_flat_line(grounds, place) for place in self._told(candidate, inside, likeness)]
        return features | self._meaning(text, alignment, told)

    def _told(
        self,
        candidate: _Candidate,
        inside: Sequence[Place],
        likeness: Mapping[Place, float],
    ) -> list[Place]:
        """Return the lines whose words are compared by meaning with the claim's."""
        alike = sorted(candidate.lines, key=lambda place: -likeness[place])[:_MET_LINES]
        return list(dict.fromkeys([*inside, *alike]))

    def _meaning(self, text: str, alignment: Alignment, told: Sequence[str]) -> dict[str, float]:
        """Return how well the claim's content words are met in the lines.

        Source:
            Khattab and Zaharia, SIGIR 2020 (ColBERT): the maximum similarity by query token;
            Zhang et al., ICLR 2020 (BERTScore), precision.
        """
        content = [word for word in alignment.claim if word.content]
        said = self._word_vectors(text, content)
        stored = np.concatenate([self._word_vectors(line, analysed(line)) for line in told])
        names = ("met", "met_two", "met_least", "missing_met")
        if not len(said) or not len(stored):
            return dict.fromkeys(names, 0.0) | {"unmet": 1.0}
        met = (said @ stored.T).max(axis=1)
        missing = {id(word) for word in alignment.missing}
        unheld = [value for value, word in zip(met, content, strict=True) if id(word) in missing]
        return {
            "met": float(met.mean()),
            "met_two": float(np.sort(met)[:2].mean()),
            "met_least": float(met.min()),
            "missing_met": float(np.mean(unheld)) if unheld else 1.0,
            "unmet": float((met < 0.5).mean()),
        }

    def _word_vectors(self, text: str, found: Sequence[Word]) -> Vectors:
        """Return a unit vector a word, the mean over its tokens; zero beyond what was read."""
        tokens = self._tokens[text]
        vectors = np.zeros((len(found), tokens.vectors.shape[1]), np.float32)
        for row, word in enumerate(found):
            inside = [
                place
                for place, (start, end) in enumerate(tokens.spans)
                if start >= word.start and end <= word.end
            ]
            if inside:
                mean = tokens.vectors[inside].mean(axis=0)
                vectors[row] = mean / max(float(np.linalg.norm(mean)), 1e-9)
        return vectors

    def _likeness(
        self, text: str, places: Sequence[Place], grounds: Sequence[Ground]
    ) -> dict[Place, float]:
        if self._embedder is None:
            return {}
        claim = self._vectors[text]
        return {place: float(self._vectors[_flat_line(grounds, place)] @ claim) for place in places}

    def _read(
        self, candidates: Sequence[tuple[str, _Candidate]], grounds: Sequence[Ground]
    ) -> None:
        """Embed what the claims are compared with, in one batch each of texts and tokens."""
        if self._embedder is None:
            return
        if len(self._vectors) > _KEPT:
            self._vectors.clear()
            self._tokens.clear()
        wanted = [
            text
            for claim, candidate in candidates
            for text in (claim, *(_flat_line(grounds, place) for place in candidate.lines))
        ]
        new = [text for text in dict.fromkeys(wanted) if text not in self._vectors]
        if new:
            vectors = self._embedder.embed_documents(new)
            self._vectors.update(zip(new, vectors, strict=True))
        told = []
        for claim, candidate in candidates:
            aligned = self._aligned(claim, candidate, grounds)
            if aligned is None:
                continue
            inside = _inside(aligned[0], aligned[1].window)
            likeness = self._likeness(claim, candidate.lines, grounds)
            places = self._told(candidate, inside, likeness)
            told += [claim, *(_flat_line(grounds, place) for place in places)]
        new = [text for text in dict.fromkeys(told) if text not in self._tokens]
        if new:
            self._tokens.update(zip(new, self._embedder.embed_tokens(new), strict=True))


def probability(model: Logistic, features: Mapping[str, float]) -> float:
    """Return the probability that a claim with these features is supported.

    It is 1 if all its words stand in a line in the same order, without a gap, and the model's
    otherwise.
    """
    if features["run"] >= 1.0 and features["few"] < 1.0:
        return 1.0
    return model.probability(features)


def word_features(text: str, alignment: Alignment, ground: Ground) -> dict[str, float]:
    """Return the features that need no embedder.

    Args:
        text: The claim.
        alignment: Of the claim.
        ground: With which it is aligned.
    """
    claim = alignment.claim
    window = range(alignment.window.first, alignment.window.last + 1)
    held = [word for index in window for word in ground.words[index]]
    kinds = [conflict.kind for conflict in alignment.conflicts]
    content = sum(word.content for word in claim)
    return {
        "coverage": alignment.coverage,
        "coverage_nearby": alignment.coverage_nearby,
        "pairs": alignment.pairs,
        "aligned": alignment.aligned,
        "run": alignment.run,
        "missing": min(_MOST_MISSING, len(alignment.missing)),
        "missing_nearby": min(_MOST_MISSING, len(alignment.missing_nearby)),
        "replaced": min(3, alignment.replaced) * alignment.aligned,
        "inserted": min(5, alignment.inserted) * alignment.aligned,
        "opposites": min(2.0, alignment.opposites),
        "numbers_nowhere": min(2.0, sum(w.number for w in alignment.missing_nearby)),
        "names_nowhere": min(2.0, sum(w.name for w in alignment.missing_nearby)),
        **{f"conflict_{kind}": float(kind in kinds) for kind in ConflictKind},
        "denies": float(any(word.negation for word in claim)),
        "hedge_lost": float(_any(HEDGES, held) and not _any(HEDGES, claim)),
        "extreme": min(2.0, _unheld(EXTREMES, claim, held)),
        "personal": min(3.0, _unheld(PERSONAL, claim, held)),
        "asks": float(text.rstrip().endswith("?")),
        "few": 1.0 / (1.0 + content),
    }


def _any(kind: frozenset[str], found: Sequence[Word]) -> bool:
    return any(word.text in kind for word in found)


def _unheld(kind: frozenset[str], claim: Sequence[Word], held: Sequence[Word]) -> float:
    here = {word.stem for word in held}
    return float(sum(word.text in kind and word.stem not in here for word in claim))


def _candidate(words: tuple[Word, ...], grounds: Sequence[Ground]) -> _Candidate:
    """Return the windows that hold most of the claim's words, with their lines."""
    found = [
        (index, window) for index, ground in enumerate(grounds) for window in windows(words, ground)
    ]
    found.sort(key=lambda pair: -pair[1].score)
    if sum(len(ground.lines) for ground in grounds) > _EMBEDDED_LINES:
        found = found[:_WINDOWS]
    places = dict.fromkeys(place for index, window in found for place in _inside(index, window))
    return _Candidate(words, found, tuple(places))


def _inside(index: int, window: Window) -> list[Place]:
    return [(index, at) for at in range(window.first, window.last + 1)]


def _may_be_in_parts(found: Judgement) -> bool:
    """Return whether a claim may say more than one place does, and nothing that one denies."""
    return found.missing > 0 and not any(
        conflict.stored or conflict.kind is ConflictKind.NEGATION for conflict in found.conflicts
    )


def _parts(claim: str) -> list[str]:
    """Return the clauses of a claim that can stand for themselves; none if there is only one."""
    parts = [part.strip() for part in _CLAUSE.split(claim) if part and part.strip()]
    if len(parts) < 2 or any(sum(w.content for w in analysed(p)) < _PART for p in parts):
        return []
    return parts


def _joined(whole: Judgement, parts: Sequence[Judgement]) -> Judgement:
    """Return the judgement of the parts together: supported if each is."""
    grounds = dict.fromkeys(place for part in parts for place in part.grounds)
    conflicts = dict.fromkeys(conflict for part in parts for conflict in part.conflicts)
    return Judgement(
        score=min(part.score for part in parts),
        supported=all(part.supported for part in parts),
        grounds=tuple(grounds) or whole.grounds,
        conflicts=tuple(conflicts),
        missing=sum(part.missing for part in parts),
    )


def _flat(text: str) -> str:
    return " ".join(text.split())


def _flat_line(grounds: Sequence[Ground], place: Place) -> str:
    return grounds[place[0]].lines[place[1]].flat
