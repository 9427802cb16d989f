"""Asks a chat model as a judge: replies are kept, refusals have names, and the bill is counted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from ragkit.generate.model import ChatModel, Finish, Message
from ragkit_eval.cache import AnswerCache, key_of
from ragkit_eval.recorded import Recorded
from ragkit_eval.refusal import refuses
from ragkit_ingest.errors import GeneratorError

_MOST_OBJECTS = 50
_REFUSING = re.compile(
    r"\b(?:can(?:not|'t)|can not|won't|will not|unable to|not able to)"
    r" (?:help|assist|comply|compare|judge|evaluate|assess|provide|do (?:this|that)|continue)",
    re.IGNORECASE,
)


class JudgeStatus(StrEnum):
    """Why a judge gave no verdict."""

    REFUSED = "refused"
    """The judge, or its provider, would not say."""
    MALFORMED = "malformed"
    """What it said is not in the form that it was asked for."""
    CUT_OFF = "cut_off"
    """Its reply was longer than it may be."""
    FAILED = "judge_failed"
    """It could not be asked."""
    NOT_A_NUMBER = "not_a_number"
    """The measure came to no number."""
    ABSTAINED = "abstained"
    """The answer was withheld, so there is nothing to judge."""
    NO_ANSWER = "failed"
    """The arm failed on the case."""
    NO_PASSAGES = "no_passages"
    """The arm was shown no passages."""
    NO_EVIDENCE = "no_evidence"
    """The case does not say where its answer stands."""
    UNANSWERABLE = "unanswerable"
    """The measure compares with an accepted answer, and there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a judge said.

    Attributes:
        text: As it was written; empty if nothing was.
        status: Why it is of no use; None if it may be.
        reason: More of that, one sentence.
    """

    text: str
    status: JudgeStatus | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Of a million tokens, in the user's currency; 0 if unknown."""

    read: float = 0.0
    written: float = 0.0


@dataclass(slots=True, kw_only=True)
class Bill:
    """What was asked, and what it takes.

    Attributes:
        calls: Requests to the model.
        cached: Questions whose reply was there already.
        prompt_tokens: Read by the model.
        completion_tokens: Written by it.
        estimated: Whether some of the tokens are estimates.
    """

    calls: int = 0
    cached: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False

    def cost(self, prices: Prices) -> float | None:
        """Return the cost in the user's currency; None if no price is known."""
        if not (prices.read or prices.written):
            return None
        return (self.prompt_tokens * prices.read + self.completion_tokens * prices.written) / 1e6

    def to_json(self, prices: Prices) -> dict[str, object]:
        """Return the bill as it stands in judges.json."""
        cost = self.cost(prices)
        return {
            "calls": self.calls,
            "cached": self.cached,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "estimated": self.estimated,
            "cost": None if cost is None else round(cost, 6),
        }


class Asking(Protocol):
    """Asks a judge, or only counts what asking would take.

    Attributes:
        bill: What was asked so far.
        dry: Whether nothing is asked, so that replies are empty.
    """

    bill: Bill
    dry: bool

    def ask(self, messages: Sequence[Message], *, max_tokens: int, likely_tokens: int) -> Reply:
        """Return what the judge says.

        Args:
            messages: At least one; the last is the user's.
            max_tokens: Most tokens of the reply.
            likely_tokens: What a reply usually takes, for an estimate.
        """
        ...


class AskedModel:
    """Asks a chat model. A reply that is whole is kept and not asked for again.

    Args:
        model: The judge.
        cache: Where replies are kept.
        decides: What else decides the replies, such as the model's seed and address.
    """

    dry = False

    def __init__(self, model: ChatModel, cache: AnswerCache, decides: dict[str, Any]) -> None:
        self.bill = Bill()
        self._model = model
        self._cache = cache
        self._decides = {"judge": model.name, **decides}

    def ask(self, messages: Sequence[Message], *, max_tokens: int, likely_tokens: int) -> Reply:  # noqa: ARG002
        """Return what the judge says; a judge that fails gives a reply that says so."""
        key = _key(self._decides, messages, max_tokens)
        held = self._cache.get(key)
        if held is not None:
            self.bill.cached += 1
            return Reply(text=held.text, status=JudgeStatus.REFUSED if held.abstained else None)
        pieces: list[str] = []
        finish = Finish()
        self.bill.calls += 1
        try:
            for event in self._model.stream(messages, max_tokens=max_tokens):
                if isinstance(event, Finish):
                    finish = event
                else:
                    pieces.append(event)
        except GeneratorError as exc:
            return Reply(text="", status=JudgeStatus.FAILED, reason=str(exc))
        text = "".join(pieces)
        self._count(messages, text, finish)
        if finish.reason == "length":
            return Reply(text=text, status=JudgeStatus.CUT_OFF, reason=f"at {max_tokens} tokens")
        refused = finish.reason == "content_filter"
        self._cache.put(key, Recorded(arm="judge", id="", text=text, abstained=refused))
        return Reply(text=text, status=JudgeStatus.REFUSED if refused else None)

    def _count(self, messages: Sequence[Message], text: str, finish: Finish) -> None:
        if finish.counted:
            self.bill.prompt_tokens += finish.prompt_tokens
            self.bill.completion_tokens += finish.completion_tokens
            return
        self.bill.estimated = True
        *read, written = self._model.count_tokens([*(m.content for m in messages), text])
        self.bill.prompt_tokens += sum(read)
        self.bill.completion_tokens += written


class Estimating:
    """Asks nothing and counts what asking would take; replies that are kept cost nothing.

    Args:
        model: Counts tokens; it is not asked.
        cache: Where replies are kept.
        decides: As for `AskedModel`.
    """

    dry = True

    def __init__(self, model: ChatModel, cache: AnswerCache, decides: dict[str, Any]) -> None:
        self.bill = Bill(estimated=True)
        self._model = model
        self._cache = cache
        self._decides = {"judge": model.name, **decides}

    def ask(self, messages: Sequence[Message], *, max_tokens: int, likely_tokens: int) -> Reply:
        """Count a question; return the reply that is kept, else an empty one."""
        held = self._cache.get(_key(self._decides, messages, max_tokens))
        if held is not None:
            self.bill.cached += 1
            return Reply(text=held.text, status=JudgeStatus.REFUSED if held.abstained else None)
        self.bill.calls += 1
        counted = self._model.count_tokens([message.content for message in messages])
        self.bill.prompt_tokens += sum(counted)
        self.bill.completion_tokens += min(max_tokens, likely_tokens)
        return Reply(text="")


def objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects that stand in a text, in order, not those within others."""
    decoder = json.JSONDecoder()
    place = text.find("{")
    for _ in range(_MOST_OBJECTS):
        if place < 0:
            return
        try:
            found, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            end = place + 1
        else:
            if isinstance(found, dict):
                yield found
        place = text.find("{", end)


def unusable(text: str) -> JudgeStatus:
    """Return what a reply without a verdict is: a refusal, by its words, or malformed."""
    plain = text.replace("\u2019", "'")
    if text.strip() and (refuses(plain) or _REFUSING.search(plain[:300])):
        return JudgeStatus.REFUSED
    return JudgeStatus.MALFORMED


def _key(decides: dict[str, Any], messages: Sequence[Message], max_tokens: int) -> str:
    said = [[message.role, message.content] for message in messages]
    return key_of({**decides, "messages": said, "max_tokens": max_tokens})
