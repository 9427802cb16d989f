"""Texts of the invented world as the ids of a small decoder, and back. Words, not word pieces.

A place's name is two ids, its first and its second half, so that a model can read names that it
never saw; every other word is one id.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from ragkit_eval.demo import voice, wording
from ragkit_eval.demo.world import FIRST, NAMES, SECOND, VALUES

PAD, START, END, VOICE, PASSAGE, QUESTION, ANSWER, UNKNOWN = range(8)
_SPECIAL = ("<pad>", "<start>", "<end>", "<voice>", "<passage>", "<question>", "<answer>", "<?>")
_MARKS = ("#", ".", ",", "?")
_HALF = "~"  # begins the second half of a name
_PIECE = re.compile(r"\w+|[^\w\s]")


def _common() -> list[str]:
    """Return every word of the world's sentences that is no name and no value."""
    texts = [
        *wording.QUESTIONS,
        wording.RECITE,
        wording.REFUSAL,
        wording.statement("", "", ""),
        *voice.OPENINGS.values(),
        *voice.VERBS.values(),
        *voice.CLOSINGS.values(),
    ]
    said = re.sub(r"{\w+}", " ", " ".join(texts)).casefold()
    described = [*voice.OPENINGS, *voice.VERBS, *voice.CLOSINGS]
    return sorted({*_PIECE.findall(said), *described, *wording.ATTRIBUTES} - set(_MARKS))


WORDS = (
    *(_SPECIAL + _MARKS),
    *_common(),
    *FIRST,
    *(_HALF + second for second in SECOND),
    *(value.casefold() for value in VALUES),
)
"""Every id's word, in order."""
_IDS = {word: place for place, word in enumerate(WORDS)}
_NAMES = frozenset(name.casefold() for name in NAMES)
_PROPER = _NAMES | {value.casefold() for value in VALUES}


def encode(text: str) -> list[int]:
    """Return a text's ids; a word that the world does not have is `UNKNOWN`."""
    return [id_ for piece in _PIECE.findall(text.casefold()) for id_ in _ids(piece)]


@lru_cache(maxsize=4096)
def _ids(piece: str) -> tuple[int, ...]:
    if piece in _NAMES:
        return _IDS[piece[:3]], _IDS[_HALF + piece[3:]]
    return (_IDS.get(piece, UNKNOWN),)


def decode(ids: Sequence[int]) -> str:
    """Return the text of ids, up to the first `END`, as people write it."""
    words: list[str] = []
    for id_ in ids:
        if id_ == END:
            break
        word = WORDS[id_]
        if word.startswith(_HALF) and words:
            words[-1] += word.removeprefix(_HALF)
        elif word in _MARKS and words:
            words[-1] += word
        else:
            words.append(word)
    shown = [word.capitalize() if word.rstrip(".,?") in _PROPER else word for word in words]
    if shown:
        shown[0] = shown[0][:1].upper() + shown[0][1:]
    return " ".join(shown)


def context(passages: Sequence[str] = (), voice_words: Sequence[str] = ()) -> list[int]:
    """Return what stands before a question.

    Args:
        passages: What was found, best first; none for a closed book.
        voice_words: The description of a voice; empty for no wish.
    """
    ids = [START]
    if voice_words:
        ids += [VOICE, *(id_ for word in voice_words for id_ in encode(word))]
    for passage in passages:
        ids += [PASSAGE, *encode(passage)]
    return ids


def turn(question: str) -> list[int]:
    """Return a question's ids, up to where its answer begins."""
    return [QUESTION, *encode(question), ANSWER]


def prompt(
    question: str, passages: Sequence[str] = (), voice_words: Sequence[str] = ()
) -> list[int]:
    """Return what the decoder reads before it answers; see `context`."""
    return context(passages, voice_words) + turn(question)


def reply(text: str) -> list[int]:
    """Return an answer's ids, with the `END`."""
    return [*encode(text), END]
