"""How good is a drafted question? A score in [0, 1] of what can be checked without a model.

The product of six parts:

    form      .0 if it is no question in shape: no question mark, under 4 or over 30 words, marks of
              code, a word that points outside it ("this", "above"), a doubled word or open bracket
    trust     of the rule, as read off samples of its questions
    leak      0 if the accepted answer stands in the question (a comparison names both, 1)
    found     answerable: 1, .9, .85, .8, .75 where search finds the evidence at rank 1 to 5, .3 if
              not; unanswerable: 1
    specific  answerable: .8 for fewer than three content words and no name or code
    unique    answerable: 1; .7 if another document's passage among the first five holds all the
              question's content words without the answer, so that the question may have another one
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from ragkit.answer import Passage
from ragkit_eval.match import contains_answer
from ragkit_eval.questions.source import Drafted
from ragkit_eval.questions.wording import understood
from ragkit_ingest.lexical import content_words

LEAST = 0.5
"""Questions below this are not offered."""
_FOUND = (1.0, 0.9, 0.85, 0.8, 0.75)
_NOT_FOUND = 0.3
_AMBIGUOUS = 0.7
_VAGUE = 0.8
_ENOUGH_WORDS = 3
_MEASURING = frozenset({"long", "much", "mani", "often"})  # stems; of the question alone
_OWN_WORDS = frozenset({"faq", "how_to", "abbreviation"})
_OPENING = re.compile(
    r"(?:\S+ )?(?:what|which|who|whose|whom|when|where|why|how|is|are|was|were|do|does|did|can|may"
    r"|must|should|shall|will|would|has|have|within|by|from|since|until|before|after|according"
    r"|in|on|at|to|for|if)\b",
    re.IGNORECASE,
)


def form(question: str, *, asked_there: bool = False) -> float:
    """Return 1 for what has the shape of one whole question, else 0.

    Args:
        question: As drafted.
        asked_there: Whether it stands in the documents as it is, so that its words are a person's.
    """
    words = question.split()
    if not question.endswith("?") or not 4 <= len(words) <= 30:
        return 0.0
    if re.search(r"[`<>{}\[\]|*\\~_]|https?:|\.\.|\?.*\?", question):
        return 0.0
    if question.count("(") != question.count(")") or question.count("\u201c") != question.count(
        "\u201d"
    ):
        return 0.0
    if any(one.lower() == two.lower() for one, two in itertools.pairwise(words)):
        return 0.0
    if asked_there:
        return 1.0
    return float(_OPENING.match(question) is not None and understood(question))


def quality(drafted: Drafted, question: str, hits: Sequence[Passage]) -> float:
    """Return how good a question is.

    Args:
        drafted: What the rule made.
        question: As it is to be asked.
        hits: What search finds for it, best first, at most five.
    """
    score = form(question, asked_there=drafted.kind == "faq") * drafted.trust
    if not drafted.answers or not score:
        return score
    if drafted.kind == "comparison":
        return score * _found(drafted, hits)
    if contains_answer(question, drafted.answers):
        return 0.0
    if drafted.kind not in _OWN_WORDS:
        score *= 1.0 if specific(question) else _VAGUE
    return score * _found(drafted, hits) * _unique(drafted, question, hits)


def specific(question: str) -> bool:
    """Return whether a question names what it is about: three content words, a name or a code."""
    named = re.search(r"(?<=\w )\u201c?(?:[A-Z][a-z]+ [A-Z]|[A-Z]+[a-z]*-?\d|[A-Z]{2,})", question)
    return named is not None or len(set(content_words(question))) >= _ENOUGH_WORDS


def _found(drafted: Drafted, hits: Sequence[Passage]) -> float:
    for rank, hit in enumerate(hits[: len(_FOUND)]):
        for evidence in drafted.evidence:
            start = evidence.start or 0
            if hit.path == evidence.path and hit.start <= start < hit.end:
                return _FOUND[rank]
    return _NOT_FOUND


def _unique(drafted: Drafted, question: str, hits: Sequence[Passage]) -> float:
    wanted = set(content_words(question)) - _MEASURING
    own = {evidence.path for evidence in drafted.evidence}
    for hit in hits:
        if hit.path in own:
            continue
        held = set(content_words(" ".join([hit.title, *hit.headings, hit.text])))
        if wanted <= held and not contains_answer(hit.text, drafted.answers):
            return _AMBIGUOUS
    return 1.0
