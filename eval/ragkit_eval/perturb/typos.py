"""Slips of the keyboard: a neighbouring key, two letters swapped, one left out or doubled.

Source: Damerau, Communications of the ACM 7(3), 1964: these four are over 80 % of misspellings.
"""

from __future__ import annotations

from ragkit_eval.perturb.kept import draw, free_words

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SHORTEST = 4
_ONE_IN = 5


def typos(question: str, key: str) -> str:
    """Return the question with one slip in five of its words of four letters or more, at least one.

    The first letter of a word stays; numbers, codes and names are left alone.
    """
    words = [word for word in free_words(question) if len(word.group()) >= _SHORTEST]
    words = [word for word in words if word.group().isalpha()]
    wanted = max(1, round(len(words) / _ONE_IN))
    chosen = sorted(words, key=lambda word: draw(f"{key} {word.start()}"))[:wanted]
    text = question
    for word in sorted(chosen, key=lambda word: -word.start()):
        slipped = _slip(word.group(), draw(f"{key} slip {word.start()}"))
        text = text[: word.start()] + slipped + text[word.end() :]
    return text


def _slip(word: str, number: int) -> str:
    kind, place = number % 4, 1 + number // 4 % (len(word) - 2)
    if kind == 0 and word[place] != word[place + 1]:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    if kind == 1:
        return word[:place] + word[place + 1 :]
    if kind == 2:
        return word[:place] + word[place] + word[place:]
    return word[:place] + _neighbour(word[place], number // 64) + word[place + 1 :]


def _neighbour(letter: str, number: int) -> str:
    for row in _ROWS:
        at = row.find(letter.lower())
        if at >= 0:
            near = [row[i] for i in (at - 1, at + 1) if 0 <= i < len(row)]
            return near[number % len(near)]
    return letter + letter
