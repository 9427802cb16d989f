"""The same question with emoji before it, after it and between two words."""

from __future__ import annotations

from ragkit_eval.perturb.kept import draw, free_words

_EMOJI = (
    *("\U0001f914", "\U0001f64f", "\U0001f44b", "\U0001f602", "\u2753"),
    "\U0001f937\u200d\u2640\ufe0f",  # joined of two
    "\U0001f44d\U0001f3fd",  # with a colour of skin
)


def emoji(question: str, key: str) -> str:
    """Return the question with two or three emoji; no word of it is changed."""
    number = draw(f"{key} emoji")
    first, second, third = (_EMOJI[number // 7**place % len(_EMOJI)] for place in range(3))
    words = free_words(question)
    text = question
    place = question.find(" ", words[len(words) // 2].end()) if words else -1
    if place > 0:
        text = f"{text[:place]} {third}{text[place:]}"
    return f"{first} {text} {second}"
