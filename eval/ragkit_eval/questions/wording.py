"""How a phrase of a document is worded within a question."""

from __future__ import annotations

import re
from collections.abc import Set

_DETERMINERS_TEXT = """
    the a an every each all any our your no most some both its their new this that
"""
_DETERMINERS = frozenset(_DETERMINERS_TEXT.split())
_NO_SUBJECT_TEXT = """
    it this these those they he she there here if when while where as in on at for from after
    before during by with without to but and or so also then however instead please note not
    that which who what how why because since unless until once although though either neither
    such one ones its their his her another other others more less many much few following
    above below first second next last finally otherwise therefore thus today let see make
    outside inside under over between within through beyond about against per via
"""
NO_SUBJECT = frozenset(_NO_SUBJECT_TEXT.split())
"""Words that a sentence begins with if it cannot be understood on its own."""
_UNCLEAR = re.compile(
    r"\b(?:this|these|those|it|its|they|them|their|theirs|he|him|his|she|her|hers|such|above|below"
    r"|following|former|latter|there|here|same|otherwise|aforementioned)\b",
    re.IGNORECASE,
)


def common_words(text: str) -> set[str]:
    """Return the words that a text writes in lower case, so that they are no names."""
    return set(re.findall(r"(?<![\w./@#-])[a-z][a-z'\u2019-]+", text))


def inner(phrase: str, common: Set[str]) -> str:
    """Return a phrase that opened a sentence as it stands within one.

    Args:
        phrase: Its first word with a capital letter.
        common: The words that the documents write in lower case somewhere.
    """
    first, space, rest = phrase.partition(" ")
    low = first.lower()
    if low in _DETERMINERS:
        return low + space + rest
    named = rest[:1].isdigit() or (rest[:1].isupper() and not rest.split()[0].isupper())
    known = low in common or low.removesuffix("s") in common or low.endswith("ing")
    if first[1:].islower() and known and not named:
        return low + space + rest
    return phrase


def understood(phrase: str) -> bool:
    """Return whether a phrase says what it is about, without words that point elsewhere."""
    return _UNCLEAR.search(phrase) is None


def plain(phrase: str) -> bool:
    """Return whether a phrase holds no marks of code, links or templates."""
    return re.search(r"[`<>{}\[\]|=_*#\\~]|https?:|www\.|@|//|\w/\w+/", phrase) is None
