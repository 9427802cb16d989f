"""Questions that the documents ask themselves: headings that are questions, or say how to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ragkit_eval.questions.source import Drafted, Piece
from ragkit_eval.questions.wording import inner, plain, understood
from ragkit_ingest.records import BlockKind

_HOW = re.compile(r"How to (?P<what>[a-z][^?:]{5,80})$")
_STEPS = re.compile(r"Steps (?P<what>(?:to|for) [^?:]{5,80})$")
_ASKING_TEXT = """
    what which who when where why how if is are can do does should i we you please note
"""
_ASKING = frozenset(_ASKING_TEXT.split())
_PREFIX = re.compile(r"^(?:Q|A|Question|Answer)\s*[:.]\s*")
# Such a sentence announces the answer and is none.
_POINTING = re.compile(
    r"(?:learn more|see|here (?:is|are)|click|step \d|for more|read more|please see|refer to"
    r"|this (?:page|section|document|article)|to be|tbd|todo)\b",
    re.IGNORECASE,
)
_LEAST_WORDS = 4
_MOST_CHARACTERS = 400


def headings(found: Sequence[Piece]) -> Iterator[Drafted]:
    """Yield a question for each heading that is or holds one, with what stands beneath it.

    Args:
        found: The pieces of one document, in order.
    """
    for place, piece in enumerate(found):
        if piece.kind is not BlockKind.HEADING or not plain(piece.text):
            continue
        answer = next(iter(found[place + 1 : place + 2]), None)
        if answer is None or not _answers(answer):
            continue
        for kind, question, trust in _asked(piece):
            yield Drafted(
                question=question,
                answers=(_PREFIX.sub("", answer.text),),
                evidence=(answer.evidence,),
                kind=kind,
                title=piece.title,
                subject=piece.text,
                trust=trust,
            )


def _answers(piece: Piece) -> bool:
    return (
        piece.kind is not BlockKind.HEADING
        and plain(piece.text)
        and len(piece.text.split()) >= _LEAST_WORDS
        and len(piece.text) <= _MOST_CHARACTERS
        and not piece.text.endswith((":", "?"))
        and _POINTING.match(piece.text) is None
    )


def _asked(piece: Piece) -> Iterator[tuple[str, str, float]]:
    text = piece.text
    if text.endswith("?"):
        if len(text.split()) >= _LEAST_WORDS and understood(text):
            text = _PREFIX.sub("", text)
            if not text.lower().startswith("how to "):
                yield "faq", text[0].upper() + text[1:], 1.0
        return
    if match := _HOW.match(text):
        yield "how_to", f"How do I {match['what']}?", 0.9
    elif match := _STEPS.match(text):
        yield "how_to", f"What are the steps {match['what']}?", 0.85
    elif piece.headings and 2 <= len(text.split()) <= 6 and understood(text):
        topic = inner(re.sub(r"^[\d.]+\s+", "", text).rstrip(":"), piece.common)
        if re.search(r"\d{4}|^(?:introduction|overview|summary|notes?|goals?)\b", topic) is None:
            few = len(piece.title.split()) <= 6 and piece.title.lower() != topic.lower()
            if few and topic.split()[0].lower() not in _ASKING:
                yield "heading", f"What does \u201c{piece.title}\u201d say about {topic}?", 0.7
