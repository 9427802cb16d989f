"""Checks a file of training examples against the rules of OpenAI's chat fine-tuning format.

No account and no network are needed. What the service would refuse is a problem, each with its
line; what it would take but a person should look at is a warning.

Source: OpenAI, "Supervised fine-tuning" and "Vision fine-tuning" (guides), and the schema
FineTuneChatRequestInput of its published OpenAPI description; the default number of epochs as in
the OpenAI Cookbook, "Data preparation and analysis for chat model fine-tuning".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ragkit.json_lines import said
from ragkit.tune.chat_format import Finding, examined
from ragkit_ingest.embed.estimate import TokenEstimate, clean
from ragkit_ingest.errors import UsageError

CountTokens = Callable[[Sequence[str]], list[int]]

LEAST_EXAMPLES = 10
MOST_BYTES = 512 * 1024 * 1024
MOST_TOKENS = 65_536
"""Tokens of one example that the hosted models of 2025 (gpt-4.1, gpt-4o) are trained on."""
PRICES = MappingProxyType({"gpt-4.1": 25.0, "gpt-4.1-mini": 5.0, "gpt-4.1-nano": 1.5})
"""US dollars for a million trained tokens, as published in 2025; they change."""

_MOST_LISTED = 1000
_MESSAGE_TOKENS = 3
_MOST_IMAGE_EXAMPLES = 50_000
# The service's default: three epochs, more for few examples and fewer for many.
_EPOCHS, _FEW, _MANY, _MOST_EPOCHS = 3, 100, 25_000, 25
# Useful floating-point operations a second that a LoRA training was seen or is assumed to reach.
_SPEEDS = MappingProxyType({"cpu": 1e11, "gpu": 1e14})
_PARAMETERS = 1_000_000_000
# Forward, and backward for the activations; the base's weights need no gradient.
_OPERATIONS = 4
_CONTEXT = re.compile(r"<<<\S+ passage 1\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that is wrong with a file, or worth a look.

    Attributes:
        line: Counted from 1; 0 for the file as a whole.
        code: What kind, such as "last_message".
        message: One sentence: what is there, and what should be.
    """

    line: int
    code: str
    message: str

    def to_json(self) -> dict[str, object]:
        """Return it as it stands in the report's JSON."""
        return {"line": self.line, "code": self.code, "message": self.message}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """How long the examples are.

    Attributes:
        total: Of all examples, with the few that go around each message.
        trained: Of the assistants' messages, which the loss is taken on.
        longest: Of the longest example.
        longest_line: Its line; 0 if there is none.
        counted: Whether a tokenizer counted them; otherwise they are estimates.
    """

    total: int = 0
    trained: int = 0
    longest: int = 0
    longest_line: int = 0
    counted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingEstimate:
    """What a training would cost, roughly.

    Attributes:
        epochs: The service's default for so many examples.
        billed_tokens: Tokens of the file times the epochs.
        dollars: By hosted model, at the prices that were given or published.
        parameters: Of the model that the hours are for.
        hours: By device, "cpu" or "gpu", for training that model here.
    """

    epochs: int
    billed_tokens: int
    dollars: Mapping[str, float]
    parameters: int
    hours: Mapping[str, float]

    def to_json(self) -> dict[str, object]:
        """Return it as it stands in the report's JSON."""
        return {
            "epochs": self.epochs,
            "billed_tokens": self.billed_tokens,
            "dollars": {name: round(value, 4) for name, value in self.dollars.items()},
            "parameters": self.parameters,
            "hours": {name: round(value, 4) for name, value in self.hours.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What a check found.

    Attributes:
        file: What was checked.
        examples: Lines that hold one, right or wrong.
        problems: What the service would refuse, by line; at most 1,000.
        warnings: What a person should look at, by line; at most 1,000.
        left_out: Problems and warnings beyond these.
        tokens: How long the examples are.
        duplicates: Examples that repeat an earlier one, word for word.
        contradictions: Examples whose prompt stands earlier with another answer.
        shares: By kind ("context", "system", "several_turns", "tools", "images"), the share of
            examples that are of it, in [0, 1]. "context" are those made by ragkit's own prompt.
        estimate: Of the costs; None if there are problems, since then nothing can be trained.
    """

    file: str
    examples: int
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    left_out: int
    tokens: Tokens
    duplicates: int
    contradictions: int
    shares: Mapping[str, float]
    estimate: TrainingEstimate | None

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    def to_json(self) -> dict[str, object]:
        """Return the report as JSON values."""
        return {
            "file": self.file,
            "ok": self.ok,
            "examples": self.examples,
            "problems": [problem.to_json() for problem in self.problems],
            "warnings": [warning.to_json() for warning in self.warnings],
            "left_out": self.left_out,
            "tokens": {
                "total": self.tokens.total,
                "trained": self.tokens.trained,
                "longest": self.tokens.longest,
                "longest_line": self.tokens.longest_line,
                "counted": self.tokens.counted,
            },
            "duplicates": self.duplicates,
            "contradictions": self.contradictions,
            "shares": {name: round(share, 4) for name, share in self.shares.items()},
            "estimate": self.estimate.to_json() if self.estimate else None,
        }


def check_file(
    file: Path,
    *,
    count_tokens: CountTokens | None = None,
    max_tokens: int = MOST_TOKENS,
    prices: Mapping[str, float] = PRICES,
    parameters: int = _PARAMETERS,
) -> CheckReport:
    """Return what is wrong with a file of training examples, and what training on it would take.

    Args:
        file: JSON Lines, one `{"messages": [...]}` each.
        count_tokens: Returns each text's length; by default an estimate.
        max_tokens: Most tokens of one example.
        prices: US dollars for a million trained tokens, by model.
        parameters: Of the model that the hours are estimated for.

    Raises:
        UsageError: If the file cannot be read. A file that can be read never raises.
    """
    seen = _Seen(count=count_tokens, max_tokens=max_tokens)
    try:
        size = file.stat().st_size
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                _take(seen, number, line)
    except OSError as exc:
        raise UsageError(f"the file {file} cannot be read ({exc.strerror or exc})") from exc
    if size > MOST_BYTES:
        seen.problem(0, "size", f"the file has {size:,} bytes; at most {MOST_BYTES:,} are taken")
    _whole(seen)
    examples = seen.examples
    return CheckReport(
        file=str(file),
        examples=examples,
        problems=tuple(seen.problems),
        warnings=tuple(seen.warnings),
        left_out=seen.left_out,
        tokens=Tokens(
            total=seen.total,
            trained=seen.trained,
            longest=seen.longest[0],
            longest_line=seen.longest[1],
            counted=count_tokens is not None,
        ),
        duplicates=seen.duplicates,
        contradictions=seen.contradictions,
        shares={kind: seen.kinds[kind] / examples if examples else 0.0 for kind in _KINDS},
        estimate=None if seen.problems else _estimate(examples, seen.total, prices, parameters),
    )


_NOTHING = object()
_KINDS = ("context", "system", "several_turns", "tools", "images")


@dataclass(slots=True)
class _Seen:
    """What is known of a file so far."""

    count: CountTokens | None
    max_tokens: int
    estimate: TokenEstimate = field(default_factory=TokenEstimate)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    left_out: int = 0
    examples: int = 0
    total: int = 0
    trained: int = 0
    longest: tuple[int, int] = (0, 0)
    duplicates: int = 0
    contradictions: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    whole: dict[bytes, int] = field(default_factory=dict)
    prompts: dict[bytes, int] = field(default_factory=dict)

    def problem(self, line: int, code: str, message: str) -> None:
        self._note(self.problems, Problem(line=line, code=code, message=message))

    def warn(self, line: int, code: str, message: str) -> None:
        self._note(self.warnings, Problem(line=line, code=code, message=message))

    def _note(self, held: list[Problem], found: Problem) -> None:
        if len(held) < _MOST_LISTED:
            held.append(found)
        else:
            self.left_out += 1

    def tokens(self, texts: Sequence[str]) -> list[int]:
        if not texts:
            return []
        if self.count is not None:
            return self.count(texts)
        return self.estimate.count([clean(text) for text in texts])


def _take(seen: _Seen, number: int, line: bytes) -> None:
    """Note what one line holds."""
    if not line.strip():
        seen.problem(number, "blank", "the line is empty; leave no empty lines between examples")
        return
    seen.examples += 1
    value = _parsed(seen, number, line)
    if value is _NOTHING:
        return
    findings = list(examined(value))
    for finding in findings:
        _note(seen, number, finding)
    if any(not finding.warning for finding in findings):
        return
    _measure(seen, number, value["messages"], json.dumps(value.get("tools", "")))
    _compare(seen, number, value)
    seen.kinds.update(_kinds(value))


def _note(seen: _Seen, number: int, finding: Finding) -> None:
    note = seen.warn if finding.warning else seen.problem
    note(number, finding.code, finding.message)


def _parsed(seen: _Seen, number: int, line: bytes) -> Any:
    if number == 1 and line.startswith(b"\xef\xbb\xbf"):
        seen.problem(1, "bom", "the file begins with a byte order mark; save it without one")
        line = line[3:]
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as exc:
        message = f"byte {exc.start + 1} of the line is no UTF-8; save the file as UTF-8"
        seen.problem(number, "utf8", message)
        return _NOTHING
    repeated: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        counts = Counter(key for key, _ in found)
        repeated.extend(key for key, count in counts.items() if count > 1)
        return dict(found)

    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_constant=_no_number)
    except (ValueError, RecursionError) as exc:
        seen.problem(number, "json", f"the line is not JSON: {said(exc)}")
        return _NOTHING
    if repeated:
        message = f"the key {repeated[0]!r} stands twice in one object; only one would count"
        seen.problem(number, "repeated_key", message)
    return value


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _measure(seen: _Seen, number: int, messages: Sequence[Any], tools: str) -> None:
    spoken = [(message["role"], _text(message), message.get("weight", 1)) for message in messages]
    counts = seen.tokens([*(text for _, text, _ in spoken), tools])
    total = sum(counts) + _MESSAGE_TOKENS * (len(messages) + 1)
    seen.total += total
    seen.trained += sum(
        count
        for count, (role, _, weight) in zip(counts, spoken, strict=False)
        if role == "assistant" and weight
    )
    seen.longest = max(seen.longest, (total, number), key=lambda pair: pair[0])
    if total > seen.max_tokens:
        about = "" if seen.count else "about "
        note = seen.problem if seen.count else seen.warn
        note(
            number,
            "too_long",
            f"the example has {about}{total:,} tokens; what is beyond {seen.max_tokens:,} is cut "
            "off in training, so shorten it",
        )


def _text(message: Mapping[str, Any]) -> str:
    """Return all that the model reads of a message."""
    content = message.get("content") or ""
    parts = [content] if isinstance(content, str) else _parts(content)
    calls = [call["function"] for call in message.get("tool_calls") or ()]
    if message.get("function_call"):
        calls.append(message["function_call"])
    called = [f"{call['name']} {call['arguments']}" for call in calls]
    return "\n".join([*parts, message.get("refusal") or "", *called]).strip()


def _parts(content: Sequence[Mapping[str, Any]]) -> list[str]:
    return [part.get("text") or part.get("refusal") or "" for part in content]


def _compare(seen: _Seen, number: int, value: Mapping[str, Any]) -> None:
    """Note whether the example, or its prompt with another answer, stood earlier."""
    messages = value["messages"]
    whole = _digest(value)
    prompt = _digest({**value, "messages": messages[:-1]})
    if whole in seen.whole:
        seen.duplicates += 1
        earlier = seen.whole[whole]
        seen.warn(number, "duplicate", f"the example is the same as that of line {earlier}")
        return
    seen.whole[whole] = number
    if prompt in seen.prompts:
        seen.contradictions += 1
        earlier = seen.prompts[prompt]
        seen.warn(
            number,
            "contradiction",
            f"the prompt is the same as that of line {earlier}, but the answer is another",
        )
    else:
        seen.prompts[prompt] = number


def _digest(value: object) -> bytes:
    text = json.dumps(value, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(" ".join(text.split()).encode()).digest()


def _kinds(value: Mapping[str, Any]) -> Iterator[str]:
    messages = value["messages"]
    roles = [message["role"] for message in messages]
    if any(_CONTEXT.search(_text(m)) for m in messages if m["role"] == "user"):
        yield "context"
    if {"system", "developer"} & set(roles):
        yield "system"
    if roles.count("user") > 1:
        yield "several_turns"
    if any(message.get("tool_calls") or message.get("function_call") for message in messages):
        yield "tools"
    if any(_has_image(message) for message in messages):
        yield "images"


def _has_image(message: Mapping[str, Any]) -> bool:
    content = message.get("content")
    return isinstance(content, list) and any(part["type"] == "image_url" for part in content)


def _whole(seen: _Seen) -> None:
    """Note what is wrong with the file as a whole."""
    if seen.examples < LEAST_EXAMPLES:
        held = f"{seen.examples} example{'' if seen.examples == 1 else 's'}"
        seen.problem(0, "few", f"the file holds {held}; at least {LEAST_EXAMPLES} are needed")
    if seen.kinds["images"] > _MOST_IMAGE_EXAMPLES:
        seen.problem(
            0,
            "images",
            f"{seen.kinds['images']:,} examples hold images; at most {_MOST_IMAGE_EXAMPLES:,} may",
        )


def _estimate(
    examples: int, tokens: int, prices: Mapping[str, float], parameters: int
) -> TrainingEstimate:
    epochs = default_epochs(examples)
    billed = tokens * epochs
    return TrainingEstimate(
        epochs=epochs,
        billed_tokens=billed,
        dollars={name: billed * price / 1e6 for name, price in prices.items()},
        parameters=parameters,
        hours={
            device: _OPERATIONS * parameters * billed / speed / 3600
            for device, speed in _SPEEDS.items()
        },
    )


def default_epochs(examples: int) -> int:
    """Return how many epochs the service trains by default on so many examples, 1 to 25."""
    if examples * _EPOCHS < _FEW:
        return min(_MOST_EPOCHS, _FEW // max(1, examples))
    return max(1, _MANY // examples) if examples * _EPOCHS > _MANY else _EPOCHS
