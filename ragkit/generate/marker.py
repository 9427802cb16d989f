"""Reads what a chat model wrote: its sentences, and the passages that each one claims.

Markers in every form that models use are taken out of the text, also those that name no passage;
what they claim is only a claim. Code between backquotes is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ragkit.sentence import split

_WORD = r"(?:sources?|passages?|docs?|documents?|refs?|references?|citations?|see|no\.?)"
_DASH = r"to|[-\u2010-\u2014]"
_LIST = rf"\d{{1,3}}(?:\s*(?:[,;&]|and|{_DASH})\s*(?:{_WORD}\s*)?\d{{1,3}})*"
_SQUARE = re.compile(
    rf"[ \t]*[\[\u3010\uff3b]\s*\^?\s*(?:{_WORD}\s*[:#]?\s*){{0,2}}(?P<list>{_LIST})"
    r"(?:\s*[:\u2020|][^\[\]\n\u3010\u3011]{0,80})?\s*[\]\u3011\uff3d]",
    re.IGNORECASE,
)
# Round brackets mean a passage where they say so, or stand alone at the end of a clause.
_ROUND = re.compile(
    rf"[ \t]*\(\s*(?:(?P<word>{_WORD})\s*[:#]?\s*){{0,2}}(?P<list>{_LIST})\s*\)"
    r"(?P<end>(?=\s*(?:[.!?,;:]|$)))?",
    re.IGNORECASE,
)
_RANGE = re.compile(rf"(\d+)\s*(?:{_DASH})\D*(\d+)", re.IGNORECASE)
_CODE = re.compile(r"`[^`\n]+`")
_FENCE = re.compile(r"\s*(?:```|~~~)")
_BULLET = re.compile(r"\A\s*(?:[-*+\u2022\u2023\u25aa\u25cf\u2013]|\(?\d{1,3}[.)])\s+")
_HEADING = re.compile(r"\s*#{1,6}\s")
_RULE = re.compile(r"\s*(?:[-*_=]\s*){3,}$")
_QUOTED = re.compile(r"\A\s*>\s?")
_STRONG = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_IMAGE = re.compile(r"!\[([^\]\n]*)\]\([^)\n]*\)")
_LINK = re.compile(r"\[([^\]\n]+)\]\(\s*<?(?:[a-z][a-z0-9+.-]*:|//|/|#|www\.)[^)\n]*\)", re.I)
_TAG = re.compile(r"</?[a-z][a-z0-9-]*(?:\s[^<>\n]*)?/?>|<!--.*?-->", re.IGNORECASE | re.DOTALL)
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A sentence, without markers, and the passages that it claims to rest on.

    Attributes:
        text: As written, on one line unless it is code.
        passages: Their numbers, from 1, in order, none twice.
    """

    text: str
    passages: tuple[int, ...] = ()


def claims(text: str, passages: int) -> list[Claim]:
    """Return the sentences of a text in order, with what they claim.

    A marker belongs to the sentence before it, also behind the stop; at the beginning of a line,
    to the sentence after it; on a line of its own, to the sentence before. A list item or a block
    of code is split from what is around it; headings and rules are left out. Of links and images
    the words stay, and HTML tags are dropped.

    Args:
        text: What the model wrote.
        passages: How many there were; greater numbers and 0 claim nothing.
    """
    found: list[Claim] = []
    for line, is_code in _lines(_THOUGHT.sub("", text)):
        if is_code:
            found.append(Claim(text=line))
            continue
        found_here, loose = _line_claims(line, passages)
        if loose and not found_here and found:
            found[-1] = _with(found[-1], loose)
        found += found_here
    return found


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the lines, with whether each is a whole block of code, without its fences."""
    code: list[str] | None = None
    for line in text.splitlines():
        if _FENCE.match(line):
            if code is not None and any(one.strip() for one in code):
                yield "\n".join(code), True
            code = [] if code is None else None
        elif code is not None:
            code.append(line)
        elif line.strip() and not _HEADING.match(line) and not _RULE.match(line):
            yield line, False
    if code and any(one.strip() for one in code):
        yield "\n".join(code), True


def _line_claims(line: str, passages: int) -> tuple[list[Claim], tuple[int, ...]]:
    """Return the claims of a line, and the passages of a line that holds markers only."""
    plain, markers = _unmarked(_simple(line), passages)
    spans = split(plain)
    if not spans:
        return [], tuple(number for _, numbers in markers for number in numbers)
    claimed: list[list[int]] = [[] for _ in spans]
    for at, numbers in markers:
        before = [index for index, (start, _) in enumerate(spans) if start < at]
        claimed[before[-1] if before else 0] += numbers
    return [
        Claim(text=" ".join(plain[start:end].split()), passages=tuple(dict.fromkeys(numbers)))
        for (start, end), numbers in zip(spans, claimed, strict=True)
    ], ()


def _simple(line: str) -> str:
    """Return the line without the marks of a list item, a quotation, links, images and tags."""
    line = _BULLET.sub("", _QUOTED.sub("", line))
    return _outside_code(line, _without_markup)


def _without_markup(text: str) -> str:
    text = _LINK.sub(r"\1", _IMAGE.sub(r"\1", text))
    return _STRONG.sub(r"\2", _TAG.sub("", text))


def _outside_code(line: str, change: Callable[[str], str]) -> str:
    parts, at = [], 0
    for code in _CODE.finditer(line):
        parts += [change(line[at : code.start()]), code[0]]
        at = code.end()
    return "".join([*parts, change(line[at:])])


def _unmarked(line: str, passages: int) -> tuple[str, list[tuple[int, list[int]]]]:
    """Return the line without markers, and where each one stood with what it names."""
    code = [match.span() for match in _CODE.finditer(line)]
    text, at = "", 0
    markers: list[tuple[int, list[int]]] = []
    for match in sorted(_markers(line, passages), key=lambda match: match.start()):
        inside = any(start < match.end() and match.start() < end for start, end in code)
        if inside or match.start() < at:
            continue
        text += line[at : match.start()]
        at = match.end()
        named = _numbers(match["list"])
        markers.append((len(text), [number for number in named if 1 <= number <= passages]))
    return text + line[at:], markers


def _markers(line: str, passages: int) -> Iterator[re.Match[str]]:
    yield from _SQUARE.finditer(line)
    for match in _ROUND.finditer(line):
        before = line[: match.start()]
        apart = match[0][0].isspace() or not before or before.endswith(("]", ")", "\u3011"))
        known = all(1 <= number <= passages for number in _numbers(match["list"]))
        if match["word"] or (apart and known and match["end"] is not None):
            yield match


def _numbers(text: str) -> list[int]:
    """Return the numbers of a list such as "1, 3-5"; a range too long to be meant has its ends."""

    def expand(match: re.Match[str]) -> str:
        first, last = int(match[1]), int(match[2])
        return " ".join(map(str, range(first, last + 1))) if 0 <= last - first < 20 else match[0]

    return [int(number) for number in re.findall(r"\d+", _RANGE.sub(expand, text))]


def _with(claim: Claim, passages: tuple[int, ...]) -> Claim:
    return Claim(text=claim.text, passages=tuple(dict.fromkeys((*claim.passages, *passages))))
