"""Words a question anew with a chat model, to search with more than what was typed.

Several wordings ("multi"), or the passage that might answer it ("hyde": Gao et al., "Precise
Zero-Shot Dense Retrieval without Relevance Labels", ACL 2023), each searched for, the rankings
fused; and a follow-up as a question that stands on its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ragkit.answer import Passage
from ragkit.followup import standalone
from ragkit.generate.marker import claims
from ragkit.generate.model import ChatModel, Message, written
from ragkit.generate.protocol import Turn
from ragkit.retrieve.fusion import reciprocal_ranks
from ragkit.sanitise import one_line, sanitise
from ragkit.template import Template
from ragkit_ingest.errors import GeneratorError

KINDS = {"multi": "queries", "hyde": "hyde"}
"""The kinds of rewriting, and the template of each."""
_WORDINGS = 3
_MAX_TOKENS = 200
_MAX_CHARACTERS = 1000
_TURNS = 3
_TURN_CHARACTERS = 400
_LABEL = re.compile(r"\s*(?:[-*\u2022]|\d{1,2}[.)]|(?:question|query|passage)\s*\d?:)\s*", re.I)
_QUOTES = "\"'`\u201c\u201d\u2018\u2019"


def wordings(question: str, kind: str, model: ChatModel, template: Template) -> list[str]:
    """Return other texts to search with: at most three of "multi", at most one of "hyde".

    Args:
        question: Standing on its own.
        kind: "multi" or "hyde".
        model: What words it.
        template: "queries" or "hyde", after the kind.

    Raises:
        GeneratorError: If the model fails.
    """
    said = written(model, _messages(template, question=question), max_tokens=_MAX_TOKENS)
    if kind == "hyde":
        lines = [" ".join(claim.text for claim in claims(said, 0))]
    else:
        lines = [line.strip().strip(_QUOTES) for line in map(_unlabelled, said.splitlines())]
    known = {question.casefold()}
    found = []
    for line in (one_line(line)[:_MAX_CHARACTERS] for line in lines):
        if any(char.isalnum() for char in line) and line.casefold() not in known:
            known.add(line.casefold())
            found.append(line)
    return found[:_WORDINGS]


def fused(rankings: Sequence[Sequence[Passage]], k: int) -> list[Passage]:
    """Return at most k passages by their reciprocal ranks in all rankings, best first.

    A passage of the first ranking, that of the question as asked, stays as it was found but for its
    rank. One that only another wording found has no similarity to the question, nor ranks for it,
    and the lowest score of those: so it does not make an answer more certain by itself.
    """
    lowest = min((passage.score for passage in rankings[0]), default=0.0)
    asked = {passage.chunk_id for passage in rankings[0]}
    passages = {passage.chunk_id: passage for ranking in rankings[::-1] for passage in ranking}
    order = reciprocal_ranks([[passage.chunk_id for passage in one] for one in rankings])
    found = []
    for rank, chunk in enumerate(order[:k], start=1):
        passage = replace(passages[chunk], rank=rank)
        if chunk not in asked:
            passage = replace(
                passage, score=lowest, similarity=None, dense_rank=None, lexical_rank=None
            )
        found.append(passage)
    return found


def followup(text: str, history: Sequence[Turn], model: ChatModel, template: Template) -> str:
    """Return a follow-up as a question that stands on its own, by the model.

    Where the model fails, or says something that cannot be a question, the rules decide.

    Args:
        text: As typed.
        history: Earlier turns, oldest first; with none the text stays.
        model: What rewrites it.
        template: "followup".
    """
    if not history:
        return text
    turns = "\n".join(
        template.fill(
            "turn",
            question=one_line(turn.question)[:_TURN_CHARACTERS],
            answer=one_line(turn.answer)[:_TURN_CHARACTERS],
        )
        for turn in history[-_TURNS:]
    )
    messages = _messages(template, turns=turns, question=text)
    try:
        said = written(model, messages, max_tokens=_MAX_TOKENS)
    except GeneratorError:  # if the model is really gone, asking for the answer says so
        return standalone(text, history)
    lines = [line for line in said.splitlines() if line.strip()]
    question = one_line(_unlabelled(lines[0])).strip(_QUOTES) if len(lines) == 1 else ""
    longest = len(text) + max(len(turn.question) for turn in history) + 200
    if not any(char.isalnum() for char in question) or len(question) > longest:
        return standalone(text, history)
    return question


def _messages(template: Template, **values: str) -> list[Message]:
    user = template.fill("user", **{name: sanitise(value) for name, value in values.items()})
    return [
        Message(role="system", content=template.fill("system")),
        Message(role="user", content=user),
    ]


def _unlabelled(line: str) -> str:
    match = _LABEL.match(line)
    return line[match.end() :] if match else line
