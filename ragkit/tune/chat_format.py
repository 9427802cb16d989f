"""The rules of one example of the chat fine-tuning format. Pure: a value in, findings out."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

ROLES = ("system", "developer", "user", "assistant", "tool", "function")

_EXAMPLE_KEYS = {"messages", "tools", "functions", "parallel_tool_calls"}
_MESSAGE_KEYS = {
    "system": {"content", "name"},
    "developer": {"content", "name"},
    "user": {"content", "name"},
    "assistant": {"content", "name", "refusal", "tool_calls", "function_call", "weight", "audio"},
    "tool": {"content", "tool_call_id"},
    "function": {"content", "name"},
}
_PARTS = {
    "system": {"text"},
    "developer": {"text"},
    "user": {"text", "image_url"},
    "assistant": {"text", "refusal"},
    "tool": {"text"},
    "function": set[str](),
}
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_IMAGE = re.compile(r"https?://\S+|data:image/(?:jpeg|png|webp);base64,(?P<data>\S*)")
_MOST_IMAGES = 10
_MOST_IMAGE_BYTES = 10 * 1024 * 1024
_MOST_FUNCTIONS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong with an example.

    Attributes:
        code: What kind, such as "role".
        message: One sentence.
        warning: Whether the service would take the example all the same.
    """

    code: str
    message: str
    warning: bool = False


def examined(value: object) -> Iterator[Finding]:
    """Yield what is wrong with an example, whatever the value is."""
    if not isinstance(value, dict):
        yield _wrong("example", f"the line holds {_kind(value)}, not an object with messages")
        return
    if _lone_surrogate(value):
        yield _wrong("unicode", "a text holds half a character (a lone surrogate such as \\ud83d)")
    yield from _other_formats(value)
    unknown = sorted(value.keys() - _EXAMPLE_KEYS)
    if unknown and "messages" in value:
        known = ", ".join(sorted(_EXAMPLE_KEYS))
        yield _wrong("unknown_key", f"the key {unknown[0]!r} is unknown; the keys are {known}")
    messages = value.get("messages")
    if not isinstance(messages, list) or not messages:
        if "messages" in value or not (value.keys() & {"prompt", "input"}):
            said = "is missing" if messages is None else f"is {_kind(messages)}"
            yield _wrong("messages", f"messages {said}; it must be a list of one message or more")
        return
    tools = list(_tools(value))
    yield from tools
    sound = True
    for number, message in enumerate(messages, start=1):
        found = list(_message(message, number))
        sound = sound and not any(not finding.warning for finding in found)
        yield from found
    if sound and not any(not finding.warning for finding in tools):
        yield from _dialogue(messages)
        yield from _calls(messages, _declared(value))


def _other_formats(value: Mapping[str, Any]) -> Iterator[Finding]:
    if "prompt" in value and "completion" in value:
        yield _wrong(
            "format",
            "the line holds prompt and completion, the format of completion models; a chat model "
            "needs messages (ragkit tune prepare --format chat)",
        )
    if "preferred_output" in value:
        yield _wrong(
            "format", "the line holds preferred_output, the format of preference tuning (DPO)"
        )


def _message(message: object, number: int) -> Iterator[Finding]:
    where = f"message {number}"
    if not isinstance(message, dict):
        yield _wrong("message", f"{where} is {_kind(message)}, not an object")
        return
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES:
        said = "has no role" if "role" not in message else f"has the role {role!r:.40}"
        yield _wrong("role", f"{where} {said}; the roles are {', '.join(ROLES)}")
        return
    if role == "developer":
        yield _odd("role", f"{where} is of a developer; only system is sure to be taken")
    where = f"{where} ({role})"
    unknown = sorted(message.keys() - _MESSAGE_KEYS[role] - {"role"})
    if "weight" in unknown:
        yield _wrong("weight", f"{where} has a weight, which only an assistant's may have")
        unknown.remove("weight")
    if unknown:
        known = ", ".join(sorted(_MESSAGE_KEYS[role]))
        yield _wrong("unknown_key", f"{where} has the unknown key {unknown[0]!r}; known: {known}")
    yield from _named(message, role, where)
    yield from _content(message, role, where)
    if role == "assistant":
        yield from _assistant(message, where)
    if role == "tool" and not _filled(message.get("tool_call_id")):
        yield _wrong("tool_call_id", f"{where} lacks tool_call_id, the id of the call it answers")


def _named(message: Mapping[str, Any], role: str, where: str) -> Iterator[Finding]:
    name = message.get("name")
    if name is None:
        if role == "function":
            yield _wrong("name", f"{where} lacks the name of its function")
    elif not isinstance(name, str) or not _NAME.fullmatch(name):
        yield _wrong(
            "name",
            f"{where} has the name {name!r:.80}; a name has 1 to 64 letters, digits, _ and -",
        )


def _content(message: Mapping[str, Any], role: str, where: str) -> Iterator[Finding]:
    content = message.get("content")
    if content is None:
        said = role == "assistant" and any(
            message.get(key) for key in ("tool_calls", "function_call", "refusal", "audio")
        )
        if not said:
            yield _wrong("content", f"{where} has no content")
    elif isinstance(content, str):
        if not content.strip() and not (role in {"tool", "function"} or _called(message)):
            yield _wrong("empty", f"{where} is empty")
    elif isinstance(content, list) and content and _PARTS[role]:
        for number, part in enumerate(content, start=1):
            yield from _part(part, role, f"part {number} of {where}")
    else:
        allowed = "a text or a list of parts" if _PARTS[role] else "a text"
        yield _wrong("content", f"the content of {where} is {_kind(content)}; it must be {allowed}")


def _part(part: object, role: str, where: str) -> Iterator[Finding]:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or not isinstance(kind, str) or kind not in _PARTS[role]:
        allowed = " or ".join(sorted(_PARTS[role]))
        said = _kind(part) if kind is None else f"of type {kind!r:.40}"
        yield _wrong("part", f"{where} is {said}; it must be an object of type {allowed}")
        return
    unknown = sorted(part.keys() - {"type", kind})
    if unknown:
        yield _wrong("unknown_key", f"{where} has the unknown key {unknown[0]!r}")
    if kind == "image_url":
        yield from _image(part.get("image_url"), where)
    elif not _filled(part.get(kind)):
        yield _wrong("empty", f"{where} has no {kind}")


def _image(image: object, where: str) -> Iterator[Finding]:
    url = image.get("url") if isinstance(image, dict) else None
    match = _IMAGE.fullmatch(url) if isinstance(url, str) else None
    if not isinstance(image, dict) or match is None:
        yield _wrong(
            "image",
            f"{where} needs image_url with a url: http(s), or data:image/jpeg, png or webp in "
            "base64",
        )
        return
    if image.get("detail", "auto") not in ("auto", "low", "high"):
        yield _wrong("image", f"{where} has a detail that is not auto, low or high")
    if match["data"] is not None:
        try:
            size = len(b64decode(match["data"], validate=True))
        except ValueError:
            yield _wrong("image", f"{where} is not base64")
            return
        if size > _MOST_IMAGE_BYTES:
            yield _wrong("image", f"{where} has {size:,} bytes; at most {_MOST_IMAGE_BYTES:,}")


def _assistant(message: Mapping[str, Any], where: str) -> Iterator[Finding]:
    weight = message.get("weight", 1)
    if isinstance(weight, bool) or not isinstance(weight, int) or weight not in (0, 1):
        yield _wrong("weight", f"{where} has the weight {weight!r:.40}; it must be 0 or 1")
    refusal = message.get("refusal")
    if refusal is not None and not isinstance(refusal, str):
        yield _wrong("refusal", f"the refusal of {where} is {_kind(refusal)}, not a text")
    if message.get("function_call") is not None:
        yield from _call(message["function_call"], f"the function_call of {where}")
    calls = message.get("tool_calls")
    if calls is None:
        return
    if not isinstance(calls, list) or not calls:
        yield _wrong("tool_calls", f"the tool_calls of {where} is not a list of one call or more")
        return
    for number, call in enumerate(calls, start=1):
        yield from _tool_call(call, f"call {number} of {where}")
    ids = [call.get("id") for call in calls if isinstance(call, dict)]
    if len({str(id_) for id_ in ids}) < len(ids):
        yield _wrong("tool_calls", f"two calls of {where} have the same id")


def _tool_call(call: object, where: str) -> Iterator[Finding]:
    if not isinstance(call, dict):
        yield _wrong("tool_calls", f"{where} is {_kind(call)}, not an object")
        return
    if not _filled(call.get("id")):
        yield _wrong("tool_calls", f"{where} has no id")
    if call.get("type") != "function":
        yield _wrong("tool_calls", f"{where} must have the type 'function'")
    yield from _call(call.get("function"), where)


def _call(call: object, where: str) -> Iterator[Finding]:
    name = call.get("name") if isinstance(call, dict) else None
    if not isinstance(call, dict) or not isinstance(name, str) or not _NAME.fullmatch(name):
        yield _wrong("tool_calls", f"{where} needs a function with a name")
        return
    arguments = call.get("arguments")
    try:
        held = json.loads(arguments) if isinstance(arguments, str) else None
    except (ValueError, RecursionError):
        held = None
    if not isinstance(held, dict):
        yield _wrong("tool_calls", f"the arguments of {where} are no text that is a JSON object")


def _tools(value: Mapping[str, Any]) -> Iterator[Finding]:
    for key, inside in (("tools", True), ("functions", False)):
        if key in value:
            yield from _list_of_functions(value[key], key, inside=inside)
    if not isinstance(value.get("parallel_tool_calls", True), bool):
        yield _wrong("tools", "parallel_tool_calls must be true or false")


def _list_of_functions(held: object, key: str, *, inside: bool) -> Iterator[Finding]:
    if not isinstance(held, list) or not 1 <= len(held) <= _MOST_FUNCTIONS:
        yield _wrong("tools", f"{key} must be a list of 1 to {_MOST_FUNCTIONS} functions")
        return
    for number, one in enumerate(held, start=1):
        where = f"{key} {number}"
        function = one.get("function") if inside and isinstance(one, dict) else one
        if inside and not (isinstance(one, dict) and one.get("type") == "function"):
            yield _wrong("tools", f"{where} must have the type 'function'")
        elif not isinstance(function, dict) or not isinstance(function.get("name"), str):
            yield _wrong("tools", f"{where} has no name")
        elif not _NAME.fullmatch(function["name"]):
            yield _wrong("name", f"{where} is named {function['name']!r:.80}, which is no name")
        elif not isinstance(function.get("parameters", {}), dict):
            yield _wrong("tools", f"the parameters of {where} are not a JSON schema")


def _declared(value: Mapping[str, Any]) -> set[str] | None:
    """Return the names of the functions that the example declares; None if it declares none."""
    tools = [tool["function"]["name"] for tool in value.get("tools", ())]
    functions = [function["name"] for function in value.get("functions", ())]
    return {*tools, *functions} or None


def _dialogue(messages: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    """Yield what is wrong with the order of the messages, each of which is sound."""
    roles = [message["role"] for message in messages]
    if roles[-1] != "assistant":
        yield _wrong(
            "last_message",
            f"the last message is of the role {roles[-1]}; it must be the assistant's, which is "
            "what the model learns",
        )
    answers = [message for message in messages if message["role"] == "assistant"]
    if not answers:
        yield _wrong("nothing_to_learn", "there is no message of an assistant to learn from")
    elif not any(message.get("weight", 1) for message in answers):
        yield _wrong(
            "nothing_to_learn", "every message of the assistant has weight 0: nothing to learn"
        )
    if "user" not in roles:
        yield _odd("no_user", "there is no message of a user")
    if any(role in {"system", "developer"} for role in roles[1:]):
        yield _odd("system_place", "a system message stands behind the first message")
    if any(pair == ("assistant", "assistant") for pair in pairwise(roles)):
        yield _odd("turns", "two messages of the assistant follow each other")
    images = sum(_images(message) for message in messages)
    if images > _MOST_IMAGES:
        yield _wrong("image", f"the example holds {images} images; at most {_MOST_IMAGES}")


def _calls(messages: Sequence[Mapping[str, Any]], declared: set[str] | None) -> Iterator[Finding]:
    """Yield calls without an answer, and answers without a call."""
    open_ids: dict[str, str] = {}
    for number, message in enumerate(messages, start=1):
        if message["role"] == "tool":
            if open_ids.pop(message["tool_call_id"], None) is None:
                yield _wrong(
                    "tool_call_id",
                    f"message {number} (tool) answers the call "
                    f"{message['tool_call_id']!r:.60}, which no message before it makes",
                )
            continue
        if open_ids:
            call = next(iter(open_ids))
            yield _wrong("tool_calls", f"the call {call!r:.60} is not answered by a tool message")
            open_ids.clear()
        calls = message.get("tool_calls") or ()
        open_ids = {call["id"]: call["function"]["name"] for call in calls}
        names = list(open_ids.values())
        if message.get("function_call"):
            names.append(message["function_call"]["name"])
        odd = [name for name in names if name not in (declared or ())]
        if odd:
            yield _odd("tools", f"message {number} calls {odd[0]!r}, which tools does not list")


def _images(message: Mapping[str, Any]) -> int:
    content = message.get("content")
    return sum(p["type"] == "image_url" for p in content) if isinstance(content, list) else 0


def _called(message: Mapping[str, Any]) -> bool:
    return bool(message.get("tool_calls") or message.get("function_call"))


def _lone_surrogate(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _filled(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _kind(value: object) -> str:
    names: dict[type, str] = {
        dict: "an object",
        list: "a list" if value else "an empty list",
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), "null")


def _wrong(code: str, message: str) -> Finding:
    return Finding(code=code, message=message)


def _odd(code: str, message: str) -> Finding:
    return Finding(code=code, message=message, warning=True)
