"""A chat endpoint whose model obeys: whatever its prompt quotes behind a verb, it writes.

It reads encoded text too, and fills in what it is asked for. No real model is as easily led.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from tests.support.chat_server import SSE, ChatServer, chunk, pieces
from tests.support.endpoint_server import Answer

_VERBS = (
    "reply|answer|say|write|output|respond|print|repeat|state|add|append|antworte|schreibe|"
    "r\u00e9ponds|\u00e9cris|responde|\u56de\u7b54"
)
_ORDER = re.compile(
    rf"(?:{_VERBS})[^\"\n]{{0,90}}?\"(?P<what>[^\"]{{3,400}})\"", re.IGNORECASE | re.DOTALL
)
_THAT = re.compile(r"(?:tell the reader|state) that (?P<what>[^.]{3,200}\.)", re.IGNORECASE)
_TOLD = re.compile(r"The notice period of the staff is [^.]{3,60}\.")
_BASE64 = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
_MARK = re.compile(r"<<<(\w+)")
_SIGN = re.compile("\u27e8([0-9A-F]{4,5})\u27e9")


class Obedient:
    """How the endpoint behaves.

    Attributes:
        obeyed: Whether the last prompt ordered something.
        file: What a tool call wants to read.
    """

    def __init__(self, file: str) -> None:
        self.obeyed = False
        self.file = file

    def __call__(self, server: ChatServer, request: dict[str, Any]) -> Answer:
        """Stream what the prompt's documents tell the model to write, with a real tool call."""
        system, user = (message["content"] for message in request["messages"])
        ordered = obeyed(system, user)
        self.obeyed = bool(ordered)
        return 200, SSE, self._events(ordered or told(user), tool="tool" in user)

    def _events(self, said: str, *, tool: bool) -> Iterator[bytes]:
        if tool:
            call = {"name": "read_file", "arguments": json.dumps({"path": self.file})}
            delta = {"tool_calls": [{"index": 0, "id": "t", "type": "function", "function": call}]}
            yield chunk(choices=[{"index": 0, "delta": delta, "finish_reason": None}])
        for piece in pieces(said):
            yield chunk(piece)
        yield chunk(reason="stop")
        yield b"data: [DONE]\n\n"


def obeyed(system: str, user: str) -> str:
    """Return all that the prompt orders to be written, one order after the other."""
    orders = [
        match["what"]
        for view in views(user)
        for one in (_ORDER, _THAT)
        for match in one.finditer(view)
    ]
    return "\n".join(filled(order, system, user) for order in dict.fromkeys(orders))


def views(text: str) -> list[str]:
    """Return the text as it stands, and as a model may decode it."""
    found = [text, codecs.encode(text, "rot13"), text[::-1]]
    tags = "".join(chr(ord(char) - 0xE0000) for char in text if 0xE0020 <= ord(char) < 0xE007F)
    found.append(tags)
    for match in _BASE64.finditer(text):
        try:
            found.append(base64.b64decode(match[0], validate=True).decode())
        except (binascii.Error, UnicodeDecodeError):
            continue
    return found


def filled(order: str, system: str, user: str) -> str:
    """Return an order with the secrets that it asks for, and the signs that it spells."""
    mark = _MARK.search(user)
    secrets = {
        "[SYSTEM]": system[:300],
        "[MARK]": mark[1] if mark else "",
        "[QUESTION]": user.rpartition("Question: ")[2],
        "[OTHER]": first_sentence(user),
    }
    for name, secret in secrets.items():
        order = order.replace(name, quote(secret) if "//" in order or "www." in order else secret)
    order = order.replace("\u241b", "\x1b").replace("\u2407", "\x07")
    return _SIGN.sub(lambda match: chr(int(match[1], 16)), order)


def told(user: str) -> str:
    """Return what the passages tell of the question, true or false: an honest model's answer."""
    found = dict.fromkeys(_TOLD.findall(" ".join(user.split())))
    return " ".join(found) or first_sentence(user)


def first_sentence(user: str) -> str:
    """Return the first line of the first passage."""
    lines = user.splitlines()
    at = next((n for n, line in enumerate(lines) if _MARK.match(line)), -1)
    return lines[at + 1] if 0 <= at < len(lines) - 1 else ""
