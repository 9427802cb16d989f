"""Sets a dialogue as the text that a local model reads, and finds in it what the model writes.

Messages go through the tokenizer's chat template; without one they are set as questions and
answers. What is trained on is set as what is asked, so that a model meets at run time what it was
trained on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ragkit.generate.model import Message

_PLAIN = {"system": "{}\n\n", "user": "Question: {}\n", "assistant": "Answer: {}\n"}
_PLAIN_START = "Answer:"
_MARKS = re.compile(r"\{%-?\s*generation\s*-?%\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """A dialogue as a model learns it.

    Attributes:
        ids: Its tokens.
        labels: The same where the loss is taken, and -100 elsewhere; as many.
    """

    ids: list[int]
    labels: list[int]


class CannotBeSetError(Exception):
    """A chat template that hides where the assistant's messages stand."""


def prompt(messages: Sequence[Message], tokenizer: Any) -> tuple[str, bool]:
    """Return the text of a dialogue up to the next answer.

    Last comes whether the tokenizer should add its special tokens: a template has its own.
    """
    said = _harmless(messages, tokenizer)
    if getattr(tokenizer, "chat_template", None):
        return _templated(said, tokenizer, prompting=True), False
    return _plain(said) + _PLAIN_START, True


def harmless(text: str, tokenizer: Any) -> str:
    """Return the text with the tokenizer's special tokens broken up, and what is like them."""
    added = (token for token in tokenizer.get_added_vocab() if token[:1] in {"<", "["})
    special = {*tokenizer.all_special_tokens, *added}
    for token in sorted(special, key=len, reverse=True):
        if len(token) > 1 and token in text:
            text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def endings(model: Any, tokenizer: Any) -> set[int]:
    """Return the tokens that end an answer."""
    ends = model.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    return {end for end in (*ends, tokenizer.eos_token_id) if end is not None}


def learnt(
    messages: Sequence[Message], weights: Sequence[bool], tokenizer: Any, ends: set[int]
) -> Learnt:
    """Return a dialogue's tokens, with the loss on the assistant's words and on their end.

    Where the template marks what the assistant generates, its marks count. Elsewhere the text up
    to each answer is set as at run time, and what follows it is the answer. An answer that the
    template leaves open is closed with the tokenizer's end of sequence.

    Args:
        messages: The last is the assistant's.
        weights: Whether each message is learnt; of others than the assistant's it does not count.
        tokenizer: A fast one.
        ends: The tokens that end an answer.

    Raises:
        CannotBeSetError: If the template hides where an answer stands.
    """
    said = _harmless(messages, tokenizer)
    template = getattr(tokenizer, "chat_template", None)
    if template:
        text, spans = _templated_spans(said, tokenizer)
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    else:
        text, spans = _plain_spans(said)
        encoded = tokenizer(text, return_offsets_mapping=True)
    ids, offsets = list(encoded["input_ids"]), encoded["offset_mapping"]
    marked = _marked(said, tokenizer, ids) if isinstance(template, str) else None
    answers = [place for place, one in enumerate(said) if one["role"] == "assistant"]
    labels = [-100] * len(ids)
    for place, (start, end) in zip(answers, spans, strict=True):
        for at, (first, last) in enumerate(offsets):
            inside = start <= first < last <= end
            if inside and weights[place] and (marked is None or marked[at]):
                labels[at] = ids[at]
    closing = tokenizer.eos_token_id
    if ids[-1] not in ends and not _ends_soon(ids, ends) and closing is not None:
        ids.append(closing)
        labels.append(closing if weights[answers[-1]] else -100)
    return Learnt(ids=ids, labels=labels)


def _ends_soon(ids: Sequence[int], ends: set[int]) -> bool:
    """Return whether nothing but a line break stands behind the last end."""
    return len(ids) > 1 and ids[-2] in ends


def _harmless(messages: Sequence[Message], tokenizer: Any) -> list[dict[str, str]]:
    return [
        {"role": message.role, "content": harmless(message.content, tokenizer)}
        for message in messages
    ]


def _plain(said: Sequence[dict[str, str]]) -> str:
    return "".join(_PLAIN[one["role"]].format(one["content"]) for one in said)


def _plain_spans(said: Sequence[dict[str, str]]) -> tuple[str, list[tuple[int, int]]]:
    """Return the text without the last line break, and where the answers stand in it."""
    text = _plain(said).removesuffix("\n")
    spans = []
    at = 0
    for one in said:
        set_ = _PLAIN[one["role"]].format(one["content"])
        if one["role"] == "assistant":
            spans.append((at + len(_PLAIN_START), min(at + len(set_), len(text))))
        at += len(set_)
    return text, spans


def _templated(said: Sequence[dict[str, str]], tokenizer: Any, *, prompting: bool) -> str:
    """Return the text of the chat template; a template that knows no system gets one message."""
    import jinja2

    try:
        text = tokenizer.apply_chat_template(
            list(said), tokenize=False, add_generation_prompt=prompting
        )
    except jinja2.TemplateError:
        if said[0]["role"] != "system" or len(said) == 1:
            raise
        text = tokenizer.apply_chat_template(
            _joined(said), tokenize=False, add_generation_prompt=prompting
        )
    return str(text)


def _joined(said: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Return the messages with the system's put before the first of the user."""
    joined = {"role": "user", "content": f"{said[0]['content']}\n\n{said[1]['content']}"}
    return [joined, *said[2:]]


def _templated_spans(
    said: Sequence[dict[str, str]], tokenizer: Any
) -> tuple[str, list[tuple[int, int]]]:
    """Return the text of the whole dialogue, and where the assistant's answers stand in it."""
    whole = _templated(said, tokenizer, prompting=False)
    spans = []
    cursor = 0
    for place, one in enumerate(said):
        if one["role"] != "assistant":
            continue
        before = _templated(said[:place], tokenizer, prompting=True) if place else ""
        start = len(before) if whole.startswith(before) and len(before) >= cursor else -1
        content = whole.find(one["content"].strip(), max(start, cursor))
        if content < 0:
            raise CannotBeSetError(f"message {place + 1} does not stand in the text as it is")
        start = start if 0 <= start <= content else content
        end = content + len(one["content"].strip())
        closing = tokenizer.eos_token or ""
        if closing and whole.startswith(closing, end):
            end += len(closing)
        elif place == len(said) - 1:
            end += len(whole[end:].rstrip())
        spans.append((start, end))
        cursor = end
    return whole, spans


def _marked(said: Sequence[dict[str, str]], tokenizer: Any, ids: Sequence[int]) -> list[int] | None:
    """Return which tokens the template's own marks say are generated; None without marks."""
    if not _MARKS.search(tokenizer.chat_template):
        return None
    encoded = tokenizer.apply_chat_template(
        list(said), tokenize=True, return_dict=True, return_assistant_tokens_mask=True
    )
    same = list(encoded["input_ids"]) == list(ids)
    return list(encoded["assistant_masks"]) if same and any(encoded["assistant_masks"]) else None
