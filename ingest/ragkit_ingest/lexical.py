"""The analyser of lexical search: text to the words that FTS5 indexes, and queries to match them.

The same analysis runs over documents and questions. It knows nothing of SQLite beyond the
syntax of an FTS5 query.

Source: Porter, "Snowball", 2001 (the English stemmer); Robertson and Zaragoza, 2009 (BM25, which
FTS5 computes).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any

VERSION = 2
"""Raised whenever the same text would give other words, so that an index can be rebuilt."""

# Tokens whose words are kept, at most 25 MB.
_REMEMBERED = 1 << 18
# A run of letters and digits, joined where people join names (QK-200, v1.5, O'Neill, a_b) and
# where they divide thousands (1,500).
_TOKEN = re.compile(r"[^\W_]+(?:(?:[-._'\u2019/+]|(?<=\d),(?=\d{3}(?!\d)))[^\W_]+)*")
_PART = re.compile(r"[^\W\d_]+|\d+(?:[.,]\d+)*")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")

_STOPWORDS = """
    a about above after again against all also am an and any are as at be because been before
    being below between both but by can could d did do does doing don down during each few for
    from further had has have having he her here hers herself him himself his how i if in into is
    it its itself just ll m me more most my myself no nor not now of off on once only or other our
    ours ourselves out over own please re s same shall she should so some such t than that the
    their theirs them themselves then there these they this those through to too under until up
    ve very was we were what when where which while who whom whose why will with would you your
    yours yourself yourselves tell know find get got
"""
STOPWORDS = frozenset(_STOPWORDS.split())


def words(text: str) -> list[str]:
    """Return the index words of a text, in order, repeats kept.

    A joined name gives its parts and, after them, itself without the joints: "QK-200" gives
    "qk", "200", "qk200". Chinese, Japanese and Korean give pairs of characters.
    """
    return [word for token in _TOKEN.findall(_fold(text)) for word in _split(token)]


def content_words(text: str) -> list[str]:
    """Return the words of a text without those that carry no topic ("the", "how", "of").

    If nothing else is there, all words are returned: "to be or not to be" is a question too.
    """
    kept = [
        word
        for token in _TOKEN.findall(_fold(text))
        if token not in STOPWORDS
        for word in _split(token)
        if word not in STOPWORDS
    ]
    return kept or words(text)


def match_query(text: str) -> str:
    """Return the FTS5 query that matches any content word of a question; "" if it has none."""
    return any_of(query_words(text))


def query_words(text: str) -> list[str]:
    """Return the content words of a question, each once."""
    return list(dict.fromkeys(content_words(text)))


def any_of(unique: Iterable[str]) -> str:
    """Return the FTS5 query that matches any of analysed words; "" if there is none."""
    return " OR ".join(f'"{word}"' for word in unique)


def stem(word: str) -> str:
    """Return the English stem of a lower-case word; words with digits stay as they are."""
    stemmed: str = _stemmer().stemWord(word)
    return stemmed


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(char for char in decomposed if not unicodedata.combining(char))
    # Korean syllables fall into letters when decomposed, and signs such as \u2122 into capitals.
    return unicodedata.normalize("NFC", bare).casefold()


@lru_cache(maxsize=_REMEMBERED)
def _split(token: str) -> tuple[str, ...]:
    return tuple(_split_uncached(token))


def _split_uncached(token: str) -> Iterator[str]:
    if _CJK.search(token):
        yield from _pairs(token)
        return
    if token.endswith(("'s", "\u2019s")):
        token = token[:-2]
    if token.isalpha():
        yield stem(token)
        return
    parts = [part.replace(",", "") for part in _PART.findall(token)]
    yield from map(stem, parts)
    joined = "".join(char for char in token if char.isalnum())
    if len(parts) > 1 or joined not in parts:
        yield stem(joined) if joined.isalpha() else joined


def _pairs(token: str) -> Iterator[str]:
    characters = [char for char in token if char.isalnum()]
    if len(characters) == 1:
        yield characters[0]
    yield from (first + second for first, second in pairwise(characters))


@cache
def _stemmer() -> Any:
    from Stemmer import Stemmer  # type: ignore[import-not-found]

    return Stemmer("english", 0)  # 0: it remembers nothing itself
