"""The parts of a question that need a source each: its clauses, and the things it compares.

Pure functions of the text, with rules for English.
"""

from __future__ import annotations

import re

from ragkit_ingest.lexical import content_words

_ASKING = r"(?:how|what|when|where|which|who|whose|why|by how|from when|above what|until when)"
_CLAUSE = re.compile(rf",?\s+(?:and|or)\s+(?={_ASKING}\b)", re.IGNORECASE)
_THING = r"((?:[\w\u2019'./-]+\s+){0,2}?[\w\u2019'./-]+)"
_COMPARED = re.compile(
    rf"\b(?:between|compare|both)\s+{_THING}\s+(?:and|with|to)\s+(?:the\s+)?{_THING}(?=[\s,?.]|$)"
    rf"|(?:^|[\s,])(?:the\s+|a\s+|an\s+)?{_THING},?\s+(?:or|versus|vs\.?)\s+(?:the\s+|a\s+|an\s+)?"
    rf"{_THING}(?=[,?.]|\s+(?:in|on|at|for|of|and)\b|$)",
    re.IGNORECASE,
)
_LISTS = re.compile(
    r"^\W*(?:(?:and|so|but|please)\s+)?(?:which|list|name|enumerate|who are"
    r"|what\s+(?:are|were|all|else|must|may|can|should)"
    r"|what\s+(?!is\b|was\b|has\b|does\b|this\b)[\w-]+s\b)",
    re.IGNORECASE,
)


def parts(question: str) -> list[frozenset[str]]:
    """Return the analysed words of each part of a question; empty if it has one part only.

    "How hard is the water and what does the manual say?" has two clauses; "the kettle or the
    urn" names two things that are compared.
    """
    clauses = [frozenset(content_words(clause)) for clause in _CLAUSE.split(question)]
    found = [words for words in clauses if words] if len(clauses) > 1 else []
    match = _COMPARED.search(question)
    if match is not None:
        things = [frozenset(content_words(thing)) for thing in match.groups() if thing]
        found += [thing - other for thing, other in (things, things[::-1]) if thing - other]
    return found


def asks_for_a_list(question: str) -> bool:
    """Return whether a question asks for several things: "Which ...", "What are the ..."."""
    return _LISTS.search(question) is not None
