"""The same question in another sentence, by rules; or by a chat model.

A rule changes how a question begins and leaves the rest as it is. Where no rule fits, the question
is put behind an introduction.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ragkit.generate.model import ChatModel, Message
from ragkit_eval.perturb.kept import draw, keeps

_VERB = "do|does|did|is|are|was|were|must|can|may|should|will|has|have"
_RULES = tuple(
    (re.compile(pattern, re.IGNORECASE), written)
    for pattern, written in (
        (r"how long is ((?:the|an?|our|my) .+?)\??", r"What is the length of \1?"),
        (r"how long (?:does|do|did) (.+?) (?:last|take)\??", r"What is the duration of \1?"),
        (r"how much (?:does|do) (.+?) cost\??", r"What is the price of \1?"),
        (r"what does (.+?) cost\??", r"How much is \1?"),
        (r"how much is (.+?)\??", r"What is the amount of \1?"),
        (r"how many (.+?)\??", r"What number of \1?"),
        (r"how often (.+?)\??", r"With what frequency \1?"),
        (r"how far (.+?)\??", r"At what distance \1?"),
        (rf"when ((?:{_VERB}) .+?)\??", r"On what date or at what time \1?"),
        (rf"where ((?:{_VERB}) .+?)\??", r"In what place \1?"),
        (rf"why ((?:{_VERB}) .+?)\??", r"For what reason \1?"),
        (r"what (?:is|are) (the .+?)\??", r"Please tell me \1."),
        (r"who is (the .+?)\??", r"Please give me the name of \1."),
        (r"which (.+?)\??", r"What \1?"),
        (r"can (i|we|you) (.+?)\??", r"Is it possible for \1 to \2?"),
    )
)
_BEFORE = (
    "I would like to know the following: {}",
    "Could somebody tell me: {}",
    "A colleague has asked me this: {}",
    "Quick question: {}",
)


def paraphrase(question: str, key: str) -> str:
    """Return the question in another sentence with the same words of content."""
    asked = " ".join(question.split())
    for pattern, written in _RULES:
        match = pattern.fullmatch(asked)
        if match is not None:
            text = match.expand(written)
            if keeps(question, text):
                return text
    small = asked[0].lower() + asked[1:] if asked[1:2].islower() else asked
    return _BEFORE[draw(f"{key} paraphrase") % len(_BEFORE)].format(small)


def by_model(model: ChatModel) -> Callable[[str, str], str]:
    """Return what has a chat model put a question into other words.

    A wording that loses a number, a code or a name, or is no single line, is not used: the
    question comes back as it is.
    """

    def worded(question: str, _key: str) -> str:
        messages = [
            Message(
                role="system",
                content="Put the question into other words. Keep every number, code and name as "
                "it is written. Write the question alone, on one line.",
            ),
            Message(role="user", content=question),
        ]
        said = "".join(
            event for event in model.stream(messages, max_tokens=120) if isinstance(event, str)
        )
        lines = [line.strip() for line in said.splitlines() if line.strip()]
        return lines[0] if len(lines) == 1 and keeps(question, lines[0]) else question

    return worded
