"""Probes: prompts that an adapter is tried on before it may be used.

Some hold a fact that stands only in their passages: where the answer is a number, it is changed
in the passages to one that stands nowhere else, so that no model can know it. Some hold passages
that do not answer. Some are held-out requests, to hear how the answers sound.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ragkit.answer import Passage
from ragkit.generate.marker import claims
from ragkit.generate.model import ChatModel, Message, written
from ragkit.json_lines import fields, lines
from ragkit.tune.example import message_of
from ragkit.tune.leakage import Guarded
from ragkit.tune.shape import Found, Shaper
from ragkit_ingest.lexical import words

CONTEXT, ABSTAIN, TONE = "context", "abstain", "tone"
_KINDS = (CONTEXT, ABSTAIN, TONE)
_NUMBER = re.compile(r"(?<![\w.,:-])\d+(?:[.,]\d+)?(?![\w]|[.,:-]\d)")
_MANY = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A prompt, and what a good answer to it has.

    Attributes:
        id: Unique in its file.
        kind: "context" (the passages hold the answer), "abstain" (they do not) or "tone".
        messages: The last is the user's.
        expect: Any of these, within the answer, counts as right; empty but for "context".
        refusal: The sentence that says that the passages do not answer.
        altered: Whether the answer was changed, so that it stands in these passages alone.
    """

    id: str
    kind: str
    messages: tuple[Message, ...]
    expect: tuple[str, ...] = ()
    refusal: str = ""
    altered: bool = False

    def to_json(self) -> dict[str, object]:
        """Return the probe as a line of a file."""
        return {
            "id": self.id,
            "kind": self.kind,
            "messages": [{"role": one.role, "content": one.content} for one in self.messages],
            "expect": list(self.expect),
            "refusal": self.refusal,
            "altered": self.altered,
        }


def load_probes(file: Path) -> list[Probe]:
    """Return the probes of a JSON Lines file.

    Raises:
        UsageError: If it cannot be read, or a line is no probe; the message names the line.
    """
    return [line.read(_probe, "is no probe") for line in lines(file, "probes")]


def _probe(value: object) -> Probe:
    values = fields(value)
    if values["kind"] not in _KINDS:
        raise ValueError(f"there is no kind {values['kind']!r:.40}")
    return Probe(
        id=str(values["id"]),
        kind=values["kind"],
        messages=tuple(message_of(one) for one in values["messages"]),
        expect=tuple(map(str, values.get("expect", ()))),
        refusal=str(values.get("refusal", "")),
        altered=bool(values.get("altered", False)),
    )


# -- making them -----------------------------------------------------------------------------


def probes_of(
    known: Sequence[Guarded], shaper: Shaper, draw: random.Random, *, hidden: Iterable[str] = ()
) -> list[Probe]:
    """Return the probes that questions with known answers give.

    Args:
        known: The questions; without answers, the documents do not say.
        shaper: Makes the prompts.
        draw: Decides on the order of passages and on changed numbers.
        hidden: Paths of documents that facts must not be taken from.
    """
    kept_out = frozenset(hidden)
    probes = []
    for question in known:
        probe = (
            _of_answer(question, shaper, draw, kept_out)
            if question.answers
            else _without(question, shaper, draw)
        )
        if probe is not None:
            probes.append(probe)
        if question.answers and (probe := _robbed(question, shaper, draw)) is not None:
            probes.append(probe)
    return probes


def _of_answer(
    known: Guarded, shaper: Shaper, draw: random.Random, hidden: frozenset[str]
) -> Probe | None:
    quote = next(iter(known.quotes), "")
    found = shaper.by_context(known.question, quote) if quote else Found(gold=None, others=())
    if found.gold is None or found.gold.path in hidden:
        return None
    passages, place = shaper.drawn(found, draw)
    passages, expect, altered = _altered(passages, known, draw)
    messages, _ = shaper.messages(known.question, passages, draw, place)
    return Probe(
        id=f"{known.id}-context",
        kind=CONTEXT,
        messages=messages,
        expect=expect,
        refusal=shaper.refusal,
        altered=altered,
    )


def _without(known: Guarded, shaper: Shaper, draw: random.Random) -> Probe | None:
    found = Found(gold=None, others=shaper.looked(known.question))
    return _abstaining(f"{known.id}-unanswerable", known, found, shaper, draw)


def _robbed(known: Guarded, shaper: Shaper, draw: random.Random) -> Probe | None:
    """Return the question with passages in which its answer does not stand."""
    quote = next(iter(known.quotes), "")
    found = shaper.by_context(known.question, quote) if quote else Found(gold=None, others=())
    if found.gold is None:
        return None
    safe = {one.chunk_id for one in shaper.without_answer(known.question, known.answers)}
    others = tuple(passage for passage in found.others if passage.chunk_id in safe)
    return _abstaining(f"{known.id}-robbed", known, Found(gold=None, others=others), shaper, draw)


def _abstaining(
    id_: str, known: Guarded, found: Found, shaper: Shaper, draw: random.Random
) -> Probe | None:
    passages, _ = shaper.drawn(found, draw)
    if not passages:
        return None
    messages, _ = shaper.messages(known.question, passages, draw)
    return Probe(id=id_, kind=ABSTAIN, messages=messages, refusal=shaper.refusal)


def _altered(
    passages: list[Passage], known: Guarded, draw: random.Random
) -> tuple[list[Passage], tuple[str, ...], bool]:
    """Return the passages and answers with the answer's number changed, if it has just one."""
    numbers = {match[0] for answer in known.answers for match in _NUMBER.finditer(answer)}
    if len(numbers) != 1:
        return passages, known.answers, False
    (number,) = numbers
    held = "\n".join(passage.text for passage in passages)
    if number not in _NUMBER.findall(held) or number in _NUMBER.findall(known.question):
        return passages, known.answers, False
    other = _another(number, held, draw)
    pattern = re.compile(rf"(?<![\w.,:-]){re.escape(number)}(?![\w]|[.,:-]\d)")
    changed = []
    for passage in passages:
        text = pattern.sub(other, passage.text)
        changed.append(replace(passage, text=text, end=passage.start + len(text), blocks=()))
    expect = tuple(pattern.sub(other, answer) for answer in known.answers)
    return changed, tuple(e for e in expect if other in e), True


def _another(number: str, held: str, draw: random.Random) -> str:
    """Return a number of the same length that does not stand in a text."""
    for _ in range(_MANY):
        digits = [
            char if not char.isdigit() else str(draw.randrange(0 if place else 1, 10))
            for place, char in enumerate(number)
        ]
        other = "".join(digits)
        if other != number and other not in _NUMBER.findall(held):
            return other
    return number + "7"


# -- trying them -----------------------------------------------------------------------------


def answers(model: ChatModel, probes: Sequence[Probe], *, max_tokens: int) -> list[str]:
    """Return what the model writes to each probe.

    Raises:
        GeneratorError: If it fails.
    """
    return [written(model, probe.messages, max_tokens=max_tokens) for probe in probes]


def is_right(probe: Probe, answer: str) -> bool:
    """Return whether an answer to a "context" probe says one of what is expected."""
    said = f" {' '.join(words(_plain(answer)))} "
    return any(f" {' '.join(words(text))} " in said for text in probe.expect)


def abstains(probe: Probe, answer: str) -> bool:
    """Return whether an answer says the sentence that was asked for, and claims no passage."""
    found = claims(answer, _MANY)
    refusal = " ".join(words(probe.refusal))
    says = any(refusal in " ".join(words(claim.text)) for claim in found)
    return says and not any(claim.passages for claim in found)


def spoken(answer: str, refusal: str = "") -> str:
    """Return what is the voice's own in an answer: without markers and the asked-for refusal."""
    plain = _plain(answer)
    return plain.replace(refusal, "").strip() if refusal else plain


def _plain(answer: str) -> str:
    return " ".join(claim.text for claim in claims(answer, _MANY))
