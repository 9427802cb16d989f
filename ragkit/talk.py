"""Does a sentence of an answer say something that a document could support?

Greetings, "Here is what I found:", questions, headings and "The documents do not say" are talk:
they need no source and are not judged. The rule is narrow on purpose, so that a claim cannot
hide in talk: apart from questions and headings, every word must be one of conversation, and
there must be no number.
"""

from __future__ import annotations

import re

from ragkit.wording import analysed
from ragkit_ingest.lexical import stem

_WORDS = """
    absolutely according additional additionally afraid answer anything apologies apologise
    apologize appreciate ask asked assist available based below brief briefly certainly check
    clarify conclude conclusion contain context course detail document documentation else excerpt
    exact explain explicitly file following follows forgot found further given glad goodbye good
    great greetings happy hello help here hesitate hey hi hope information know known let like look
    mention need nothing okay ok overview passage please pleasure point provide provided provides
    question quick read reference regarding relevant relevantly reply result retrieved say search
    section see share sorry source specific specify state summarise summarize summary sure text
    thank thanks unfortunately use view welcome yes
"""
_TALK = frozenset(stem(word) for word in _WORDS.split())
_SILENT = re.compile(
    r"(?:(?:unfortunately|sorry|however),?\s+)?(?:(?:the|these|those|your|provided|available"
    r"|given|retrieved)\s+){0,3}(?:documents?|passages?|sources?|context|texts?)(?:\s+provided)?"
    r"\s+(?:do|does|did)(?:\s+not|n['\u2019]t)\s+(?:say|mention|contain|state|specify|provide"
    r"|include|cover|address)\b[^.;:!\d]*[.!]?",
    re.IGNORECASE,
)
_HEADING = re.compile(r"#{1,6}\s+\S.*|\*\*[^*]+\*\*:?|-{3,}|={3,}")


def says_something(sentence: str) -> bool:
    """Return whether the sentence makes a statement that needs a source."""
    text = sentence.strip()
    if text.endswith("?") or _HEADING.fullmatch(text) or _SILENT.fullmatch(text):
        return False
    found = analysed(text)
    if any(word.number for word in found):
        return True
    return any(word.content and word.stem not in _TALK for word in found)
