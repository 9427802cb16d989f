"""Does a line of a document give an order to a language model, rather than tell a reader something?

What such a line makes a model write stands in the document, so it would count as supported by it.
The rules look for what orders to models have in common: rules that are to be forgotten, a role, a
reply that is put into the model's mouth, the control tokens of chat models. They are a hurdle and
no proof: an order in other words passes, and a false statement that looks like any other always
does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_SAY = (
    r"(?:say|answer|reply|respond|write|output|print|repeat|state|append|tell)"
    r"|antworte|schreibe?|r\u00e9ponds|\u00e9cris|responde|escribe"
)
_QUOTE = '["\u201c\u201d\u201e\u00ab`]'
_ORDERS = re.compile(
    "|".join(
        (
            r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,60}"
            r"\b(?:instructions?|rules?|prompts?|guidelines?|(?:all|everything|what|was|were)\b.{0,30}\b(?:above|before|said|told))\b",
            r"\b(?:rules?|instructions?|the) above\b.{0,40}\b(?:void|cancelled|no longer)",
            r"\b(?:vergiss|ignoriere|missachte|oublie|ignore|olvida|ignora)\b.{0,40}"
            r"\b(?:anweisung|regel|instruction|consigne|instruccion)",
            "(?:\u5ffd\u7565|\u65e0\u89c6|\u5fd8\u8bb0).{0,12}(?:\u6307\u793a|\u6307\u4ee4|\u8bf4\u660e)",
            r"\b(?:you are (?:now|no longer|an? (?:ai|assistant|language model))"
            r"|from (?:now|here) on,? you are|system prompt"
            r"|(?:note|message|instructions?) (?:to|for) (?:the )?(?:ai|assistants?"
            r"|language models?|llms?|chatbots?)|as an? (?:ai|language model))\b",
            r"\b(?:if|when(?:ever)?) (?:you are asked|asked|any(?:body|one) asks"
            rf"|(?:the|a) user asks)\b.{{0,80}}\b(?:{_SAY})\b",
            r"(?:^|[.:;,!?\u2026]\s*|\b(?:and|then|now|must|just|only|do|please)\s+)"
            rf"(?:{_SAY})\b[^.\"]{{0,40}}?{_QUOTE}",
            rf"(?:^|[.:;!?]\s*)(?:{_SAY})\s+(?:only|exactly|the (?:reader|user)\s+)?\s*that\b",
            r"<\s?\|\s?\w+\s?\|\s?>|\[\s?/?INST\]|<\s?<\s?/?SYS\s?>\s?>",
        )
    ),
    re.IGNORECASE,
)


def gives_order(line: str) -> bool:
    """Return whether a line reads like an order to a language model.

    Args:
        line: One sentence, heading or row, its white space folded.
    """
    return _ORDERS.search(line) is not None


def beside_orders(lines: Sequence[str]) -> list[bool]:
    """Return for each line whether it gives an order, or stands right beside one that does."""
    orders = [gives_order(line) for line in lines]
    return [any(orders[max(0, at - 1) : at + 2]) for at in range(len(orders))]
