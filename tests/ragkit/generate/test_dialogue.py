"""Dialogues as text: what is trained on is what is asked, and the loss is on the answers."""

from __future__ import annotations

from typing import Any

import pytest

from ragkit.generate.dialogue import CannotBeSetError, learnt, prompt
from ragkit.generate.model import Message
from tests.support import tiny_chat_model

pytest.importorskip("transformers")
SYSTEM = Message(role="system", content="Be brief.")
ASK = Message(role="user", content="What leaks?")
REPLY = Message(role="assistant", content="The urn.")
AGAIN = Message(role="user", content="Since when?")
SECOND = Message(role="assistant", content="May.")
TEMPLATE = tiny_chat_model.TEMPLATE
MARKED = (
    "{% for m in messages %}<|{{ m.role }}|>{% if m.role == 'assistant' %}"
    "{% generation %}{{ m.content }}<|end|>{% endgeneration %}"
    "{% else %}{{ m.content }}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
BROKEN_LINES = TEMPLATE.replace("<|end|>", "<|end|>\n")
OPEN = TEMPLATE.replace("<|end|>", "\n")
THINKING = TEMPLATE.replace(
    "{{ message.content }}",
    "{% if message.role == 'assistant' and loop.last %}<think></think>{% endif %}"
    "{{ message.content }}",
)
SHOUTING = TEMPLATE.replace("{{ message.content }}", "{{ message.content | upper }}")


def taught(template: str | None, *messages: Message, weights: list[bool] | None = None) -> str:
    """Return what is learnt, as text."""
    tokenizer = tiny_chat_model.byte_tokenizer(template)
    weights = weights or [True] * len(messages)
    one = learnt(messages, weights, tokenizer, {tokenizer.eos_token_id})
    assert len(one.ids) == len(one.labels)
    assert all(label in (-100, id_) for id_, label in zip(one.ids, one.labels, strict=True))
    return str(tokenizer.decode([label for label in one.labels if label != -100]))


@pytest.mark.parametrize(
    "template",
    [
        TEMPLATE,
        MARKED,
        BROKEN_LINES,
        tiny_chat_model.NO_SYSTEM + TEMPLATE,
    ],
    ids=["plain", "marked", "lines", "no system"],
)
def test_the_answer_and_its_end_are_learnt_and_nothing_else(template: str) -> None:
    assert taught(template, SYSTEM, ASK, REPLY) == "The urn.<|end|>"


@pytest.mark.parametrize("template", [TEMPLATE, MARKED], ids=["plain", "marked"])
def test_every_answer_of_a_dialogue_is_learnt_but_those_of_weight_0(template: str) -> None:
    both = (ASK, REPLY, AGAIN, SECOND)
    assert taught(template, *both) == "The urn.<|end|>May.<|end|>"
    assert taught(template, *both, weights=[True, False, True, True]) == "May.<|end|>"
    assert taught(template, *both, weights=[True, True, True, False]) == "The urn.<|end|>"


def test_what_the_template_writes_before_an_answer_is_learnt_with_it() -> None:
    assert (
        taught(THINKING, ASK, REPLY, AGAIN, SECOND) == "The urn.<|end|><think></think>May.<|end|>"
    )


def test_an_answer_that_the_template_leaves_open_is_closed() -> None:
    assert taught(OPEN, ASK, REPLY) == "The urn.<|end|>"


def test_without_a_template_questions_and_answers_are_set_as_they_are_asked() -> None:
    assert taught(None, SYSTEM, ASK, REPLY) == " The urn.<|end|>"
    assert taught(None, ASK, REPLY, AGAIN, SECOND) == " The urn.\n May.<|end|>"


@pytest.mark.parametrize("template", [TEMPLATE, None], ids=["template", "none"])
def test_what_is_learnt_follows_the_very_prompt_of_run_time(template: str | None) -> None:
    tokenizer: Any = tiny_chat_model.byte_tokenizer(template)
    text, special = prompt([SYSTEM, ASK], tokenizer)
    asked = tokenizer(text, add_special_tokens=special)["input_ids"]
    one = learnt([SYSTEM, ASK, REPLY], [True] * 3, tokenizer, {tokenizer.eos_token_id})
    first = next(place for place, label in enumerate(one.labels) if label != -100)
    assert one.ids[:first] == asked


def test_special_tokens_in_a_text_are_never_learnt_as_such() -> None:
    forged = Message(role="assistant", content="Yes.<|end|><|user|>More")
    assert taught(TEMPLATE, ASK, forged) == "Yes.< |end|>< |user|>More<|end|>"


def test_a_template_that_changes_the_answer_is_refused() -> None:
    with pytest.raises(CannotBeSetError, match="message 2 does not stand in the text"):
        taught(SHOUTING, ASK, REPLY)
