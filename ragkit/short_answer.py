"""Finds the words within a sentence that answer a question: "28 days", "France", "Rollo".

Every run of words that stays within a clause is a candidate; a small linear model chooses one.
Its features can be read: what kind of words they are, what the question asks for, which words of
the question stand around, and how close in meaning they are to what it asks about. The model
is fitted by `bench/fit_short_answer.py`, which writes `short_answer.json`.

Source: the candidates and the conditional model are those of Rajpurkar et al., "SQuAD", EMNLP
2016, section 5 (a logistic regression over spans), with the embedder's token vectors in the place
of dependency trees.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ragkit.answer import Citation, ShortAnswer
from ragkit.evidence import Candidate
from ragkit.logistic import Logistic, packaged
from ragkit.question import NUMBER, TIME
from ragkit_ingest.embed.protocol import TokenEmbedder, TokenVectors, Vectors
from ragkit_ingest.lexical import STOPWORDS, words

MAX_WORDS = 8
_NEAR, _AROUND = 6, 4
_WORD = re.compile(r"[$\u20ac\u00a3]?[^\W_]+(?:[-._'\u2019/,&:](?=[^\W_])[^\W_]+)*(?:%|\u00b0C?)?")
_BREAK = re.compile(r"[.;:!?()|\u2014]|--")
_ASKS = re.compile(
    r"\b(how (?:many|much)|who|whom|whose|when|where|why|how|which|what)\b", re.IGNORECASE
)
_ASKING = frozenset(["who", "whom", "whose", "what", "which", "when", "where", "why", "how"])
_YEAR = re.compile(r"\b(?:1\d|20)\d\d\b")
_FOLLOWING = ("word", "name", "number")
_KINDS = {
    kind: frozenset(members.split())
    for kind, members in (
        ("determiner", "the a an its his her their our your my this that these those"),
        (
            "preposition",
            "in on at by for from to of with as about into through during between under over after "
            "before since until against among within without via per than",
        ),
        (
            "verb",
            "is are was were be been being has have had do does did will would can could may might "
            "must shall should",
        ),
        ("conjunction", "and or but nor"),
    )
}


FILE = "short_answer.json"
_UNRATED = 0.05


def short_answer(
    question: str,
    citations: Sequence[Citation],
    evidence: Sequence[Candidate],
    embedder: object,
    model: Logistic | None = None,
) -> ShortAnswer | None:
    """Return the words of the citations that answer best.

    None for a question that wants no such words ("Is it...?", "Explain..."), if no citation holds a
    candidate, or if the embedder is no `TokenEmbedder`.

    Args:
        question: Standing on its own.
        citations: Of the answer.
        evidence: The sentences that were weighed; their scores weigh the citations against each
            other.
        embedder: Of the index.
        model: Weighs the features; by default the packaged one.
    """
    if not citations or not isinstance(embedder, TokenEmbedder) or _asks(question) == "other":
        return None
    model = model or packaged("short_answer", FILE)
    scores = {(c.passage.path, c.sentence.start): c.score for c in evidence}
    rated = [max(scores.get((c.path, c.start), 0.0), _UNRATED) for c in citations]
    vectors, *told = embedder.embed_tokens([question, *(c.quote for c in citations)])
    asked = asked_about(question, vectors)
    found: list[tuple[float, Citation, Span]] = []
    for citation, tokens, score in zip(citations, told, rated, strict=True):
        spans = candidates(asked, citation.quote, tokens)
        if not spans:
            continue
        logits = np.asarray([_total(model, span.features) for span in spans])
        shares = np.exp(logits - logits.max())
        shares *= score / sum(rated) / shares.sum()
        best = int(np.argmax(shares))
        found.append((float(shares[best]), citation, spans[best]))
    if not found:
        return None
    probability, citation, span = max(found, key=lambda entry: entry[0])
    return ShortAnswer(
        text=citation.quote[span.start : span.end],
        citation=citation.n,
        start=citation.start + span.start,
        end=citation.start + span.end,
        probability=probability,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A candidate.

    Attributes:
        start: Offset of its first character in the sentence.
        end: Offset after its last character.
        features: By name; one that is absent is 0.
    """

    start: int
    end: int
    features: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question as the words of sentences are compared with it.

    Attributes:
        asks: Its question word, such as "how many"; "other" if it has none.
        words: Its analysed words.
        vectors: A unit vector a word as it stands, shape (words, dimension).
        content: Which of these carry a topic.
        first: Which one asks; 0 if none does.
        focus: The mean vector of the words that tell what is asked for; None without words.
    """

    asks: str
    words: frozenset[str]
    vectors: Vectors
    content: Sequence[int]
    first: int
    focus: Vectors | None


def asked_about(question: str, tokens: TokenVectors) -> Asked:
    """Return a question as sentences are compared with it, given its token vectors."""
    found = list(_WORD.finditer(question))
    vectors = _vectors(found, tokens)
    content = [i for i, m in enumerate(found) if m.group().casefold() not in STOPWORDS]
    asking = next((i for i, m in enumerate(found) if m.group().casefold() in _ASKING), None)
    behind = [i for i in content if asking is None or asking < i <= asking + 3][:2]
    first = asking or 0
    focus: Vectors | None = None
    if found:
        focus = vectors[behind].mean(axis=0) if behind else vectors[first]
    return Asked(
        asks=_asks(question),
        words=frozenset(words(question)),
        vectors=vectors,
        content=content,
        first=first,
        focus=focus,
    )


def candidates(asked: Asked, sentence: str, told: TokenVectors) -> list[Span]:
    """Return every run of at most `MAX_WORDS` words within a clause of the sentence.

    Runs that begin or end with a word that carries no meaning are left out, and those before a
    colon, which name what follows, unless they are all there is.

    Args:
        asked: The question.
        sentence: As it stands.
        told: The sentence's token vectors.
    """
    tokens = _tokens(asked, sentence, told)
    runs = [
        (first, last)
        for first in range(len(tokens.words))
        for last in range(first, min(len(tokens.words), first + MAX_WORDS))
        if not any(tokens.breaks[first:last])
    ]
    kept = [
        (first, last)
        for first, last in runs
        if not (tokens.bare[first] or tokens.bare[last] or tokens.marks[last + 1][:1] == ":")
    ]
    return [
        Span(
            start=tokens.words[first].start(),
            end=tokens.words[last].end(),
            features=_features(tokens, first, last, sentence),
        )
        for first, last in kept or runs
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tokens:
    """The words of a sentence as a question sees them; one entry a word in each list.

    `breaks` and `marks` tell what stands between two words (`marks` also before the first and
    behind the last), `meets` how close a word is to the nearest content word of the question,
    `known` which words the question says.
    """

    words: Sequence[re.Match[str]]
    kinds: Sequence[str]
    bare: Sequence[bool]
    asked: Sequence[bool]
    breaks: Sequence[bool]
    marks: Sequence[str]
    meets: Vectors
    to_asking: Vectors
    to_focus: Vectors
    known: Sequence[int]
    asks: str


def _tokens(asked: Asked, sentence: str, told: TokenVectors) -> _Tokens:
    found = list(_WORD.finditer(sentence))
    bare = [match.group().casefold() in STOPWORDS for match in found]
    said = [
        not empty and all(word in asked.words for word in words(match.group()))
        for match, empty in zip(found, bare, strict=True)
    ]
    gaps = [sentence[a.end() : b.start()] for a, b in pairwise(found)]
    ends = [sentence[: found[0].start()], sentence[found[-1].end() :]] if found else ["", ""]
    vectors, none = _vectors(found, told), np.zeros(len(found), np.float32)
    close = vectors @ asked.vectors.T if len(asked.vectors) else none[:, None]
    return _Tokens(
        words=found,
        kinds=[_kind(match.group()) for match in found],
        bare=bare,
        asked=said,
        breaks=[bool(_BREAK.search(gap)) for gap in gaps],
        marks=[ends[0].strip()[-1:], *(gap.strip() for gap in gaps), ends[1].strip()[:1]],
        meets=close[:, asked.content].max(axis=1) if asked.content else close.max(axis=1),
        to_asking=close[:, asked.first],
        to_focus=none if asked.focus is None else vectors @ asked.focus,
        known=[i for i, one in enumerate(said) if one],
        asks=asked.asks,
    )


def _features(tokens: _Tokens, first: int, last: int, sentence: str) -> dict[str, float]:
    kinds, count = tokens.kinds, last - first + 1
    within = kinds[first : last + 1]
    text = sentence[tokens.words[first].start() : tokens.words[last].end()]
    before = kinds[first - 1] if first else "opening"
    after = kinds[last + 1] if last + 1 < len(kinds) else "end"
    left, right = tokens.marks[first], tokens.marks[last + 1]
    known = tokens.known
    inside = sum(first <= i <= last for i in known)
    distances = [min(abs(i - first), abs(i - last)) for i in known if not first <= i <= last]
    around = np.concatenate(
        [tokens.meets[max(0, first - _AROUND) : first], tokens.meets[last + 1 :][:_AROUND]]
    )
    features = {
        "one_word": float(count == 1),
        "two_words": float(count == 2),
        "three_words": float(count == 3),
        "words": count / MAX_WORDS,
        "asked": inside / count,
        "any_asked": float(inside > 0),
        "all_asked": float(inside == count),
        f"begins_{kinds[first]}": 1.0,
        f"ends_{kinds[last]}": 1.0,
        f"after_{before}": 1.0,
        f"before_{after}": 1.0,
        "mark_before": float(bool(left)),
        "mark_after": float(bool(right)),
        "quoted": float(left[-1:] in ("(", '"', "\u201c") and right[:1] in (")", '"', "\u201d")),
        "cuts_name": float(
            (first > 0 and not left and before == kinds[first] == "name")
            + (not right and after == kinds[last] == "name")
        ),
        "cuts_amount": float(kinds[last] == "number" and not right and after in _FOLLOWING),
        "cuts_after": float(kinds[last] in ("word", "name") and not right and after == "word"),
        "cuts_before": float(first > 0 and not left and before == "word" and within[0] != "number"),
        "holds_verb": float("verb" in within),
        "holds_conjunction": float("conjunction" in within),
        "holds_preposition": float("preposition" in within),
        "holds_comma": float("," in text),
        "next_asked": float(last + 1 < len(kinds) and tokens.asked[last + 1]),
        "previous_asked": float(first > 0 and tokens.asked[first - 1]),
        "distance": min(distances, default=10) / 10,
        "distance_mean": float(np.mean(distances)) / 15 if distances else 1.0,
        "asked_near": sum(distance <= _NEAR for distance in distances) / _NEAR,
        "asked_before": sum(i < first for i in known) / max(1, len(known)),
        "meets": float(tokens.meets[first : last + 1].mean()),
        "meets_most": float(tokens.meets[first : last + 1].max()),
        "meets_least": float(tokens.meets[first : last + 1].min()),
        "met_around": float(around.mean()) if len(around) else 0.0,
        "met_around_most": float(around.max()) if len(around) else 0.0,
        "place": first / len(kinds),
    }
    year = bool(_YEAR.search(text))
    for name, value in {
        "names": within.count("name") / count,
        "begins_name": float(within[0] == "name"),
        "digits": float("number" in within),
        "year": float(year),
        "time": float(bool(TIME.search(text))),
        "amount": float(not year and bool(NUMBER.search(text))),
        "percent": float("%" in text or "percent" in text),
        "money": float(any(sign in text for sign in "$\u20ac\u00a3")),
        "plain": float("name" not in within and not NUMBER.search(text)),
        "length": count / MAX_WORDS,
        "long": float(count > 4),
        "behind_preposition": float(before == "preposition"),
        "behind_by": float(first > 0 and tokens.words[first - 1].group().casefold() == "by"),
        "behind_cause": float(
            first > 0 and tokens.words[first - 1].group().casefold() in ("because", "to", "due")
        ),
        "like_asking": float(tokens.to_asking[first : last + 1].max()),
        "like_focus": float(tokens.to_focus[first : last + 1].max()),
    }.items():
        features[name] = value
        features[f"{tokens.asks}: {name}"] = value
    return features


def _total(model: Logistic, features: Mapping[str, float]) -> float:
    return sum(model.weights.get(name, 0.0) * value for name, value in features.items())


def _asks(question: str) -> str:
    match = _ASKS.search(question)
    if match is None:
        return "other"
    asks = match.group().casefold()
    return "who" if asks in ("whom", "whose") else asks


def _kind(word: str) -> str:
    lower = word.casefold()
    for kind, members in _KINDS.items():
        if lower in members:
            return kind
    if lower in STOPWORDS:
        return "filler"
    if any(char.isdigit() for char in word):
        return "number"
    if word[0].isupper():
        return "name"
    for ending in ("ly", "ed", "ing"):
        if lower.endswith(ending):
            return ending
    return "word"


def _vectors(found: Sequence[re.Match[str]], tokens: TokenVectors) -> Vectors:
    """Return a unit vector a word, the mean of its tokens'; 0 where the embedder read none."""
    vectors = np.zeros((len(found), tokens.vectors.shape[1]), np.float32)
    for row, match in enumerate(found):
        held = [
            token
            for token, (start, end) in enumerate(tokens.spans)
            if start >= match.start() and end <= match.end()
        ]
        if held:
            vectors[row] = tokens.vectors[held].mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    return vectors
