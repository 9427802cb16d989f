"""As people type in a chat: short forms, no articles, no marks, a word of greeting or thanks."""

from __future__ import annotations

import re

from ragkit_eval.perturb.kept import draw, spans

_SHORT = (
    (r"\bwhat is\b", "whats"),
    (r"\bwho is\b", "whos"),
    (r"\bwhere is\b", "wheres"),
    (r"\bdo not\b", "dont"),
    (r"\bdoes not\b", "doesnt"),
    (r"\bcannot\b", "cant"),
    (r"\bi am\b", "im"),
    (r"\bwant to\b", "wanna"),
    (r"\bgoing to\b", "gonna"),
    (r"\bhave to\b", "gotta"),
    (r"\bplease\b", "pls"),
    (r"\byour\b", "ur"),
    (r"\byou\b", "u"),
    (r"\bare\b", "r"),
    (r"\bbecause\b", "cuz"),
    (r"\bthrough\b", "thru"),
    (r"\babout\b", "abt"),
    (r"\bpeople\b", "ppl"),
)
_ARTICLE = re.compile(r"\b(?:the|an?)\s+(?=\w|$)", re.IGNORECASE)
_BEFORE = ("hey ", "hi ", "yo ", "so ", "", "")
_AFTER = (" pls", " thx", "", " plz", " asap pls", "")


def slang(question: str, key: str) -> str:
    """Return the question as it might be typed in a chat; names, codes and numbers stay."""
    pieces, end = [], 0
    for start, stop in [*spans(question), (len(question), len(question))]:
        pieces += [_shortened(question[end:start]), question[start:stop].rstrip("?!.")]
        end = stop
    text = " ".join("".join(pieces).split()).rstrip("?!. ")
    number = draw(f"{key} slang")
    before, after = _BEFORE[number % len(_BEFORE)], _AFTER[number // 8 % len(_AFTER)]
    return f"{before}{text}{after}"


def _shortened(text: str) -> str:
    short = _ARTICLE.sub("", text)
    for pattern, written in _SHORT:
        short = re.sub(pattern, written, short, flags=re.IGNORECASE)
    return short[:1] + short[1:].lower() if short[:1].isspace() else short.lower()
