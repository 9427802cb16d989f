"""Samples of the house voice, from a file.

JSON Lines: `{"question": ..., "answer": ...}` (also `prompt` and `reply`), or `{"messages": ...}`,
or only `{"answer": ...}` or a text; with `kind` "plain", "with_context" or "refusal", `context`
(the passage that the answer rests on), `id` and `source` if they are known; null and an empty text
say that something is not. A file is JSON Lines if its name says so (.jsonl, .ndjson, .json) or it
begins with a brace. Any other is read as plain answers, one a paragraph.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ragkit.generate.model import Message
from ragkit.json_lines import fields, lines_of, text_of
from ragkit.tune.example import message_of
from ragkit_ingest.errors import UsageError
from ragkit_ingest.lexical import STOPWORDS

PLAIN, CONTEXT, REFUSAL = "plain", "context", "refusal"
_KINDS = {"plain": PLAIN, "with_context": CONTEXT, "context": CONTEXT, "refusal": REFUSAL, "": ""}
_QUESTIONS = ("question", "prompt", "instruction", "input")
_ANSWERS = ("answer", "reply", "response", "completion", "output", "text")
_KNOWN = {*_QUESTIONS, *_ANSWERS, "messages", "kind", "context", "id", "source"}
_WHAT = "samples of a voice"
_JSON_LINES = {".jsonl", ".ndjson", ".json"}
_TOPICS = 3
_LEAST_REPEATS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceSample:
    """Something that was said in the house voice.

    Attributes:
        id: Unique in its file.
        line: Where it begins in the file, from 1.
        question: What it answers; for an answer alone, a request made of its topics.
        answer: In the house voice.
        kind: "plain", "context" or "refusal"; "" if the file does not say.
        context: The passage that it rests on; "" if it is not known.
        source: What belongs together, such as a letter's name; "" for nothing.
        before: Messages before the question.
        alone: Whether the file gives the answer alone.
    """

    id: str
    line: int
    question: str
    answer: str
    kind: str = ""
    context: str = ""
    source: str = ""
    before: tuple[Message, ...] = ()
    alone: bool = False


def load_samples(file: Path) -> list[VoiceSample]:
    """Return the samples of a file, in its order.

    Raises:
        UsageError: If the file cannot be read, is empty, holds a line that is no sample, or two
            samples with the same id; the message names the line.
    """
    text = text_of(file, _WHAT)
    if file.suffix.lower() in _JSON_LINES or text.lstrip().startswith("{"):
        samples = [
            line.read(partial(_sample, line=line.number), "is no sample of a voice")
            for line in lines_of(file, text)
        ]
    else:
        samples = _paragraphs(text)
    if not samples:
        raise UsageError(
            f"{file} holds no samples of a voice; write one answer a line or paragraph"
        )
    twice = [id_ for id_, count in Counter(one.id for one in samples).items() if count > 1]
    if twice:
        raise UsageError(f"{file} has two samples with the id {twice[0]!r}")
    return samples


def closings(samples: Sequence[VoiceSample]) -> list[str]:
    """Return the phrases that the voice closes with, the most frequent first.

    They are last sentences that at least three samples share.
    """
    from ragkit.sentence import split

    last = Counter[str]()
    for sample in samples:
        spans = split(sample.answer)
        if len(spans) > 1:
            last[sample.answer[slice(*spans[-1])]] += 1
    return [text for text, count in last.most_common() if count >= _LEAST_REPEATS]


def _paragraphs(text: str) -> list[VoiceSample]:
    samples = []
    held: list[str] = []
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        if line.strip():
            held.append(line.strip())
        elif held:
            if not held[0].startswith("#"):
                samples.append(_alone(" ".join(held), number - len(held)))
            held = []
    return samples


def _alone(answer: str, line: int, **known: Any) -> VoiceSample:
    return VoiceSample(
        id=known.pop("id", "") or f"line-{line}",
        line=line,
        question=_request(answer),
        answer=answer,
        alone=True,
        **known,
    )


def _request(answer: str) -> str:
    """Return a request that the answer would fulfil, made of its longest topic words."""
    flat = ["".join(c for c in word if c.isalnum() or c in "-'\u2019") for word in answer.split()]
    topics = dict.fromkeys(
        w.casefold() for w in flat if len(w) > 3 and w.casefold() not in STOPWORDS
    )
    longest = sorted(topics, key=lambda word: -len(word))[:_TOPICS]
    chosen = [word for word in topics if word in longest]
    return f"Write a short text on: {', '.join(chosen) or 'anything'}."


def _sample(value: Any, *, line: int) -> VoiceSample:
    if isinstance(value, str):
        return _alone(_filled(value, "the text"), line)
    value = fields(value, _KNOWN)
    kind = value.get("kind") or ""
    if kind not in _KINDS:
        raise ValueError(f"its kind is {kind!r:.40}; the kinds are plain, with_context and refusal")
    context = value.get("context") or ""
    known: dict[str, Any] = {
        "id": str(value.get("id") or f"line-{line}"),
        "kind": _KINDS[kind],
        "context": _filled(context, "its context") if context else "",
        "source": str(value.get("source") or ""),
    }
    if "messages" in value:
        return _of_messages(value["messages"], line, known)
    answer = _filled(_first(value, _ANSWERS), "its answer")
    question = _first(value, _QUESTIONS)
    if question is None or question == "":
        return _alone(answer, line, **known)
    return VoiceSample(
        line=line, question=_filled(question, "its question"), answer=answer, **known
    )


def _of_messages(messages: Any, line: int, known: Mapping[str, Any]) -> VoiceSample:
    if not isinstance(messages, list) or len(messages) < 2:
        raise ValueError("its messages are no list of two or more")
    said = [message_of(one) for one in messages]
    if [one.role for one in said[-2:]] != ["user", "assistant"]:
        raise ValueError("its last two messages are not the user's and the assistant's")
    return VoiceSample(
        line=line,
        question=said[-2].content,
        answer=said[-1].content,
        before=tuple(said[:-2]),
        **known,
    )


def _first(value: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((value[name] for name in names if name in value), None)


def _filled(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{what} is no text, or empty")
    return value.strip()
