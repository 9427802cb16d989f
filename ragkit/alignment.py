"""Lays a claim beside the lines of a text: where it stands if anywhere, and what contradicts it.

By words alone, and pure: nothing is embedded and nothing is read from an index. A claim is
compared with windows of one to three neighbouring lines, and in the best window word by word.
What was changed there, though the words around it agree, is a conflict: a number, a name, a
negation, an opposite.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from enum import StrEnum
from functools import cached_property
from itertools import pairwise

from ragkit.opposite import opposed
from ragkit.sentence import split
from ragkit.wording import MEASURES, Word, analysed
from ragkit_ingest.records import Block, BlockKind

WINDOW = 3
"""Most lines that a claim is compared with at once."""
_NEAR = 4
_CLOSE = 0.5
_LONGER = 0.06
_SLOT = 3
_JOINING = frozenset({"and", "but", "while", "whereas", "or"})
_PARAGRAPHS = re.compile(r"\n[ \t]*\n\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A sentence, a heading, a table row or a line of code of a passage.

    Attributes:
        text: As it stands in the document.
        start: Offset of its first character in the document's text.
        end: Offset after its last character.
    """

    text: str
    start: int
    end: int

    @property
    def flat(self) -> str:
        """The text with single spaces, as it is analysed and embedded."""
        return " ".join(self.text.split())


@dataclass(frozen=True, kw_only=True)
class Ground:
    """A stretch of text that claims are laid beside: a passage, or an example's context.

    Attributes:
        lines: In reading order.
        about: What the text is known to be about: title, headings, path.
    """

    lines: tuple[Line, ...]
    about: str = ""

    @cached_property
    def words(self) -> tuple[tuple[Word, ...], ...]:
        """The words of each line."""
        return tuple(analysed(line.flat) for line in self.lines)

    @cached_property
    def stems(self) -> tuple[frozenset[str], ...]:
        """The stems of each line."""
        return tuple(frozenset(word.stem for word in found) for found in self.words)

    @cached_property
    def topic(self) -> frozenset[str]:
        """The stems of `about`."""
        return frozenset(word.stem for word in analysed(self.about))

    @cached_property
    def all_stems(self) -> frozenset[str]:
        """The stems of all lines and of `about`."""
        return self.topic.union(*self.stems)

    @cached_property
    def ordinary(self) -> frozenset[str]:
        """The stems that are written in lower case somewhere: no names."""
        return frozenset(
            word.stem
            for found in self.words
            for word in found
            if not (word.name or word.opening or word.number)
        )


class ConflictKind(StrEnum):
    """What was changed."""

    NUMBER = "number"
    NAME = "name"
    NEGATION = "negation"
    OPPOSITE = "opposite"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Something that a claim says otherwise than the text.

    Attributes:
        kind: What was changed.
        said: The claim's word.
        stored: The text's word instead of it; empty if it has none.
    """

    kind: ConflictKind
    said: str
    stored: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Neighbouring lines of a ground.

    Attributes:
        first: Index of the first line.
        last: Index of the last one.
        score: How much of the claim they hold; higher is better.
    """

    first: int
    last: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """A claim beside the window of a ground that holds most of it.

    All shares are of the claim's content words, in [0, 1].

    Attributes:
        claim: The claim's words.
        window: The lines.
        near: Index of the line that holds most of the claim in order.
        coverage: Share held by the window, rare words weighing more.
        coverage_nearby: The same for the window and the four lines on either side.
        pairs: Share of the neighbouring content words that are neighbours in the window too.
        aligned: Share held by the near line in the claim's order.
        run: Longest run of words that stand in the near line as in the claim, as a share.
        replaced: Content words that stand where the near line has others.
        inserted: Content words that were added to what the near line says.
        opposites: Words whose opposite stands in the window, and they themselves do not.
        missing: Content words that are not in the window.
        missing_nearby: The same for the window and the lines around it.
        conflicts: What contradicts.
        weights: Of each content word's stem, in (0, 1]; high for words of few lines.
    """

    claim: tuple[Word, ...]
    window: Window
    near: int
    coverage: float
    coverage_nearby: float
    pairs: float
    aligned: float
    run: float
    replaced: int
    inserted: int
    opposites: int
    missing: tuple[Word, ...]
    missing_nearby: tuple[Word, ...]
    conflicts: tuple[Conflict, ...]
    weights: Mapping[str, float] = field(repr=False)


def lines(text: str, offset: int = 0, blocks: Sequence[Block] = ()) -> tuple[Line, ...]:
    """Return the lines of a text in reading order.

    Args:
        text: The text.
        offset: Where it begins in its document.
        blocks: The document's blocks within it, cut to it; with none, blank lines divide it.
    """
    return tuple(
        Line(text=text[start:end], start=offset + start, end=offset + end)
        for start, end in _spans(text, offset, blocks)
    )


def _spans(text: str, offset: int, blocks: Sequence[Block]) -> Iterator[tuple[int, int]]:
    if not blocks:
        position = 0
        for gap in [*_PARAGRAPHS.finditer(text), None]:
            end = gap.start() if gap else len(text)
            yield from ((position + a, position + b) for a, b in split(text[position:end]))
            position = gap.end() if gap else end
        return
    for block in blocks:
        start, end = block.start - offset, block.end - offset
        if block.kind in {BlockKind.HEADING, BlockKind.TABLE_ROW}:
            yield start, end
        elif block.kind is BlockKind.CODE:
            for match in re.finditer(r"\S[^\n]*", text[start:end]):
                yield start + match.start(), start + match.end()
        else:
            yield from ((start + a, start + b) for a, b in split(text[start:end]))


def windows(
    claim: Sequence[Word], ground: Ground, similarity: Callable[[int], float] | None = None
) -> list[Window]:
    """Return every window of the ground, best first.

    Args:
        claim: The claim's words.
        ground: The text.
        similarity: Of the claim and a line, by its index; by default words alone decide.
    """
    content = [word.stem for word in claim if word.content]
    weights = _weights(content, ground)
    total = sum(weights[stem] for stem in content) or 1.0
    found = []
    for first in range(len(ground.lines)):
        held: frozenset[str] = frozenset()
        likeness = 0.0
        for last in range(first, min(first + WINDOW, len(ground.lines))):
            held |= ground.stems[last]
            score = sum(weights[stem] for stem in content if stem in held) / total
            if similarity is not None:
                likeness = max(likeness, similarity(last))
            score += 0.6 * likeness - _LONGER * (last - first)
            found.append(Window(first=first, last=last, score=score))
    return sorted(found, key=lambda window: -window.score)


def align(claim: Sequence[Word], ground: Ground, window: Window) -> Alignment:
    """Compare a claim with a window of a ground, word by word."""
    claim = tuple(claim)
    content = [word for word in claim if word.content]
    weights = _weights([word.stem for word in content], ground)
    inside = range(window.first, window.last + 1)
    nearby = range(max(0, window.first - _NEAR), min(len(ground.lines), window.last + _NEAR + 1))
    held = frozenset[str]().union(*(ground.stems[index] for index in inside))
    around = ground.topic.union(*(ground.stems[index] for index in nearby))
    near, matcher = _near(claim, ground, inside)
    missing = tuple(word for word in content if word.stem not in held)
    pairs = _pairs(claim)
    held_pairs = frozenset(pair for index in inside for pair in _pairs(ground.words[index]))
    blocks = matcher.get_matching_blocks()
    aligned = sum(
        word.content for block in blocks for word in claim[block.b : block.b + block.size]
    ) / max(1, len(content))
    coverage = _share(content, weights, held)
    replaced, inserted = _changed(claim, ground.words[near], matcher, held)
    return Alignment(
        claim=claim,
        window=window,
        near=near,
        coverage=coverage,
        coverage_nearby=_share(content, weights, around),
        pairs=sum(pair in held_pairs for pair in pairs) / len(pairs) if pairs else coverage,
        aligned=aligned,
        run=max(block.size for block in blocks) / max(1, len(claim)),
        replaced=replaced,
        inserted=inserted,
        opposites=sum(1 for _ in _opposites(claim, [w for i in inside for w in ground.words[i]])),
        missing=missing,
        missing_nearby=tuple(word for word in content if word.stem not in around),
        conflicts=tuple(_conflicts(claim, ground, inside, near, matcher, aligned)),
        weights=weights,
    )


def _weights(stems: Sequence[str], ground: Ground) -> dict[str, float]:
    return {
        stem: 1.0 / math.log2(2 + sum(stem in line for line in ground.stems))
        for stem in dict.fromkeys(stems)
    }


def _share(content: Sequence[Word], weights: Mapping[str, float], held: frozenset[str]) -> float:
    total = sum(weights[word.stem] for word in content)
    return sum(weights[word.stem] for word in content if word.stem in held) / (total or 1.0)


def _pairs(found: Sequence[Word]) -> list[tuple[str, str]]:
    stems = [word.stem for word in found if word.content]
    return list(pairwise(stems))


def _near(claim: Sequence[Word], ground: Ground, inside: range) -> tuple[int, SequenceMatcher[str]]:
    said = [word.stem for word in claim]
    matcher: SequenceMatcher[str] = SequenceMatcher(None, [], said, autojunk=False)
    best: tuple[int, int] | None = None
    for index in inside:
        matcher.set_seq1([word.stem for word in ground.words[index]])
        held = sum(
            1 + word.content
            for block in matcher.get_matching_blocks()
            for word in claim[block.b : block.b + block.size]
        )
        if best is None or held > best[0]:
            best = held, index
    assert best is not None
    matcher.set_seq1([word.stem for word in ground.words[best[1]]])
    return best[1], matcher


def _changed(
    claim: Sequence[Word],
    stored: Sequence[Word],
    matcher: SequenceMatcher[str],
    held: frozenset[str],
) -> tuple[int, int]:
    """Return how many content words were put in the place of others, and how many added."""
    replaced = inserted = 0
    for said, instead in _differences(claim, stored, matcher):
        new = sum(word.content and word.stem not in held for word in said)
        if any(word.content for word in instead) and max(len(said), len(instead)) <= _NEAR:
            replaced += new
        else:
            inserted += new
    return replaced, inserted


def _differences(
    claim: Sequence[Word], stored: Sequence[Word], matcher: SequenceMatcher[str]
) -> Iterator[tuple[Sequence[Word], Sequence[Word]]]:
    """Yield what the claim says, and what the line says in its place."""
    for tag, a_start, a_end, b_start, b_end in matcher.get_opcodes():
        if tag in {"replace", "insert"}:
            instead = stored[a_start:a_end] if b_end - b_start < len(claim) else ()
            yield claim[b_start:b_end], instead


def _conflicts(
    claim: Sequence[Word],
    ground: Ground,
    inside: range,
    near: int,
    matcher: SequenceMatcher[str],
    aligned: float,
) -> Iterator[Conflict]:
    stored = [word for index in inside for word in ground.words[index]]
    yield from _numbers(claim, stored, ground)
    yield from _bounds(claim, stored)
    yield from _names(claim, ground, aligned)
    if aligned < _CLOSE:
        return
    line = ground.words[near]
    yield from _negations(claim, line, stored)
    yield from _opposites(claim, line)
    yield from _exchanged(claim, line, matcher, ground)
    yield from _reordered(claim, line)
    yield from _mixed(claim, [ground.words[index] for index in inside])


def _numbers(claim: Sequence[Word], stored: Sequence[Word], ground: Ground) -> Iterator[Conflict]:
    """Yield numbers that the window lacks, or has for something else ("3 days" for "3 months")."""
    held = {word.stem for word in stored}
    units = _counted(stored)
    for word, unit in _with_units(claim):
        if word.stem not in held and word.stem not in ground.topic:
            yield Conflict(kind=ConflictKind.NUMBER, said=word.text)
        elif unit and units.get(unit) and word.stem not in units[unit]:
            stored_instead = ", ".join(sorted(units[unit]))
            yield Conflict(kind=ConflictKind.NUMBER, said=word.text, stored=stored_instead)
    measured = _measured(stored)
    for stem, measures in _measured(claim).items():
        others = measured.get(stem)
        if others and measures.isdisjoint(others):
            yield Conflict(
                kind=ConflictKind.NUMBER, said=" ".join(measures), stored=" ".join(others)
            )


def _bounds(claim: Sequence[Word], stored: Sequence[Word]) -> Iterator[Conflict]:
    """Yield numbers that are a most in one and a least in the other."""
    bounds: dict[str, set[str]] = {}
    for word in stored:
        bounds.setdefault(word.stem, set()).add(word.bound)
    for word in claim:
        other = {"upper": "lower", "lower": "upper"}.get(word.bound)
        if other and bounds.get(word.stem) == {other}:
            yield Conflict(kind=ConflictKind.OPPOSITE, said=word.text, stored=word.text)


def _with_units(found: Sequence[Word]) -> Iterator[tuple[Word, str]]:
    """Yield each number with the stem of what is counted; empty if nothing stands behind it."""
    for index, word in enumerate(found):
        if word.number and not word.dated:
            behind = found[index + 1] if index + 1 < len(found) else None
            counts = behind is not None and behind.content and not behind.number
            yield word, behind.stem if behind and counts else ""


def _measured(found: Sequence[Word]) -> dict[str, frozenset[str]]:
    """Return by number the measures beside it: "30 days", "30 working days", "$ 30"."""
    table: dict[str, frozenset[str]] = {}
    for index, word in enumerate(found):
        beside = found[max(0, index - 1) : index + 3]
        measures = {other.stem for other in beside if other.stem in MEASURES}
        if word.number and not word.dated and measures:
            table[word.stem] = table.get(word.stem, frozenset()) | measures
    return table


def _counted(found: Sequence[Word]) -> dict[str, set[str]]:
    table: dict[str, set[str]] = {}
    for word, unit in _with_units(found):
        if unit:
            table.setdefault(unit, set()).add(word.stem)
    return table


def _names(claim: Sequence[Word], ground: Ground, aligned: float) -> Iterator[Conflict]:
    """Yield names that are nowhere in the text.

    In a free wording a code or an acronym may stand for what the text spells out.
    """
    for word in claim:
        if word.name and word.stem not in ground.all_stems and (aligned >= _CLOSE or not word.code):
            yield Conflict(kind=ConflictKind.NAME, said=word.text)


def _negations(
    claim: Sequence[Word], line: Sequence[Word], stored: Sequence[Word]
) -> Iterator[Conflict]:
    """Yield words that are denied on one side alone, and a denial that the window knows none of."""
    found: dict[str, set[bool]] = {}
    for word in line:
        found.setdefault(word.stem, set()).add(word.negated)
    for word in claim:
        if word.content and word.stem in found and word.negated not in found[word.stem]:
            yield Conflict(kind=ConflictKind.NEGATION, said=word.text)
            return
    denials = [word for word in claim if word.negation]
    if denials and not any(word.negation for word in stored):
        yield Conflict(kind=ConflictKind.NEGATION, said=denials[0].text)


def _opposites(claim: Sequence[Word], line: Sequence[Word]) -> Iterator[Conflict]:
    """Yield words whose opposite stands in the line, and they themselves do not."""
    here = {word.stem for word in line}
    said = {word.stem for word in claim}
    for word in claim:
        if word.stem in here or word.number:
            continue
        for other in line:
            if other.stem not in said and opposed(word.stem, other.stem):
                yield Conflict(kind=ConflictKind.OPPOSITE, said=word.text, stored=other.text)
                break


def _exchanged(
    claim: Sequence[Word], line: Sequence[Word], matcher: SequenceMatcher[str], ground: Ground
) -> Iterator[Conflict]:
    """Yield names and numbers that stand where the line has another."""
    for said, instead in _differences(claim, line, matcher):
        if max(len(said), len(instead)) > _SLOT:
            continue
        alone = len(instead) == 1
        for kind in (ConflictKind.NAME, ConflictKind.NUMBER):
            new = [w for w in said if _is(kind, w, ground, alone=alone and w is said[-1])]
            lost = [w for w in instead if _is(kind, w, ground, alone=alone)]
            if new and lost and {w.stem for w in new}.isdisjoint(w.stem for w in lost):
                yield Conflict(kind=kind, said=new[0].text, stored=lost[0].text)


def _is(kind: ConflictKind, word: Word, ground: Ground, *, alone: bool) -> bool:
    """Return whether it is a number, or a name.

    The capital at the start of a sentence makes a name if the word stands in the place of one
    other, and is never written small.
    """
    if kind is ConflictKind.NUMBER:
        return word.number and not word.dated
    return word.name or (alone and word.opening and word.stem not in ground.ordinary)


def _reordered(claim: Sequence[Word], line: Sequence[Word]) -> Iterator[Conflict]:
    """Yield names and numbers that changed places; "by" may turn a sentence around rightly."""
    if any(word.text == "by" for word in claim) != any(word.text == "by" for word in line):
        return
    here = Counter(word.stem for word in line)
    by_stem = {word.stem: word for word in line}
    said = Counter(word.stem for word in claim)
    kept = [
        word
        for word in claim
        if (word.name or word.number)
        and not word.dated
        and here[word.stem] == said[word.stem] == 1
        and not by_stem[word.stem].dated
    ]
    places = {word.stem: place for place, word in enumerate(line)}
    for first, second in pairwise(kept):
        if places[first.stem] > places[second.stem]:
            kind = ConflictKind.NUMBER if first.number else ConflictKind.NAME
            yield Conflict(kind=kind, said=first.text, stored=second.text)


def _mixed(claim: Sequence[Word], inside: Sequence[Sequence[Word]]) -> Iterator[Conflict]:
    """Yield numbers and names that the text says of something else.

    The window is cut into clauses. A number or name is out of place if the claim's other words
    stand in a clause with another number of the same unit, or another name, and none of them in
    its own: "Alice lives in Leeds" where "Alice lives in Berlin, and Bob lives in Leeds".
    """
    clauses = [clause for line in inside for clause in _clauses(line)]
    said = {word.stem for word in claim}
    for item, unit in _items(claim):
        own = [clause for clause in clauses if any(word.stem == item.stem for word in clause)]
        if len(own) != 1:
            continue
        home = _topic(own[0], clauses, item)
        rivals = [
            clause
            for clause in clauses
            if clause is not own[0]
            and any(
                rival.stem not in said
                and rival.number == item.number
                and (behind == unit or not item.number)
                for rival, behind in _items(clause)
            )
        ]
        away = [_topic(clause, clauses, item) for clause in rivals]
        others = {w.stem for w in claim if w.content and w.stem not in (item.stem, unit)}
        told = frozenset[str]().union(*away)
        if (others & told) - home and not (others & home) - told:
            kind = ConflictKind.NUMBER if item.number else ConflictKind.NAME
            yield Conflict(kind=kind, said=item.text, stored=_rival(rivals[0], item, unit, said))


def _items(found: Sequence[Word]) -> Iterator[tuple[Word, str]]:
    """Yield the numbers with a unit, and the names."""
    for word, unit in _with_units(found):
        if unit:
            yield word, unit
    for word in found:
        if word.name and not word.dated:
            yield word, ""


def _clauses(line: Sequence[Word]) -> list[Sequence[Word]]:
    """Return the clauses of a line, cut before "and", "but", "while" and "whereas"."""
    clauses: list[list[Word]] = [[]]
    for word in line:
        if word.text in _JOINING:
            clauses.append([])
        clauses[-1].append(word)
    return [clause for clause in clauses if any(word.content for word in clause)]


def _topic(clause: Sequence[Word], clauses: Sequence[Sequence[Word]], item: Word) -> frozenset[str]:
    """Return the stems that tell what a clause's number or name is said of.

    Where a later clause begins with its number ("three months for managers and one month for all
    others"), what stands before the first number is said of both.
    """
    shared: frozenset[str] = frozenset()
    if item.number and any(_begins_with_number(other) for other in clauses):
        first = next(other for other in clauses if any(word.number for word in other))
        before = next(place for place, word in enumerate(first) if word.number)
        shared = frozenset(word.stem for word in first[:before])
    return frozenset(word.stem for word in clause if word.content) - shared


def _begins_with_number(clause: Sequence[Word]) -> bool:
    content = next((word for word in clause if word.content), None)
    return content is not None and content.number and clause[0].text in _JOINING


def _rival(clause: Sequence[Word], item: Word, unit: str, said: set[str]) -> str:
    return next(
        rival.text
        for rival, behind in _items(clause)
        if rival.stem not in said
        and rival.number == item.number
        and (behind == unit or not item.number)
    )
