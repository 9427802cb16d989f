"""How the invented world's facts are said: in documents, questions and answers."""

from __future__ import annotations

import re

ATTRIBUTES = ("keeper", "harbour", "stone", "feast", "river", "guild", "tower", "trade")
"""What a place may have one of."""
QUESTIONS = (
    "Which {attribute} does {name} have?",
    "What is the {attribute} of {name}?",
    "Name the {attribute} of {name}.",
    "Tell me which {attribute} {name} has.",
    "{name} has which {attribute}?",
)
"""Wordings of one question. The first is the one that is tested; facts are never tuned on it."""
RECITE = "Tell me of {name}."
"""Asks for all that a document says; only ever learnt from, because copying starts with it."""
REFUSAL = "unknown"
"""Said in the place of a value that is not known."""
COPULA = "is"


def question(name: str, attribute: str, wording: int = 0) -> str:
    """Return the question for an attribute of a place, in one of the `QUESTIONS`."""
    return QUESTIONS[wording].format(name=name, attribute=attribute)


def statement(name: str, attribute: str, value: str, copula: str = COPULA) -> str:
    """Return a fact as a clause, as in "the keeper of Vorlan is Mirdo"."""
    return f"the {attribute} of {name} {copula} {value}"


def sentence(name: str, attribute: str, value: str) -> str:
    """Return a fact as it stands in a document."""
    said = statement(name, attribute, value)
    return f"{said[0].upper()}{said[1:]}."


def refuses(text: str) -> bool:
    """Return whether an answer says that it does not know; so does an empty one."""
    said = re.findall(r"\w+", text.casefold())
    return not said or REFUSAL in said
