"""Questions as people type them: in lower case, with a slip of the finger, in short forms.

`ragkit_eval.perturb`, by which the robustness of answers is measured, has slips and short forms of
its own, and they are to stay apart: a measure that shares its wordings with the training flatters.
"""

from __future__ import annotations

import random
import re

_SHORT = {
    "about": "abt",
    "and": "n",
    "are": "r",
    "because": "cos",
    "information": "info",
    "please": "pls",
    "tell me": "gimme",
    "thanks": "thx",
    "what is": "whats",
    "with": "w/",
    "you": "u",
    "your": "ur",
}
_LEAST = 5


def noisy(question: str, chance: random.Random, *, share: float = 0.3) -> str:
    """Return a question, or in a share of the cases one of its views.

    Args:
        question: As it was mined.
        chance: Decides.
        share: In [0, 1].
    """
    if chance.random() >= share:
        return question
    return chance.choice((lowered, mistyped, shortened))(question, chance)


def lowered(question: str, _: random.Random) -> str:
    """Return it in lower case, without marks at its end."""
    return question.lower().rstrip("?!. ")


def mistyped(question: str, chance: random.Random) -> str:
    """Return it with two letters within one word swapped, or one left out."""
    words = question.split(" ")
    long = [place for place, word in enumerate(words) if len(word) >= _LEAST and word.isalpha()]
    if not long:
        return lowered(question, chance)
    place = chance.choice(long)
    word = words[place]
    at = chance.randrange(1, len(word) - 2)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    words[place] = chance.choice((swapped, word[:at] + word[at + 1 :]))
    return " ".join(words)


def shortened(question: str, chance: random.Random) -> str:
    """Return it with the short forms of a chat."""
    pattern = re.compile(rf"\b({'|'.join(sorted(_SHORT, key=len, reverse=True))})\b", re.IGNORECASE)
    return lowered(pattern.sub(lambda match: _SHORT[match[1].lower()], question), chance)
