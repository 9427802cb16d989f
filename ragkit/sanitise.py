"""Makes text from documents harmless before a chat model reads it.

What a person would not see is taken out, and what could be mistaken for the prompt's own
structure is broken up, so that it reads the same to a person and is nothing to a machine. Pure,
and never for citations: they are always made of the stored text.
"""

from __future__ import annotations

import re
import unicodedata

# Invisible signs between letters that scripts such as Persian and Hindi need.
_JOINERS = "\u200c\u200d"
_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# The control tokens of chat models, such as <|im_start|>, [INST], <<SYS>>, <end_of_turn>, </s>.
_CONTROL = re.compile(
    r"[<\uff1c]\s*[|\uff5c]|[|\uff5c]\s*[>\uff1e]|\[/?INST\]|<</?SYS>>"
    r"|</?(?:s|bos|eos|pad|unk|sep|cls|mask|system|user|assistant|start_of_turn|end_of_turn"
    r"|think|tool_call|tool_response|begin_of_text|end_of_text)>",
    re.IGNORECASE,
)
# Three or more brackets, of whatever kind, look like the marks around documents.
_MARK = re.compile(
    "[<\uff1c\u2039\u00ab\u226a\u22d8\u27e8\u3008\u300a]{3,}"
    "|[>\uff1e\u203a\u00bb\u226b\u22d9\u27e9\u3009\u300b]{3,}"
)


def sanitise(text: str) -> str:
    """Return the text without hidden characters, control tokens or look-alikes of marks.

    Lines and tabs stay. Other control characters become spaces; zero-width, bidirectional,
    filling and tag characters and variation selectors are dropped, except joiners between two
    letters beyond ASCII. Control tokens get a space after their first character.
    """
    broken = _CONTROL.sub(lambda match: f"{match[0][0]} {match[0][1:]}", visible(text))
    return _MARK.sub(lambda match: " ".join(match[0][:3]), broken)


def visible(text: str) -> str:
    """Return the text without what a person would not see; see `sanitise`."""
    return "".join(map(_printable, _HIDDEN.sub(_kept_joiner, text)))


def one_line(text: str) -> str:
    """Return the text made harmless, on one line, such as a title or a path."""
    return " ".join(sanitise(text).split())


def _kept_joiner(match: re.Match[str]) -> str:
    if match[0] not in _JOINERS:
        return ""
    text, at = match.string, match.start()
    around = text[at - 1 : at] + text[at + 1 : at + 2]
    fits = len(around) == 2 and all(
        char > "\x7f" and unicodedata.category(char)[0] in "LM" for char in around
    )
    return match[0] if fits else ""


def _printable(char: str) -> str:
    if char in f"\n\t{_JOINERS}" or char.isprintable():
        return char
    category = unicodedata.category(char)
    if category in {"Co", "Cn", "Cs"}:
        return "\ufffd"
    return "\n" if category in {"Zl", "Zp"} else " "
